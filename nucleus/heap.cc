// The heap's front: sizes, slabs, red zones. Chunks and large blocks: heap_chunk.cc.
#include "nucleus/heap.h"

#include "nucleus/kernel_space.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"

namespace vari::nucleus {
namespace {

struct ClassTable {
  u8 of[kLargestSlabBytes / 16 + 1] = {};
  constexpr ClassTable() {
    u8 slab = 0;
    for (unsigned i = 0; i <= kLargestSlabBytes / 16; ++i) {
      if (i * 16 > kSlabSizes[slab]) ++slab;
      of[i] = slab;
    }
  }
};
constexpr ClassTable kClasses;

constexpr u8 class_of(std::size_t bytes) {
  return kClasses.of[(bytes + 15) / 16];
}
static_assert(kSlabSizes[class_of(1)] == 16 && kSlabSizes[class_of(17)] == 32 &&
              kSlabSizes[class_of(1361)] == 2048 && kSlabSizes[class_of(2048)] == 2048);

/// What a request really takes: a slab's size, or whole pages. Sizes that are a power of two are
/// aligned to themselves, since a slab's page is.
constexpr std::size_t capacity_for(std::size_t bytes, std::size_t alignment) {
  if (alignment > 16) {
    std::size_t rounded = alignment;
    while (rounded < bytes && rounded < kPageBytes) rounded *= 2;
    if (rounded > bytes) bytes = rounded;
  }
  if (bytes <= kLargestSlabBytes) return kSlabSizes[class_of(bytes)];
  return align_up(bytes, kPageBytes);
}
static_assert(capacity_for(40, 64) == 64 && capacity_for(100, 4096) == 4096 &&
              capacity_for(5000, 4096) == 8192);

}  // namespace

Result<> Heap::initialise(KernelSpace& kernel, u64 base) {
  kernel_ = &kernel;
  base_ = base;
  for (unsigned i = 0; i < kSlabClasses; ++i) slabs_[i].initialise(*this, static_cast<u8>(i));
  constexpr u64 kBytes = 8 * HierarchicalBitmap::words_for(kSlots);
  static_assert(kBytes <= kPageBytes);
  const Frame storage = TRY(kernel.frames().allocate_uncleared());
  runtime::Guard guard(lock_);
  free_slots_.initialise(kernel.frames().window().at<u64>(storage), kSlots);
  free_slots_.set_range(0, kSlots);
  return {};
}

void* Heap::allocate(std::size_t bytes, std::size_t alignment) {
  ASSERT(is_power_of_two(alignment) && alignment <= kPageBytes);
  if (slowpath(bytes > kSlots * kLargePageBytes)) return nullptr;
  const std::size_t capacity = capacity_for(bytes + red_zone_bytes(), alignment);
  void* memory = nullptr;
  if (fastpath(capacity <= kLargestSlabBytes)) {
    const u8 slab = class_of(capacity);
    InterruptGuard guard;
    auto& stack = this_core_memory().slabs.stacks[slab];
    if (fastpath(stack.count != 0) || slabs_[slab].refill(stack)) memory = stack.objects[--stack.count];
  } else {
    memory = capacity <= kChunkPages * kPageBytes ? allocate_pages(capacity / kPageBytes)
                                                  : allocate_slots(capacity);
  }
  if (fastpath(memory != nullptr)) note_allocated(memory, bytes, capacity);
  return memory;
}

void Heap::free(void* memory, std::size_t bytes, std::size_t alignment) {
  if (!memory) return;
  const std::size_t capacity = capacity_for(bytes + red_zone_bytes(), alignment);
  note_freed(memory, capacity);
  if (fastpath(capacity <= kLargestSlabBytes)) {
    const u8 slab = class_of(capacity);
    // A wrong size would put the object into another slab's hands.
    ASSERT(HeapChunk::of(memory)->page_of(memory).slab == slab);
    InterruptGuard guard;
    auto& stack = this_core_memory().slabs.stacks[slab];
    if (slowpath(stack.count == SlabCache::kCapacity)) slabs_[slab].flush(stack, SlabCache::kCapacity / 2);
    stack.objects[stack.count++] = memory;
  } else if (capacity <= kChunkPages * kPageBytes) {
    free_pages(memory, capacity / kPageBytes);
  } else {
    free_large_block(memory, capacity);
  }
}

void Heap::drain_core_cache() {
  InterruptGuard guard;
  auto& stacks = this_core_memory().slabs.stacks;
  for (unsigned i = 0; i < kSlabClasses; ++i) {
    if (stacks[i].count != 0) slabs_[i].flush(stacks[i], 0);
  }
}

Heap::Statistics Heap::statistics() {
  runtime::Guard guard(lock_);
  return statistics_;
}

}  // namespace vari::nucleus
