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

LstmArchitecture PaperArchitecture() {
  return MakeLstmArchitecture(PaperRules()[0].rule().lstm());
}

std::vector<float> PaperPhi() { return InitialPhi(PaperRules(), /*seed=*/1); }

double MultiplyAdds(const LstmArchitecture& architecture) {
  int64_t weights = architecture.output_inputs;
  for (const LstmLayer& layer : architecture.layers) {
    weights += (layer.inputs + layer.units) * layer.gates();
  }
  return static_cast<double>(weights);
}

}  // namespace metastep
