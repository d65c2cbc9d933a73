#include "bench/paper_rule.h"

#include "optimizer/run_spec.h"

namespace metastep {

RuleSpecs PaperRules() {
  RuleSpecs rules;
  v1::GroupRuleSpec& rule = *rules.Add();
  rule.set_name("lstm");
  rule.mutable_rule()->mutable_lstm()->set_preset(v1::LstmSpec::PAPER);
  return ResolveGroupRules(rules).value();
}

RecurrentArchitecture PaperArchitecture() {
  return MakeRecurrentArchitecture(PaperRules()[0].rule());
}

std::vector<float> PaperPhi() { return InitialPhi(PaperRules(), /*seed=*/1); }

double MultiplyAdds(const RecurrentArchitecture& architecture) {
  size_t weights = architecture.stack.output_inputs;
  for (const CellLayer& layer : architecture.stack.layers) {
    for (const CellProduct& product : layer.products) {
      weights += product.depth * product.columns();
    }
  }
  return static_cast<double>(weights);
}

}  // namespace metastep
