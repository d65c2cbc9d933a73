// Minimises |theta - 3|^2 by Adam's steps, taken on a server.
#include <cstdio>
#include <vector>

#include "client/remote_optimizer.h"

int main(int argc, char** argv) {
  metastep::v1::HandDesignedSpec rule;  // or a v1::ModelRef: a trained rule
  rule.mutable_adam()->set_learning_rate(0.1);
  metastep::v1::TensorSpec tensor;
  tensor.set_name("theta");
  tensor.add_shape(4);
  auto optimizer = metastep::RemoteOptimizer::Open(
      argc > 1 ? argv[1] : "127.0.0.1:7070", rule, {tensor});
  std::vector<float> theta(4), gradient(4), update(4);
  absl::Status status = optimizer.status();
  for (int step = 0; step < 300 && status.ok(); ++step) {
    for (size_t i = 0; i < 4; ++i) gradient[i] = 2 * (theta[i] - 3);
    status = optimizer->Step(gradient, absl::MakeSpan(update));
    for (size_t i = 0; i < 4; ++i) theta[i] += update[i];
  }
  std::printf("%s; theta[0] = %.3f\n", status.ToString().c_str(), theta[0]);
  return status.ok() ? 0 : 1;
}
