// The kernel heap: small sizes from slabs with a per-core cache, larger ones as runs of pages, all in
// chunks of 2 MiB that are one large page each (K50). Where no 2 MiB frame is left, a chunk
// is backed page by page. Fallible, sized free, never blocks; allocate and free may be called at interrupt level.
// See nucleus/heap_chunk.h for a chunk's inside.
#pragma once

#include <cstddef>

#include "base/hierarchical_bitmap.h"
#include "base/result.h"
#include "base/types.h"
#include "nucleus/heap_chunk.h"
#include "nucleus/slab.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

class KernelSpace;

class Heap {
 public:
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Result<> initialise(KernelSpace& kernel);

  /// Null: out of memory. `alignment`: a power of two up to a page.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = 16) EXCLUDES(lock_);
  /// `bytes` and `alignment` as given to allocate().
  void free(void* memory, std::size_t bytes, std::size_t alignment = 16) EXCLUDES(lock_);

  /// Gives empty chunks back, but for one; true if it gave any. For the idle loop, and when frames are short.
  bool trim() EXCLUDES(lock_);
  /// Empties the calling core's slab cache (before trim(), and in tests that count).
  void drain_core_cache();

  struct Statistics {
    u64 chunk_bytes = 0;      // frames that the heap holds
    u64 free_page_bytes = 0;  // of these, in whole free pages
    u64 allocations = 0, frees = 0;  // that passed the per-core caches, and page runs
  };
  Statistics statistics() EXCLUDES(lock_);

 private:
  friend class Slab;
  void* allocate_pages(u64 pages) EXCLUDES(lock_);
  void free_pages(void* memory, u64 pages) EXCLUDES(lock_);

  KernelSpace* kernel_ = nullptr;
  runtime::IrqSpinLock lock_;
};

}  // namespace vari::nucleus
