// Short run specs, one of each kind, for the tests to change.
#ifndef METASTEP_TESTS_OPTIMIZER_RUN_SPEC_EXAMPLES_H_
#define METASTEP_TESTS_OPTIMIZER_RUN_SPEC_EXAMPLES_H_

namespace metastep {

inline constexpr char kTraining[] = R"pb(
  name: "r"
  task { quadratic { distribution: GAUSSIAN } }
  training { rounds: 1000 }
)pb";
inline constexpr char kMlp[] = R"pb(
  name: "r"
  task { mlp {} }
  training { rounds: 1000 }
)pb";
inline constexpr char kConvNet[] = R"pb(
  name: "r"
  task { convnet {} }
  training { rounds: 1000 }
)pb";
inline constexpr char kArt[] = R"pb(
  name: "r"
  task { art {} }
  training { rounds: 1000 }
)pb";
inline constexpr char kEvaluation[] = R"pb(
  name: "r"
  task { square {} }
  evaluation {
    entries {
      label: "a"
      hand_designed { sgd { learning_rate: 0.1 } }
    }
    entries {
      label: "b"
      model { name: "m" }
    }
  }
)pb";

inline constexpr char kStages[] = R"pb(
  name: "r"
  task { square {} }
  training {
    unroll { horizon: 40 }
    stages {
      rounds: 3
      horizon: 60
      imitation { rule { adam { learning_rate: 0.01 } } }
    }
    stages { rounds: 4 }
  }
)pb";

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZER_RUN_SPEC_EXAMPLES_H_
