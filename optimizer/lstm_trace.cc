#include "optimizer/lstm_trace.h"

#include <algorithm>
#include <new>

namespace metastep {
namespace {

constexpr size_t kBlock = UpdateRule::kBlock;

size_t PaddedGates(const LstmLayer& layer) {
  return (layer.gates() + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

void CopyRows(const float* from, size_t rows, size_t lanes, float* to) {
  std::copy_n(from, rows * kBlock, to);
  if (lanes == kBlock) return;
  for (size_t i = 0; i < rows; ++i, to += kBlock) {
    std::fill(to + lanes, to + kBlock, 0.0f);
  }
}

// Highway does not allocate nothing: a rule without layers has no state.
AlignedRows::AlignedRows(size_t rows)
    : rows_(rows),
      floats_(hwy::AllocateAligned<float>(std::max(rows, size_t{1}) * kBlock)) {
  if (floats_ == nullptr) throw std::bad_alloc();
  SetZero();
}

void AlignedRows::SetZero() {
  std::fill_n(floats_.get(), rows_ * kBlock, 0.0f);
}

LstmTraceLayout::LstmTraceLayout(const LstmArchitecture& architecture) {
  for (const LstmLayer& layer : architecture.layers) {
    const size_t x_rows = layer.inputs + layer.units + 1;
    LstmTraceLayer at;
    at.x = rows;
    at.c = at.x + x_rows;
    at.gates = at.c + layer.units;
    at.tanh_c = at.gates + PaddedGates(layer);
    rows = at.above = at.tanh_c + layer.units;
    at.sums = sum_rows;
    sum_rows += PaddedGates(layer) / kBlock * x_rows;
    layers.push_back(at);
  }
  top = rows;
  rows += architecture.output_inputs + 1;
  output_sums = sum_rows;
  sum_rows += architecture.output_inputs + 1;
}

LstmTrace::LstmTrace(const LstmArchitecture& architecture, size_t steps)
    : architecture_(architecture),
      layout_(architecture),
      rows_(steps * layout_.rows) {
  for (size_t step = 0; step < steps; ++step) {
    const auto set_ones = [&](size_t i) {
      std::fill_n(row(step, i), kBlock, 1.0f);
    };
    for (const LstmTraceLayer& layer : layout_.layers) set_ones(layer.c - 1);
    set_ones(layout_.rows - 1);
  }
}

void LstmTrace::LoadState(size_t step, const float* state, size_t lanes) {
  for (size_t i = 0; i < architecture_.layers.size(); ++i) {
    const LstmLayer& layer = architecture_.layers[i];
    const LstmTraceLayer& at = layout_.layers[i];
    const float* const from = state + layer.state * kBlock;
    CopyRows(from, layer.units, lanes, row(step, at.x + layer.inputs));
    CopyRows(from + layer.units * kBlock, layer.units, lanes, row(step, at.c));
  }
}

void LstmTrace::StoreState(size_t step, float* state) {
  for (size_t i = 0; i < architecture_.layers.size(); ++i) {
    const LstmLayer& layer = architecture_.layers[i];
    const LstmTraceLayer& at = layout_.layers[i];
    const size_t floats = layer.units * kBlock;
    std::copy_n(row(step, at.x + layer.inputs), floats,
                state + layer.state * kBlock);
    std::copy_n(row(step, at.c), floats, state + layer.state * kBlock + floats);
  }
}

}  // namespace metastep
