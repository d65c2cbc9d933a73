#include "optimizer/lstm_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "optimizer/lstm_trace.h"
#include "optimizer/update_rule.h"
#include "optimizer/vector_targets.h"  // before Highway

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/lstm_kernel.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "optimizer/activation-inl.h"
#include "optimizer/block_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

// Adjoints of one block. Not thread-safe.
struct BlockAdjoint {
  BlockAdjoint(const LstmArchitecture& architecture,
               const LstmTraceLayout& layout)
      : state(architecture.state_variables),
        inputs(architecture.inputs()),
        output(kBlock),
        sums(layout.sum_rows) {}

  AlignedRows state;   // [variables]
  AlignedRows inputs;  // of the preprocessed gradient
  AlignedRows output;  // row 0; the others are zeros, for Transpose
  AlignedRows sums;    // of phi over the window, as LstmTraceLayout says
};

// Steps one block forward and back along a trace. Not thread-safe.
class BlockLstm {
 public:
  BlockLstm(const LstmWeights& weights, LstmTrace& trace)
      : weights_(weights),
        architecture_(weights.architecture),
        trace_(trace),
        layout_(trace.layout()) {}

  // Takes step t: fills in its trace and the state before step t + 1, and
  // writes `update` [16]. REQUIRES: the trace holds the state before step t.
  void Forward(size_t t, const float* gradient, float* update) {
    Preprocess(gradient, trace_.row(t, layout_.inputs));
    for (size_t i = 0; i < architecture_.layers.size(); ++i) {
      const LstmLayer& layer = architecture_.layers[i];
      const LstmTraceLayer& at = layout_.layers[i];
      Product</*kRowStride=*/1, Into::kFresh>(
          &weights_.phi[layer.phi], layer.gates(), trace_.row(t, at.x),
          layer.inputs + layer.units + 1, trace_.row(t, at.gates),
          layer.gates());
      Activate(t, layer, at);
    }
    Product</*kRowStride=*/1, Into::kFresh>(
        &weights_.phi[architecture_.output_phi], 1, trace_.row(t, layout_.top),
        architecture_.output_inputs + 1, update, 1);
    const BlockTag d;
    const BlockVec scale = hn::Set(d, Scale());
    for (size_t k = 0; k < kBlock; k += kLanes) {
      // The last term makes a gradient that is not finite show in the update,
      // which saturated gates would hide.
      const BlockVec shown = hn::Mul(hn::Load(d, gradient + k), hn::Zero(d));
      hn::Store(hn::MulAdd(scale, hn::Load(d, update + k), shown), d,
                update + k);
    }
  }

  // Backpropagates step t, which overwrites its gates in the trace.
  // `update_adjoint` is [16].
  void Backward(size_t t, const float* update_adjoint, bool want_inputs,
                BlockAdjoint& adjoint) {
    OutputBackward(t, update_adjoint, adjoint);
    for (size_t i = architecture_.layers.size(); i-- > 0;) {
      const LstmLayer& layer = architecture_.layers[i];
      const LstmTraceLayer& at = layout_.layers[i];
      float* const h = adjoint.state.row(layer.state);
      ActivateBackward(t, layer, at, h);
      SumPhi(t, layer, at, adjoint.sums);
      const float* const to_inputs = &weights_.transposed[layer.phi];
      const size_t stride = layer.inputs + layer.units;
      const float* const gates = trace_.row(t, at.gates);
      Product</*kRowStride=*/1, Into::kFresh>(to_inputs + layer.inputs, stride,
                                              gates, layer.gates(), h,
                                              layer.units);
      if (i > 0) {
        Product</*kRowStride=*/1, Into::kSum>(
            to_inputs, stride, gates, layer.gates(),
            adjoint.state.row(architecture_.layers[i - 1].state), layer.inputs);
      } else if (want_inputs) {
        Product</*kRowStride=*/1, Into::kFresh>(
            to_inputs, stride, gates, layer.gates(), adjoint.inputs.row(0),
            layer.inputs);
      }
    }
  }

  // dL/dg [16] of a gradient [16] from that of its preprocessed form.
  void PreprocessBackward(const float* gradient, BlockAdjoint& adjoint,
                          float* gradient_adjoint) const {
    const BlockTag d;
    for (size_t k = 0; k < kBlock; k += kLanes) {
      BlockVec sum = hn::Load(d, adjoint.inputs.row(0) + k);
      if (architecture_.log_and_sign_p.has_value()) {
        sum = LogAndSignBackward(hn::Load(d, gradient + k), sum,
                                 hn::Load(d, adjoint.inputs.row(1) + k));
      }
      hn::Store(sum, d, gradient_adjoint + k);
    }
  }

 private:
  float Scale() const { return static_cast<float>(architecture_.output_scale); }
  float P() const { return static_cast<float>(*architecture_.log_and_sign_p); }
  float Slope() const {
    return static_cast<float>(std::exp(*architecture_.log_and_sign_p));
  }

  // log(|g| + eps) / p, before the clamp.
  BlockVec LogInput(BlockVec magnitude) const {
    const BlockTag d;
    return hn::Div(hn::Log(d, magnitude), hn::Set(d, P()));
  }

  // Appendix A of the paper, in the reference implementation's form.
  void Preprocess(const float* gradient, float* inputs) const {
    const BlockTag d;
    if (!architecture_.log_and_sign_p.has_value()) {
      std::copy_n(gradient, kBlock, inputs);
      return;
    }
    const BlockVec minus_one = hn::Set(d, -1.0f);
    const BlockVec slope = hn::Set(d, Slope());
    const BlockVec epsilon = hn::Set(d, kLogEpsilon);
    for (size_t k = 0; k < kBlock; k += kLanes) {
      const BlockVec g = hn::Load(d, gradient + k);
      const BlockVec log = LogInput(hn::Add(hn::Abs(g), epsilon));
      const BlockVec sign = hn::Max(minus_one, hn::Mul(g, slope));
      hn::Store(hn::Max(minus_one, log), d, inputs + k);
      hn::Store(hn::Min(hn::Set(d, 1.0f), sign), d, inputs + kBlock + k);
    }
  }

  BlockVec LogAndSignBackward(BlockVec g, BlockVec log_adjoint,
                              BlockVec sign_adjoint) const {
    const BlockTag d;
    const BlockVec one = hn::Set(d, 1.0f);
    const BlockVec slope = hn::Set(d, Slope());
    const BlockVec magnitude = hn::Add(hn::Abs(g), hn::Set(d, kLogEpsilon));
    const BlockVec log_slope =
        hn::Div(hn::CopySign(one, g), hn::Mul(magnitude, hn::Set(d, P())));
    const auto log_moves = hn::And(hn::Gt(LogInput(magnitude), hn::Neg(one)),
                                   hn::Ne(g, hn::Zero(d)));
    const auto sign_moves = hn::Le(hn::Abs(hn::Mul(g, slope)), one);
    return hn::Add(
        hn::IfThenElseZero(log_moves, hn::Mul(log_adjoint, log_slope)),
        hn::IfThenElseZero(sign_moves, hn::Mul(sign_adjoint, slope)));
  }

  // From pre-activations to gates, c and h.
  void Activate(size_t t, const LstmLayer& layer, const LstmTraceLayer& at) {
    const size_t n = layer.units * kBlock;
    float* const gates = trace_.row(t, at.gates);
    const float* const c_before = trace_.row(t, at.c);
    float* const c_after = trace_.row(t + 1, at.c);
    float* const tanh_c = trace_.row(t, at.tanh_c);
    float* const h_above = trace_.row(t, at.above);
    float* const h_after = trace_.row(t + 1, at.x + layer.inputs);
    const BlockTag d;
    const BlockVec forget_bias =
        hn::Set(d, static_cast<float>(architecture_.forget_bias));
    for (size_t k = 0; k < n; k += kLanes) {
      const BlockVec i = RationalSigmoid(d, hn::Load(d, gates + k));
      const BlockVec j = RationalTanh(d, hn::Load(d, gates + n + k));
      const BlockVec f = RationalSigmoid(
          d, hn::Add(hn::Load(d, gates + 2 * n + k), forget_bias));
      const BlockVec o = RationalSigmoid(d, hn::Load(d, gates + 3 * n + k));
      const BlockVec c =
          hn::MulAdd(f, hn::Load(d, c_before + k), hn::Mul(i, j));
      const BlockVec squashed = RationalTanh(d, c);
      const BlockVec h = hn::Mul(o, squashed);
      hn::Store(i, d, gates + k);
      hn::Store(j, d, gates + n + k);
      hn::Store(f, d, gates + 2 * n + k);
      hn::Store(o, d, gates + 3 * n + k);
      hn::Store(c, d, c_after + k);
      hn::Store(squashed, d, tanh_c + k);
      hn::Store(h, d, h_above + k);
      hn::Store(h, d, h_after + k);
    }
  }

  // From the adjoints of h and c [2 * units] after the step to those of the
  // pre-activations, which replace the gates, and of c before the step.
  void ActivateBackward(size_t t, const LstmLayer& layer,
                        const LstmTraceLayer& at, float* h_adjoint) {
    const size_t n = layer.units * kBlock;
    float* const gates = trace_.row(t, at.gates);
    const float* const c_before = trace_.row(t, at.c);
    const float* const tanh_c = trace_.row(t, at.tanh_c);
    float* const c_adjoint = h_adjoint + n;
    const BlockTag d;
    const BlockVec one = hn::Set(d, 1.0f);
    for (size_t k = 0; k < n; k += kLanes) {
      const BlockVec i = hn::Load(d, gates + k);
      const BlockVec j = hn::Load(d, gates + n + k);
      const BlockVec f = hn::Load(d, gates + 2 * n + k);
      const BlockVec o = hn::Load(d, gates + 3 * n + k);
      const BlockVec squashed = hn::Load(d, tanh_c + k);
      const BlockVec dh = hn::Load(d, h_adjoint + k);
      const BlockVec dc =
          hn::MulAdd(hn::Mul(dh, o), hn::NegMulAdd(squashed, squashed, one),
                     hn::Load(d, c_adjoint + k));
      // The derivative of a sigmoid s is s (1 - s) = s - s s.
      const BlockVec di = hn::Mul(hn::Mul(dc, j), hn::NegMulAdd(i, i, i));
      const BlockVec dj = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(j, j, one));
      const BlockVec df = hn::Mul(hn::Mul(dc, hn::Load(d, c_before + k)),
                                  hn::NegMulAdd(f, f, f));
      const BlockVec d_o =
          hn::Mul(hn::Mul(dh, squashed), hn::NegMulAdd(o, o, o));
      hn::Store(di, d, gates + k);
      hn::Store(dj, d, gates + n + k);
      hn::Store(df, d, gates + 2 * n + k);
      hn::Store(d_o, d, gates + 3 * n + k);
      hn::Store(hn::Mul(dc, f), d, c_adjoint + k);
    }
  }

  // Adds the outer products of x and the adjoints of the pre-activations.
  void SumPhi(size_t t, const LstmLayer& layer, const LstmTraceLayer& at,
              AlignedRows& sums) {
    const size_t x_rows = layer.inputs + layer.units + 1;
    const size_t chunks = (at.tanh_c - at.gates) / kBlock;
    for (size_t chunk = 0; chunk < chunks; ++chunk) {
      SumOuterProducts(trace_.row(t, at.x), x_rows,
                       trace_.row(t, at.gates + chunk * kBlock),
                       sums.row(at.sums + chunk * x_rows));
    }
  }

  // sums[r][column] += sum over lanes of x[r] columns[column].
  static void SumOuterProducts(const float* x, size_t x_rows,
                               const float* columns, float* sums) {
    HWY_ALIGN float by_lane[kBlock * kBlock];
    Transpose(columns, by_lane);
    Product</*kRowStride=*/kBlock, Into::kSum>(x, /*stride=*/1, by_lane, kBlock,
                                               sums, x_rows);
  }

  void OutputBackward(size_t t, const float* update_adjoint,
                      BlockAdjoint& adjoint) {
    const BlockTag d;
    float* const output = adjoint.output.row(0);
    for (size_t k = 0; k < kBlock; k += kLanes) {
      hn::Store(hn::Mul(hn::Set(d, Scale()), hn::Load(d, update_adjoint + k)),
                d, output + k);
    }
    SumOuterProducts(trace_.row(t, layout_.top),
                     architecture_.output_inputs + 1, output,
                     adjoint.sums.row(layout_.output_sums));
    const float* const weight = &weights_.phi[architecture_.output_phi];
    if (architecture_.layers.empty()) {
      Product</*kRowStride=*/1, Into::kFresh>(weight, /*stride=*/0, output, 1,
                                              adjoint.inputs.row(0),
                                              architecture_.output_inputs);
    } else {
      Product</*kRowStride=*/1, Into::kSum>(
          weight, /*stride=*/0, output, 1,
          adjoint.state.row(architecture_.layers.back().state),
          architecture_.output_inputs);
    }
  }

  const LstmWeights& weights_;
  const LstmArchitecture& architecture_;
  LstmTrace& trace_;
  const LstmTraceLayout& layout_;
};

// A row of 16 numbers of which coordinates begin, begin + 1, ... give the first
// `lanes`, zeros the rest.
struct BlockRow {
  BlockRow() = default;
  BlockRow(absl::Span<const float> coordinates, size_t begin, size_t lanes) {
    std::copy_n(coordinates.data() + begin, lanes, at);
  }
  void CopyTo(absl::Span<float> coordinates, size_t begin, size_t lanes) const {
    std::copy_n(at, lanes, coordinates.data() + begin);
  }

  HWY_ALIGN float at[kBlock] = {};
};

void Step(const LstmWeights& weights, absl::Span<const float> gradient,
          absl::Span<float> state, absl::Span<float> update) {
  LstmTrace trace(weights.architecture, /*steps=*/2);
  BlockLstm lstm(weights, trace);
  const size_t variables = weights.architecture.state_variables;
  for (size_t begin = 0; begin < gradient.size(); begin += kBlock) {
    const size_t lanes = std::min(kBlock, gradient.size() - begin);
    float* const block_state = state.data() + begin * variables;
    trace.LoadState(0, block_state, lanes);
    BlockRow block_update;
    lstm.Forward(0, BlockRow(gradient, begin, lanes).at, block_update.at);
    trace.StoreState(1, block_state);
    block_update.CopyTo(update, begin, lanes);
  }
}

// Adds the sums of one layer (or the output) to its [rows, columns] of phi.
void AddSums(const float* sums, size_t rows, size_t columns, double* phi) {
  for (size_t chunk = 0; chunk < columns; chunk += kBlock) {
    const size_t width = std::min(kBlock, columns - chunk);
    for (size_t r = 0; r < rows; ++r, sums += kBlock) {
      double* const at = phi + r * columns + chunk;
      for (size_t i = 0; i < width; ++i) at[i] += sums[i];
    }
  }
}

void AddSumsToPhi(const LstmArchitecture& architecture,
                  const LstmTraceLayout& layout, AlignedRows& sums,
                  absl::Span<double> phi) {
  for (size_t i = 0; i < architecture.layers.size(); ++i) {
    const LstmLayer& layer = architecture.layers[i];
    AddSums(sums.row(layout.layers[i].sums), layer.inputs + layer.units + 1,
            layer.gates(), &phi[layer.phi]);
  }
  AddSums(sums.row(layout.output_sums), architecture.output_inputs + 1, 1,
          &phi[architecture.output_phi]);
}

// One block's window.
void BlockWindowBackward(const LstmWindow& window,
                         const LstmWindowAdjoint& adjoint, size_t begin,
                         size_t lanes, BlockLstm& lstm,
                         BlockAdjoint& block_adjoint) {
  const size_t steps = window.gradients.size();
  for (size_t t = 0; t < steps; ++t) {
    BlockRow update;
    lstm.Forward(t, BlockRow(window.gradients[t], begin, lanes).at, update.at);
  }
  const bool want_gradients = !adjoint.gradients.empty();
  for (size_t t = steps; t-- > 0;) {
    lstm.Backward(t, BlockRow(window.update_adjoints[t], begin, lanes).at,
                  want_gradients, block_adjoint);
    if (want_gradients) {
      BlockRow gradient_adjoint;
      lstm.PreprocessBackward(BlockRow(window.gradients[t], begin, lanes).at,
                              block_adjoint, gradient_adjoint.at);
      gradient_adjoint.CopyTo(adjoint.gradients[t], begin, lanes);
    }
  }
}

void WindowBackward(const LstmWeights& weights, const LstmWindow& window,
                    const LstmWindowAdjoint& adjoint) {
  const LstmArchitecture& architecture = weights.architecture;
  const size_t steps = window.gradients.size();
  if (steps == 0) return;
  LstmTrace trace(architecture, steps + 1);
  BlockLstm lstm(weights, trace);
  BlockAdjoint block_adjoint(architecture, trace.layout());
  const size_t n = window.gradients[0].size();
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t lanes = std::min(kBlock, n - begin);
    const size_t state_begin = begin * architecture.state_variables;
    AlignedRows& state_adjoint = block_adjoint.state;
    trace.LoadState(0, window.state.data() + state_begin, lanes);
    block_adjoint.sums.SetZero();
    if (adjoint.state.empty()) {
      state_adjoint.SetZero();
    } else {
      CopyRows(adjoint.state.data() + state_begin, state_adjoint.rows(), lanes,
               state_adjoint.row(0));
    }
    BlockWindowBackward(window, adjoint, begin, lanes, lstm, block_adjoint);
    if (!adjoint.state.empty()) {
      CopyRows(state_adjoint.row(0), state_adjoint.rows(), kBlock,
               adjoint.state.data() + state_begin);
    }
    AddSumsToPhi(architecture, trace.layout(), block_adjoint.sums, adjoint.phi);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace metastep {
namespace {

HWY_EXPORT(Step);
HWY_EXPORT(WindowBackward);

std::vector<float> TransposedWeights(const LstmArchitecture& architecture,
                                     absl::Span<const float> phi) {
  std::vector<float> transposed(phi.size());
  for (const LstmLayer& layer : architecture.layers) {
    const int64_t rows = layer.inputs + layer.units;
    const int64_t columns = layer.gates();
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        transposed[layer.phi + column * rows + row] =
            phi[layer.phi + row * columns + column];
      }
    }
  }
  return transposed;
}

}  // namespace

LstmWeights::LstmWeights(LstmArchitecture of, absl::Span<const float> values)
    : architecture(std::move(of)),
      phi(values.begin(), values.end()),
      transposed(TransposedWeights(architecture, values)) {}

void LstmStep(const LstmWeights& weights, absl::Span<const float> gradient,
              absl::Span<float> state, absl::Span<float> update) {
  HWY_DYNAMIC_DISPATCH(Step)(weights, gradient, state, update);
}

void LstmWindowBackward(const LstmWeights& weights, const LstmWindow& window,
                        const LstmWindowAdjoint& adjoint) {
  HWY_DYNAMIC_DISPATCH(WindowBackward)(weights, window, adjoint);
}

}  // namespace metastep

#endif  // HWY_ONCE
