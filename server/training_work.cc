#include "server/training_work.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/curve_stats.h"
#include "base/status_macros.h"
#include "optimizer/rule_factory.h"
#include "optimizer/validation_criterion.h"
#include "rpc/float_bytes.h"
#include "rpc/proto_time.h"
#include "server/curve_size.h"
#include "server/outer_step.h"

namespace metastep {
namespace {

template <typename Values>
bool AllFinite(const Values& values) {
  return std::all_of(values.begin(), values.end(),
                     [](double value) { return std::isfinite(value); });
}

}  // namespace

TrainingState InitialTraining(const v1::RunSpec& spec) {
  TrainingState state;
  state.phi[0] = std::make_shared<const std::vector<float>>(
      InitialPhi(spec.training().rules(), spec.seed()));
  return state;
}

absl::StatusOr<std::unique_ptr<TrainingWork>> TrainingWork::Create(
    std::string run_id, const v1::RunSpec& spec, TrainingState state,
    const Clock& clock) {
  METASTEP_ASSIGN_OR_RETURN(
      std::unique_ptr<const UpdateRule> rule,
      MakeHandDesignedRule(spec.training().outer().rule()));
  return std::unique_ptr<TrainingWork>(new TrainingWork(
      std::move(run_id), spec, std::move(state), std::move(rule), clock));
}

TrainingWork::TrainingWork(std::string run_id, const v1::RunSpec& spec,
                           TrainingState state,
                           std::unique_ptr<const UpdateRule> rule,
                           const Clock& clock)
    : run_id_(std::move(run_id)),
      spec_(spec),
      curriculum_(spec.training()),
      rule_(std::move(rule)),
      clock_(clock),
      state_(std::move(state)) {
  state_.outer_state.resize(rule_->StateFloats(
      static_cast<int64_t>(state_.phi.rbegin()->second->size())));
  OpenPhase();
}

bool TrainingWork::validating() const {
  const int64_t version = state_.phi_version;
  const bool due =
      version > 0 && (version % training().validation().every_rounds() == 0 ||
                      version == training().rounds());
  return due && !(state_.latest_validation &&
                  state_.latest_validation->phi_version() == version);
}

bool TrainingWork::ended() const {
  const int patience = training().validation().patience();
  const bool out_of_patience =
      patience > 0 && state_.validations_since_best >= patience;
  const bool done =
      !validating() &&
      (state_.phi_version >= training().rounds() || out_of_patience);
  return done || !failure_.empty();
}

void TrainingWork::OpenPhase() {
  const std::vector<float>& newest = *state_.phi.rbegin()->second;
  if (!AllFinite(newest)) {
    failure_ = absl::StrFormat(
        "the outer step of round %d made phi infinite or NaN; lower the outer "
        "learning rate or set training.outer.clip_norm",
        state_.phi_version);
  }
  const int lanes = validating() ? 0 : training().lanes();
  const int tasks = validating() ? training().validation().tasks() : 0;
  phi_sha256_ = PhiSha256(newest);
  gradients_.assign(lanes, {});
  window_losses_.assign(lanes, 0.0);
  curves_.assign(tasks, {});
}

int TrainingWork::shards() const {
  return static_cast<int>(gradients_.size() + curves_.size());
}

void TrainingWork::Describe(int shard, v1::Lease& lease) const {
  lease.set_round(state_.phi_version);
  *lease.mutable_spec() = spec_;
  if (validating()) {
    v1::EvaluationShard& work = *lease.mutable_evaluation();
    work.set_tasks_from(v1::EvaluationShard::VALIDATION);
    work.set_task(shard);
    work.set_steps(training().validation().steps());
    work.set_phi_version(state_.phi_version);
    return;
  }
  const auto [unroll, window] = place();
  v1::WindowShard& work = *lease.mutable_window();
  work.set_lane(shard);
  work.set_unroll(unroll);
  work.set_window(window);
  for (int w = 0; w <= window; ++w) {
    work.add_phi_versions(state_.phi_version - window + w);
  }
}

std::optional<LanePoint> TrainingWork::WarmPoint(int shard) const {
  const auto [unroll, window] = place();
  if (validating() || window == 0) return std::nullopt;
  return LanePoint{run_id_, shard, unroll, window};
}

std::optional<LanePoint> TrainingWork::WarmPointAfter(int shard) const {
  const auto [unroll, window] = curriculum_.PlaceOf(state_.phi_version + 1);
  if (validating() || window == 0) return std::nullopt;
  return LanePoint{run_id_, shard, unroll, window};
}

absl::Status TrainingWork::Take(int shard,
                                const v1::SubmitResultRequest& result) {
  if (validating() && result.has_evaluation()) {
    return TakeValidation(shard, result.evaluation());
  }
  if (!validating() && result.has_window()) {
    return TakeWindow(shard, result.window());
  }
  return absl::InvalidArgumentError("the result is not of the lease's kind");
}

absl::Status TrainingWork::TakeWindow(int shard,
                                      const v1::WindowResult& result) {
  const size_t size = state_.phi.rbegin()->second->size();
  if (result.meta_gradient().size() != size * sizeof(float)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the meta-gradient has %d bytes; phi of %d floats needs %d",
        result.meta_gradient().size(), size, size * sizeof(float)));
  }
  const size_t points = curriculum_.StageOf(place().unroll).window() + 1;
  if (static_cast<size_t>(result.losses_size()) != points) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the window has %d losses; a window of %d steps has %d",
                        result.losses_size(), points - 1, points));
  }
  std::vector<float> gradient = FloatsFromBytes(result.meta_gradient());
  if (!AllFinite(gradient) || !AllFinite(result.losses())) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "round %d, lane %d: the losses or the meta-gradient are not finite; "
        "lower the outer learning rate or set training.outer.clip_norm",
        state_.phi_version, shard));
  }
  gradients_[shard] = std::move(gradient);
  window_losses_[shard] =
      std::accumulate(result.losses().begin(), result.losses().end(), 0.0) /
      static_cast<double>(points);
  return absl::OkStatus();
}

absl::Status TrainingWork::TakeValidation(int shard,
                                          const v1::EvaluationResult& result) {
  METASTEP_RETURN_IF_ERROR(
      CheckCurveSize(result, training().validation().steps()));
  curves_[shard] = {result.losses().begin(), result.losses().end()};
  return absl::OkStatus();
}

void TrainingWork::Close() {
  if (validating()) {
    CloseValidation();
  } else {
    CloseRound();
  }
  OpenPhase();
}

void TrainingWork::CloseRound() {
  const std::vector<double> gradient = MeanGradient(gradients_);
  const double norm = EuclideanNorm(gradient);
  v1::Round round;
  round.set_phi_version(state_.phi_version);
  round.set_outer_loss(
      std::accumulate(window_losses_.begin(), window_losses_.end(), 0.0) /
      training().lanes());
  round.set_gradient_norm(norm);
  *round.mutable_closed() = ToTimestamp(clock_.Now());
  state_.last_round = std::move(round);

  const int64_t next = state_.phi_version + 1;
  const v1::OuterSpec& outer = training().outer();
  const OuterScaling scaling{
      .clip_norm = outer.clip_norm(),
      .factor = DecayFactor(next, training().rounds(), outer.decay_to())};
  state_.phi[next] = std::make_shared<const std::vector<float>>(OuterStep(
      *rule_, next, gradient, norm, scaling, *state_.phi.rbegin()->second,
      absl::MakeSpan(state_.outer_state)));
  state_.phi_version = next;
  // The unroll in progress began at this version.
  state_.phi.erase(state_.phi.begin(),
                   state_.phi.lower_bound(next - place().window));
}

void TrainingWork::CloseValidation() {
  const CurveStats stats = StatsOf(curves_);
  v1::ValidationScore score;
  score.set_phi_version(state_.phi_version);
  score.set_final_loss(stats.mean_final);
  score.set_sum_of_losses(stats.mean_sum);
  state_.latest_validation = score;
  *state_.last_round->mutable_validation() = score;
  // A NaN is never better, and anything is better than no score.
  if (!state_.best_validation ||
      Criterion(score) < Criterion(*state_.best_validation)) {
    state_.best_validation = score;
    state_.best_phi = *state_.phi.rbegin()->second;
    state_.validations_since_best = 0;
  } else {
    ++state_.validations_since_best;
  }
}

double TrainingWork::Criterion(const v1::ValidationScore& score) const {
  return CriterionValue(training().validation().criterion(), score);
}

void TrainingWork::Report(int done_shards, v1::Run& run) const {
  (void)done_shards;  // progress is counted in rounds
  run.set_done(state_.phi_version);
  run.set_total(training().rounds());
  if (state_.last_round) run.set_outer_loss(state_.last_round->outer_loss());
  if (state_.latest_validation) {
    *run.mutable_latest_validation() = *state_.latest_validation;
    *run.mutable_best_validation() = *state_.best_validation;
  }
  run.set_phi_sha256(phi_sha256_);
}

std::shared_ptr<const std::vector<float>> TrainingWork::Phi(
    int64_t version) const {
  const auto it = state_.phi.find(version);
  return it == state_.phi.end() ? nullptr : it->second;
}

std::optional<Model> TrainingWork::Result() const {
  Model model;
  *model.info.mutable_rules() = training().rules();
  model.info.set_run_id(run_id_);
  *model.info.mutable_run_spec() = spec_;
  model.info.set_phi_version(state_.best_validation->phi_version());
  *model.info.mutable_validation() = *state_.best_validation;
  model.phi = state_.best_phi;
  return model;
}

}  // namespace metastep
