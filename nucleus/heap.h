// The kernel heap: small sizes from slabs with a per-core cache, larger ones as runs of pages, all in
// chunks of 2 MiB that are one large page each (K50). Where no 2 MiB frame is left, a chunk is backed
// page by page. What is larger than a chunk gets address space and frames of its own.
//
// Fallible, sized free. Never blocks. allocate() and free() may be called at interrupt level and under
// a spinlock, except that blocks of more than 2 MiB are freed at process level only; so is trim():
// both interrupt other cores.
#pragma once

#include <cstddef>

#include "base/hierarchical_bitmap.h"
#include "base/result.h"
#include "base/types.h"
#include "machine/x86_64/memory_layout.h"
#include "nucleus/heap_chunk.h"
#include "nucleus/heap_sanitizer.h"
#include "nucleus/slab.h"
#include "runtime/spinlock.h"

namespace vari::nucleus {

class KernelSpace;

class Heap {
 public:
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// `base`: where the heap's addresses begin (another place in host tests).
  Result<> initialise(KernelSpace& kernel, u64 base = machine::kHeapBegin);

  /// Null: out of memory. `alignment`: a power of two up to a page.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = 16);
  /// `bytes` and `alignment` as given to allocate().
  void free(void* memory, std::size_t bytes, std::size_t alignment = 16);

  /// Gives empty chunks back; true if it gave any. For the idle loop, and when frames are short.
  bool trim() EXCLUDES(lock_);
  /// Empties the calling core's slab cache: before a trim() that matters, and in tests that count.
  void drain_core_cache();

  struct Statistics {
    u64 chunk_bytes = 0;      // address space of chunks; each has its frames, but for sparse ones
    u64 free_page_bytes = 0;  // of these, in pages that nobody has
    u64 large_bytes = 0;      // in blocks of their own
    u64 growths = 0;          // chunks made so far
  };
  Statistics statistics() EXCLUDES(lock_);

 private:
  friend class Slab;
  static constexpr u64 kSlots = 16384;  // 32 GiB of addresses, one slot a chunk
  using Chunks =
      boost::intrusive::list<HeapChunk,
                             boost::intrusive::member_hook<HeapChunk, HeapChunk::Hook, &HeapChunk::hook>,
                             boost::intrusive::constant_time_size<false>>;

  void* allocate_pages(u64 pages) EXCLUDES(lock_);
  void free_pages(void* memory, u64 pages) EXCLUDES(lock_);
  void* take_run(HeapChunk& chunk, u64 pages) REQUIRES(lock_);
  HeapChunk* add_chunk() REQUIRES(lock_);
  bool back_whole(u64 slot);
  bool back_page(VirtualAddress page);
  bool back_record(u64 slot) REQUIRES(lock_);
  bool back_pages(HeapChunk& chunk, u64 first, u64 count) REQUIRES(lock_);
  void* allocate_slots(u64 bytes) EXCLUDES(lock_);
  void free_large_block(void* memory, u64 bytes) EXCLUDES(lock_);
  void free_slots(void* memory, u64 slots) EXCLUDES(lock_);
  VirtualAddress slot_address(u64 slot) const { return {base_ + slot * kLargePageBytes}; }
  u64 slot_of(const void* memory) const { return (reinterpret_cast<u64>(memory) - base_) / kLargePageBytes; }
  void* page_address(HeapPageId id) const { return reinterpret_cast<void*>(base_ + id * kPageBytes); }
  HeapPageId page_id(const void* memory) const {
    return static_cast<HeapPageId>((reinterpret_cast<u64>(memory) - base_) / kPageBytes);
  }

  KernelSpace* kernel_ = nullptr;
  u64 base_ = 0;
  Slab slabs_[kSlabClasses];
  runtime::IrqSpinLock lock_;  // after a slab's lock
  HierarchicalBitmap free_slots_ GUARDED_BY(lock_);
  Chunks chunks_ GUARDED_BY(lock_);  // those with free pages
  Statistics statistics_ GUARDED_BY(lock_);
};

}  // namespace vari::nucleus
