// The rule that the benchmarks measure: preset PAPER, log-and-sign inputs and
// two LSTM layers of 20, at its initial meta-parameters.
#ifndef METASTEP_BENCH_PAPER_RULE_H_
#define METASTEP_BENCH_PAPER_RULE_H_

#include <vector>

#include "optimizer/recurrent_architecture.h"
#include "optimizer/rule_factory.h"

namespace metastep {

RuleSpecs PaperRules();  // resolved
RecurrentArchitecture PaperArchitecture();
std::vector<float> PaperPhi();  // [phi_size]

// Multiply-adds of one coordinate's step: the weights of phi, without biases;
// 4,980 for PAPER.
double MultiplyAdds(const RecurrentArchitecture& architecture);

}  // namespace metastep

#endif  // METASTEP_BENCH_PAPER_RULE_H_
