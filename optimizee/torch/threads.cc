#include "optimizee/torch/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include "absl/strings/str_format.h"

namespace metastep {
namespace {

// OpenBLAS is only one of the libraries that LibTorch may have been built with:
// null without it.
template <class Function>
Function* OpenBlas(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

void UseOneTorchThread() {
  at::set_num_threads(1);
  // OpenBLAS has threads of its own.
  if (auto* set = OpenBlas<void(int)>("openblas_set_num_threads")) set(1);
}

absl::Status CheckTorchThreads(int threads) {
  constexpr int kWithoutThreads = 0;
  auto* const parallel = OpenBlas<int()>("openblas_get_parallel");
  if (threads == 1 || parallel == nullptr || parallel() != kWithoutThreads) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "%d threads are to evaluate tasks at once, but this OpenBLAS was built "
      "without threads and gives wrong numbers to more than one; install "
      "libopenblas0-pthread (and remove libopenblas0-serial), or use one "
      "thread a process",
      threads));
}

}  // namespace metastep
