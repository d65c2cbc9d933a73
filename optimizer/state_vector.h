// Memory for the state of update rules.
#ifndef METASTEP_OPTIMIZER_STATE_VECTOR_H_
#define METASTEP_OPTIMIZER_STATE_VECTOR_H_

#include <cstddef>
#include <new>
#include <vector>

namespace metastep {

// Begins at a cache line. A row of a block, 16 floats, is one line then; 16
// bytes further on, where a plain vector begins, every load and store of a row
// touches two, and a step takes a tenth longer.
template <typename T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  CacheLineAllocator() = default;
  template <typename U>
  // Containers convert it. NOLINTNEXTLINE(google-explicit-constructor)
  CacheLineAllocator(const CacheLineAllocator<U>& /*other*/) {}

  T* allocate(size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), kLine));
  }
  void deallocate(T* at, size_t /*n*/) { ::operator delete(at, kLine); }

  bool operator==(const CacheLineAllocator& /*other*/) const { return true; }
};

template <typename T>
using StateVector = std::vector<T, CacheLineAllocator<T>>;

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_STATE_VECTOR_H_
