// Objects of one small size, cut out of pages. The per-core caches (slab_cache.h) come first; this is
// the shared layer below them, which moves objects by the half cache under one lock.
#pragma once

#include "nucleus/heap_chunk.h"
#include "nucleus/slab_cache.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

class Heap;

class Slab {
 public:
  void initialise(Heap& heap, u8 number) {
    heap_ = &heap;
    number_ = number;
  }
  /// Moves half a cache of free objects to `stack`, which is empty. False: out of memory.
  bool refill(SlabCache::Stack& stack) EXCLUDES(lock_);
  /// Takes back all but the newest `keep` objects of `stack`.
  void flush(SlabCache::Stack& stack, u32 keep) EXCLUDES(lock_);

 private:
  u32 object_bytes() const { return kSlabSizes[number_]; }
  bool add_page() REQUIRES(lock_);
  void* take() REQUIRES(lock_);
  void give(void* object) REQUIRES(lock_);
  SlabPage& record(HeapPageId id);
  void link(HeapPageId id) REQUIRES(lock_);
  void unlink(HeapPageId id) REQUIRES(lock_);

  Heap* heap_ = nullptr;
  u8 number_ = 0;
  runtime::IrqSpinLock lock_;
  HeapPageId first_ GUARDED_BY(lock_) = 0;  // pages with free objects
};

}  // namespace vari::nucleus
