// What the tasks on LibTorch share: vectors of parameters as tensors.
#ifndef METASTEP_OPTIMIZEE_TORCH_TENSORS_H_
#define METASTEP_OPTIMIZEE_TORCH_TENSORS_H_

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <exception>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "optimizer/parameter_layout.h"

namespace metastep {

// The tensors of a vector [N] in the layout, sharing its memory.
using Tensors = std::vector<at::Tensor>;

inline Tensors TensorsOf(const ParameterLayout& layout,
                         absl::Span<float> vector) {
  Tensors tensors;
  for (size_t i = 0; i < layout.tensors().size(); ++i) {
    tensors.push_back(at::from_blob(vector.data() + layout.begin(i),
                                    layout.tensors()[i].shape, at::kFloat));
  }
  return tensors;
}

// LibTorch has no tensor of constants; nobody may write to these.
inline Tensors TensorsOf(const ParameterLayout& layout,
                         absl::Span<const float> vector) {
  return TensorsOf(
      layout, absl::MakeSpan(const_cast<float*>(vector.data()), vector.size()));
}

// Those of constants that derivatives are wanted for.
inline Tensors VariablesOf(const ParameterLayout& layout,
                           absl::Span<const float> vector) {
  Tensors tensors = TensorsOf(layout, vector);
  for (const at::Tensor& tensor : tensors) tensor.requires_grad_();
  return tensors;
}

// Writes each tensor into its place of a vector [N].
inline void CopyInto(const Tensors& tensors, const ParameterLayout& layout,
                     absl::Span<float> vector) {
  Tensors out = TensorsOf(layout, vector);
  for (size_t i = 0; i < out.size(); ++i) out[i].copy_(tensors[i]);
}

// Writes the product of the Hessian of a loss with `vector`: the gradient of
// gradient . vector, by double backward. `loss` is that of `variables`.
inline void DoubleBackward(const at::Tensor& loss, const Tensors& variables,
                           const ParameterLayout& layout,
                           absl::Span<const float> vector,
                           absl::Span<float> product) {
  const Tensors gradients = torch::autograd::grad(
      {loss}, variables, /*grad_outputs=*/{}, /*retain_graph=*/true,
      /*create_graph=*/true);
  CopyInto(
      torch::autograd::grad(gradients, variables, TensorsOf(layout, vector)),
      layout, product);
}

// Runs `body`; what LibTorch throws becomes an error.
template <typename Body>
absl::Status CatchTorch(const Body& body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat("LibTorch failed: ", e.what()));
  }
}

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_TENSORS_H_
