#include "optimizer/kernel_scratch.h"

#include <algorithm>
#include <new>

#include "hwy/aligned_allocator.h"

namespace metastep {

float* ThreadScratch(size_t floats) {
  thread_local hwy::AlignedFreeUniquePtr<float[]> scratch;
  thread_local size_t size = 0;
  if (size < floats) {
    size = 0;
    scratch = hwy::AllocateAligned<float>(floats);
    if (scratch == nullptr) throw std::bad_alloc();
    size = floats;
    std::fill_n(scratch.get(), size, 0.0f);
  }
  return scratch.get();
}

}  // namespace metastep
