// Truncated backpropagation through time of learned update rules, without a
// graph (Andrychowicz et al., sections 2 and 2.1).
//
// Window w covers t = a to b, with a = wK and b = a + K. Its meta-loss is
//     L(phi) = sum_{t=a}^{b} w_t f_t(theta_t),
//     theta_{t+1} = theta_t + u_t,   (u_t, h_{t+1}) = m(g_t, h_t; phi),
// where theta_a and the recurrent state h_a are constants, and g_t is the
// gradient of the sum of the task's P problems, so df_t/dtheta = g_t / P.
// With lambda_t for dL/dtheta_t,
//     dL/du_t  = lambda_{t+1},   lambda_b = w_b g_b / P,
//     lambda_t = w_t g_t / P + lambda_{t+1} + H_t dL/dg_t,
// where H_t is the Hessian of the problems' sum at theta_t.
//
// First order: the gradients count as constants, which drops H_t. Then every
// lambda is a sum of gradients that the forward pass has already computed, and
// the rule goes backward by itself, coordinate by coordinate, forming lambda as
// it goes. Memory beyond the lane's: one rule state, and 4 bytes a coordinate
// and step (g_t).
// Exact: one Hessian-vector product a step, and every step's theta and rule
// state are kept.
//
// Imitation of a teacher with updates v_t adds weight * |u_t - v_t|^2 / |v_t|^2
// to L at every step, and so
//     a_t = 2 weight (u_t - v_t) / |v_t|^2
// to dL/du_t, in both modes: v_t is a constant. The teacher's state is part of
// the lane's; the a_t are another 4 bytes a coordinate and step.
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "learner/inner_loop.h"
#include "learner/learner.h"
#include "learner/teacher.h"
#include "optimizee/scaled_task.h"
#include "optimizer/curriculum.h"
#include "optimizer/rule_factory.h"

namespace metastep {
namespace {

// An unroll between two windows. Not thread-safe.
class Unroll final : public LaneState {
 public:
  // REQUIRES: `task` is the family's task of this key.
  Unroll(std::shared_ptr<const TaskFamily> family, const RngKey& key,
         std::unique_ptr<Task> task, InnerLoop loop,
         std::optional<Teacher> teacher)
      : family_(std::move(family)),
        key_(key),
        task_(std::move(task)),
        loop_(std::move(loop)),
        teacher_(std::move(teacher)) {}

  int64_t bytes() const override {
    const size_t floats = loop_.theta.size() + loop_.gradient.size() +
                          loop_.rule_state.size() + loop_.update.size();
    return static_cast<int64_t>(floats * sizeof(float)) + task_->bytes() +
           (teacher_ ? teacher_->bytes() : 0);
  }

  // A task is a function of its key, so the copy makes its own.
  std::unique_ptr<LaneState> Clone() const override {
    return std::make_unique<Unroll>(family_, key_, family_->Make(key_), loop_,
                                    teacher_);
  }

  const RngKey& key() const { return key_; }
  Task& task() { return *task_; }
  InnerLoop& loop() { return loop_; }
  // Of a stage with imitation; null in any other.
  Teacher* teacher() { return teacher_ ? &*teacher_ : nullptr; }

 private:
  const std::shared_ptr<const TaskFamily> family_;
  const RngKey key_;
  const std::unique_ptr<Task> task_;
  InnerLoop loop_;
  std::optional<Teacher> teacher_;
};

// Rows of N floats in one piece of memory. Not thread-safe.
class Rows {
 public:
  Rows(size_t rows, size_t n) : n_(n) { floats_.reserve(rows * n); }

  // REQUIRES: fewer rows than the constructor was told.
  void Append(absl::Span<const float> row) {
    floats_.insert(floats_.end(), row.begin(), row.end());
  }
  absl::Span<const float> operator[](size_t i) const {
    return absl::MakeConstSpan(floats_).subspan(i * n_, n_);
  }
  bool empty() const { return floats_.empty(); }

 private:
  const size_t n_;
  std::vector<float> floats_;
};

// What the backward pass needs of a window's forward pass, less what the loop
// holds at its end: g_b. All memory is taken at once, none at a step.
struct Tape {
  Tape(const InnerLoop& loop, int steps, bool exact, bool imitating)
      : begin(loop.t),
        window(steps),
        gradients(steps, loop.theta.size()),
        rule_states(exact ? steps : 1, loop.rule_state.size()),
        thetas(exact ? steps : 0, loop.theta.size()),
        update_adjoints(imitating ? steps : 0, loop.theta.size()) {
    losses.reserve(steps + 1);
  }

  int64_t begin;               // a
  int window;                  // K
  std::vector<double> losses;  // f_t(theta_t), [K + 1]
  Rows gradients;              // g_t, [K][N]
  Rows rule_states;            // h_a, or h_t: [1 or K][...]
  Rows thetas;                 // theta_t, [0 or K][N]
  Rows update_adjoints;        // a_t, [0 or K][N]
};

// Thread-safe.
class TruncatedBptt final : public Learner {
 public:
  TruncatedBptt(const v1::TrainingSpec& training,
                std::shared_ptr<const TaskFamily> family)
      : rules_(training.rules()),
        step_margin_(training.step_margin() > 0 ? training.step_margin() : 1),
        spec_(training.unroll()),
        curriculum_(training),
        family_(
            training.random_scaling() > 0
                ? MakeScaledFamily(std::move(family), training.random_scaling())
                : std::move(family)) {}

  absl::StatusOr<std::unique_ptr<LaneState>> Start(
      const RngKey& key) const override {
    std::unique_ptr<Task> task = family_->Make(key);
    // The state's size does not depend on phi.
    const std::vector<float> phi(PhiSize(rules_));
    METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<const LearnedRule> rule,
                              MakeLearnedRule(rules_, task->layout(), phi));
    METASTEP_ASSIGN_OR_RETURN(InnerLoop loop, BeginInnerLoop(*rule, *task));
    const v1::StageSpec& stage =
        curriculum_.StageOf(static_cast<int64_t>(key.unroll));
    std::optional<Teacher> teacher;
    if (stage.has_imitation()) {
      METASTEP_ASSIGN_OR_RETURN(
          teacher, Teacher::Create(stage.imitation(), loop.theta.size()));
    }
    return std::make_unique<Unroll>(family_, key, std::move(task),
                                    std::move(loop), std::move(teacher));
  }

  absl::StatusOr<WindowOutcome> RunWindow(absl::Span<const float> phi,
                                          LaneState& lane) const override {
    Unroll& unroll = static_cast<Unroll&>(lane);
    METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<const LearnedRule> rule,
                              RuleForNextWindow(phi, unroll));
    METASTEP_ASSIGN_OR_RETURN(Tape tape, Forward(*rule, unroll));
    std::vector<double> meta_gradient(phi.size());
    if (StageOf(unroll).second_derivatives()) {
      METASTEP_RETURN_IF_ERROR(
          BackwardExact(*rule, tape, unroll, absl::MakeSpan(meta_gradient)));
    } else {
      BackwardFirstOrder(*rule, tape, unroll, absl::MakeSpan(meta_gradient));
    }
    return WindowOutcome{
        .meta_gradient = {meta_gradient.begin(), meta_gradient.end()},
        .losses = std::move(tape.losses)};
  }

  absl::Status Replay(absl::Span<const float> phi,
                      LaneState& lane) const override {
    Unroll& unroll = static_cast<Unroll&>(lane);
    METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<const LearnedRule> rule,
                              RuleForNextWindow(phi, unroll));
    const int window = StageOf(unroll).window();
    for (int k = 0; k < window; ++k) {
      METASTEP_RETURN_IF_ERROR(TakeStep(*rule, unroll));
    }
    return absl::OkStatus();
  }

 private:
  const v1::StageSpec& StageOf(const Unroll& unroll) const {
    return curriculum_.StageOf(static_cast<int64_t>(unroll.key().unroll));
  }

  absl::StatusOr<std::unique_ptr<const LearnedRule>> RuleForNextWindow(
      absl::Span<const float> phi, Unroll& unroll) const {
    const v1::StageSpec& stage = StageOf(unroll);
    if (unroll.loop().t + stage.window() > stage.horizon()) {
      return absl::FailedPreconditionError(absl::StrFormat(
          "unroll is at step %d of its horizon of %d; start the next unroll",
          unroll.loop().t, stage.horizon()));
    }
    return MakeLearnedRule(rules_, unroll.task().layout(), phi, step_margin_);
  }

  // theta's step, and before it the teacher's own of the same gradient.
  static absl::Status TakeStep(const LearnedRule& rule, Unroll& unroll) {
    if (Teacher* teacher = unroll.teacher()) {
      teacher->Step(unroll.loop().t + 1, unroll.loop().gradient);
    }
    return TakeInnerStep(rule, unroll.task(), unroll.loop());
  }

  absl::StatusOr<Tape> Forward(const LearnedRule& rule, Unroll& unroll) const {
    InnerLoop& loop = unroll.loop();
    const v1::StageSpec& stage = StageOf(unroll);
    const bool exact = stage.second_derivatives();
    Teacher* teacher = unroll.teacher();
    Tape tape(loop, stage.window(), exact, teacher != nullptr);
    tape.losses.push_back(loop.loss);
    for (int k = 0; k < tape.window; ++k) {
      if (k == 0 || exact) tape.rule_states.Append(loop.rule_state);
      if (exact) tape.thetas.Append(loop.theta);
      tape.gradients.Append(loop.gradient);
      METASTEP_RETURN_IF_ERROR(TakeStep(rule, unroll));
      tape.losses.push_back(loop.loss);
      if (teacher != nullptr) {
        tape.update_adjoints.Append(teacher->AdjointOf(loop.update));
      }
    }
    return tape;
  }

  void BackwardFirstOrder(const LearnedRule& rule, const Tape& tape,
                          Unroll& unroll, absl::Span<double> phi) const {
    std::vector<absl::Span<const float>> gradients;
    std::vector<absl::Span<const float>> update_adjoints;
    std::vector<float> weights;
    gradients.reserve(tape.window + 1);
    weights.reserve(tape.window);
    for (int k = 0; k <= tape.window; ++k) {
      gradients.push_back(GradientAt(tape, k, unroll));
      if (k > 0) weights.push_back(LossScale(tape, k, unroll));
    }
    if (!tape.update_adjoints.empty()) {
      update_adjoints.reserve(tape.window);
      for (int k = 0; k < tape.window; ++k) {
        update_adjoints.push_back(tape.update_adjoints[k]);
      }
    }
    rule.WindowBackward({.gradients = gradients,
                         .weights = weights,
                         .state = tape.rule_states[0],
                         .first_step = tape.begin + 1,
                         .update_adjoints = update_adjoints},
                        phi);
  }

  absl::Status BackwardExact(const LearnedRule& rule, const Tape& tape,
                             Unroll& unroll, absl::Span<double> phi) const {
    const size_t n = unroll.loop().theta.size();
    std::vector<float> lambda(n);
    std::vector<float> state_adjoint(unroll.loop().rule_state.size());
    std::vector<float> gradient_adjoint(n);
    std::vector<float> product(n);
    std::vector<float> update_adjoint(n);
    for (int k = tape.window; k-- > 0;) {
      const absl::Span<const float> gradient = GradientAt(tape, k + 1, unroll);
      const float scale = LossScale(tape, k + 1, unroll);
      for (size_t i = 0; i < n; ++i) lambda[i] += scale * gradient[i];
      update_adjoint = lambda;
      if (!tape.update_adjoints.empty()) {
        const absl::Span<const float> own = tape.update_adjoints[k];
        for (size_t i = 0; i < n; ++i) update_adjoint[i] += own[i];
      }
      rule.StepBackward(tape.begin + k + 1, tape.gradients[k],
                        tape.rule_states[k],
                        {.update = update_adjoint,
                         .state = absl::MakeSpan(state_adjoint),
                         .gradient = absl::MakeSpan(gradient_adjoint),
                         .phi = phi});
      if (k == 0) break;  // theta_a is a constant
      METASTEP_RETURN_IF_ERROR(unroll.task().HessianVectorProduct(
          tape.begin + k, tape.thetas[k], gradient_adjoint,
          absl::MakeSpan(product)));
      for (size_t i = 0; i < n; ++i) lambda[i] += product[i];
    }
    return absl::OkStatus();
  }

  // g_t of the window's k-th point.
  absl::Span<const float> GradientAt(const Tape& tape, int k,
                                     Unroll& unroll) const {
    return k < tape.window ? tape.gradients[k] : unroll.loop().gradient;
  }

  // w_t / P of the window's k-th point.
  float LossScale(const Tape& tape, int k, Unroll& unroll) const {
    const auto& weights = spec_.loss_weights();
    const double weight =
        weights.empty() ? 1 : weights[static_cast<int>(tape.begin + k)];
    return static_cast<float>(weight /
                              static_cast<double>(unroll.task().problems()));
  }

  const RuleSpecs rules_;
  const double step_margin_;
  const v1::UnrollSpec spec_;
  const Curriculum curriculum_;
  const std::shared_ptr<const TaskFamily> family_;
};

}  // namespace

std::unique_ptr<const Learner> MakeTruncatedBptt(
    const v1::TrainingSpec& training,
    std::shared_ptr<const TaskFamily> family) {
  return std::make_unique<TruncatedBptt>(training, std::move(family));
}

}  // namespace metastep
