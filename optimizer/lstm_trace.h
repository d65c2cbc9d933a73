// Memory in which the LSTM kernel works: for one block of coordinates, the
// numbers of each step of a window, in rows of 16 lanes.
#ifndef METASTEP_OPTIMIZER_LSTM_TRACE_H_
#define METASTEP_OPTIMIZER_LSTM_TRACE_H_

#include <cstddef>
#include <vector>

#include "hwy/aligned_allocator.h"
#include "optimizer/lstm_architecture.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Zeroed rows of 16 floats, aligned for vectors. The constructor throws
// std::bad_alloc. Not thread-safe.
class AlignedRows {
 public:
  explicit AlignedRows(size_t rows);

  float* row(size_t i) { return floats_.get() + i * UpdateRule::kBlock; }
  size_t rows() const { return rows_; }
  void SetZero();

 private:
  const size_t rows_;
  const hwy::AlignedFreeUniquePtr<float[]> floats_;
};

// Copies rows of 16, with zeros for the lanes from `lanes` on.
void CopyRows(const float* from, size_t rows, size_t lanes, float* to);

// Where a layer's numbers stand among the rows of one step.
struct LstmTraceLayer {
  size_t x;  // inputs, h before the step, ones: [inputs + units + 1], to match
             // weight and bias as they lie in phi
  size_t c;  // before the step, [units]
  size_t gates;   // i, j, f, o [4 * units], then zeros to a multiple of 16;
                  // first their values, then their adjoints
  size_t tanh_c;  // of c after the step, [units]
  size_t above;   // where h goes: the next layer's inputs, or the output's
  // Where the layer begins among the rows that sum up dL/dphi: for each 16
  // gates, [inputs + units + 1] rows whose lanes are those gates.
  size_t sums;
};

struct LstmTraceLayout {
  explicit LstmTraceLayout(const LstmArchitecture& architecture);

  std::vector<LstmTraceLayer> layers;
  size_t inputs = 0;  // the preprocessed gradient
  size_t top = 0;     // inputs of the output, then ones: [output_inputs + 1]
  size_t rows = 0;    // of one step
  size_t output_sums = 0;  // as `sums`, of the output: lane 0 alone is used
  size_t sum_rows = 0;
};

// Not thread-safe.
class LstmTrace {
 public:
  // Keeps a reference to `architecture`.
  LstmTrace(const LstmArchitecture& architecture, size_t steps);

  const LstmTraceLayout& layout() const { return layout_; }
  float* row(size_t step, size_t i) {
    return rows_.row(step * layout_.rows + i);
  }

  // Copies a block of state [variables][16] to and from before `step`.
  // LoadState takes zeros for the lanes from `lanes` on.
  void LoadState(size_t step, const float* state, size_t lanes);
  void StoreState(size_t step, float* state);

 private:
  const LstmArchitecture& architecture_;
  const LstmTraceLayout layout_;
  AlignedRows rows_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LSTM_TRACE_H_
