#include "optimizer/kernel_scratch.h"

#include <algorithm>
#include <new>

#include "hwy/aligned_allocator.h"

namespace metastep {

template <typename T>
T* ThreadScratch(size_t count) {
  thread_local hwy::AlignedFreeUniquePtr<T[]> scratch;
  thread_local size_t size = 0;
  if (size < count) {
    size = 0;
    scratch = hwy::AllocateAligned<T>(count);
    if (scratch == nullptr) throw std::bad_alloc();
    size = count;
    std::fill_n(scratch.get(), size, T{0});
  }
  return scratch.get();
}

template float* ThreadScratch<float>(size_t count);
template double* ThreadScratch<double>(size_t count);

}  // namespace metastep
