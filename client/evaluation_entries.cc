#include "client/evaluation_entries.h"

#include <utility>

#include "client/model_name.h"

namespace metastep {

void AddEntry(const std::string& label, const v1::ModelInfo& model,
              v1::EvaluationSpec& what) {
  v1::EvaluationEntry& entry = *what.add_entries();
  entry.set_label(label);
  *entry.mutable_model() = PinnedRef(model);
}

void AddEntry(const std::string& label, v1::HandDesignedSpec rule,
              v1::EvaluationSpec& what) {
  v1::EvaluationEntry& entry = *what.add_entries();
  entry.set_label(label);
  *entry.mutable_hand_designed() = std::move(rule);
}

}  // namespace metastep
