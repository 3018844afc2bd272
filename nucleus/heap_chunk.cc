// The heap's back: address space in slots of 2 MiB, frames for them, runs of pages inside a chunk.
#include "nucleus/heap_chunk.h"

#include <new>

#include "nucleus/heap.h"
#include "nucleus/kernel_space.h"

namespace vari::nucleus {

using runtime::Guard;

/// Maps a slot by one 2 MiB page. False: there is no such frame, or the slot was mapped by small pages once.
bool Heap::back_whole(u64 slot) {
  FrameManager& frames = kernel_->frames();
  const auto frame = frames.allocate_large();
  if (!frame) return false;
  if (kernel_->map_large_page(slot_address(slot), *frame)) return true;
  frames.free_large(*frame);
  return false;
}

bool Heap::back_page(VirtualAddress page) {
  FrameManager& frames = kernel_->frames();
  const auto frame = frames.allocate_uncleared();
  if (!frame) return false;
  if (kernel_->map_page(page, *frame)) return true;
  frames.free(*frame);
  return false;
}

/// Maps the pages of a chunk's record, all or none. The frames are taken first: once a page has been
/// mapped, it could be taken back only by interrupting other cores.
bool Heap::back_record(u64 slot) {
  FrameManager& frames = kernel_->frames();
  Frame taken[kChunkRecordPages];
  u64 count = 0;
  for (; count < kChunkRecordPages; ++count) {
    const auto frame = frames.allocate_uncleared();
    if (!frame) break;
    taken[count] = *frame;
  }
  // Only the first mapping can fail, for want of a table.
  if (count == kChunkRecordPages && kernel_->map_page(slot_address(slot), taken[0])) {
    for (u64 i = 1; i < count; ++i)
      ASSERT(kernel_->map_page(slot_address(slot) + i * kPageBytes, taken[i]).has_value());
    return true;
  }
  while (count > 0) frames.free(taken[--count]);
  return false;
}

HeapChunk* Heap::add_chunk() {
  const u64 slot = free_slots_.find_first();
  if (slot == HierarchicalBitmap::kNone) return nullptr;
  if (!note_mapped(*kernel_, reinterpret_cast<void*>(slot_address(slot).value), kLargePageBytes))
    return nullptr;
  const bool whole = back_whole(slot);
  if (!whole && !back_record(slot)) return nullptr;
  free_slots_.clear(slot);
  auto* chunk = new (reinterpret_cast<void*>(slot_address(slot).value)) HeapChunk;
  for (u64 i = 0; i < PageBits::kBits; ++i) {
    if (whole || i < kChunkRecordPages) chunk->backed.set(i);
    if (i >= kChunkRecordPages) chunk->free.set(i);
  }
  chunk->free_count = kChunkPages;
  chunk->listed = true;
  chunks_.push_back(*chunk);
  statistics_.chunk_bytes += kLargePageBytes;
  statistics_.free_page_bytes += kChunkPages * kPageBytes;
  ++statistics_.growths;
  return chunk;
}

/// Sees that each page of a run has a frame.
bool Heap::back_pages(HeapChunk& chunk, u64 first, u64 count) {
  for (u64 i = first; i < first + count; ++i) {
    if (chunk.backed.test(i)) continue;
    if (!back_page({reinterpret_cast<u64>(chunk.page(i))})) return false;
    chunk.backed.set(i);
  }
  return true;
}

void* Heap::take_run(HeapChunk& chunk, u64 pages) {
  if (chunk.free_count < pages) return nullptr;
  const u64 first = find_run(chunk.free, pages);
  if (first == HierarchicalBitmap::kNone || !back_pages(chunk, first, pages)) return nullptr;
  for (u64 i = first; i < first + pages; ++i) chunk.free.clear(i);
  chunk.free_count -= static_cast<u32>(pages);
  statistics_.free_page_bytes -= pages * kPageBytes;
  if (chunk.free_count == 0) {
    chunks_.erase(chunks_.iterator_to(chunk));
    chunk.listed = false;
  }
  return chunk.page(first);
}

void* Heap::allocate_pages(u64 pages) {
  Guard guard(lock_);
  for (HeapChunk& chunk : chunks_) {
    if (void* memory = take_run(chunk, pages)) return memory;
  }
  HeapChunk* chunk = add_chunk();
  return chunk ? take_run(*chunk, pages) : nullptr;
}

void Heap::free_pages(void* memory, u64 pages) {
  Guard guard(lock_);
  HeapChunk& chunk = *HeapChunk::of(memory);
  const u64 first = reinterpret_cast<u64>(memory) % kLargePageBytes / kPageBytes;
  ASSERT(first >= kChunkRecordPages && first + pages <= PageBits::kBits);
  for (u64 i = first; i < first + pages; ++i) {
    ASSERT(!chunk.free.test(i));
    chunk.free.set(i);
  }
  chunk.free_count += static_cast<u32>(pages);
  statistics_.free_page_bytes += pages * kPageBytes;
  if (!chunk.listed) {
    chunks_.push_back(chunk);
    chunk.listed = true;
  }
}

bool Heap::trim() {
  Chunks empty;
  {
    Guard guard(lock_);
    for (auto i = chunks_.begin(); i != chunks_.end();) {
      HeapChunk& chunk = *i++;
      if (chunk.free_count != kChunkPages) continue;
      chunks_.erase(chunks_.iterator_to(chunk));
      empty.push_back(chunk);
      statistics_.chunk_bytes -= kLargePageBytes;
      statistics_.free_page_bytes -= kChunkPages * kPageBytes;
    }
  }
  if (empty.empty()) return false;
  // Without the lock, since other cores are interrupted and may be waiting for it.
  while (!empty.empty()) {
    HeapChunk& chunk = empty.front();
    empty.pop_front();
    free_slots(&chunk, 1);
  }
  return true;
}

/// A block of whole slots, for what does not fit into a chunk.
void* Heap::allocate_slots(u64 bytes) {
  const u64 slots = divide_up(bytes, kLargePageBytes);
  u64 first;
  {
    Guard guard(lock_);
    first = find_run(free_slots_, slots);
    if (first == HierarchicalBitmap::kNone) return nullptr;
    free_slots_.clear_range(first, slots);
    statistics_.large_bytes += slots * kLargePageBytes;
  }
  void* memory = reinterpret_cast<void*>(slot_address(first).value);
  bool backed = note_mapped(*kernel_, memory, slots * kLargePageBytes);
  for (u64 slot = 0; backed && slot < slots; ++slot) {
    if (back_whole(first + slot)) continue;
    const u64 rest = bytes - slot * kLargePageBytes;
    for (u64 at = 0; backed && at < kLargePageBytes && at < rest; at += kPageBytes)
      backed = back_page(slot_address(first + slot) + at);
  }
  if (backed) return memory;
  free_large_block(memory, bytes);
  return nullptr;
}

void Heap::free_large_block(void* memory, u64 bytes) {
  free_slots(memory, divide_up(bytes, kLargePageBytes));
  Guard guard(lock_);
  statistics_.large_bytes -= align_up(bytes, kLargePageBytes);
}

/// Interrupts other cores: not under a spinlock.
void Heap::free_slots(void* memory, u64 slots) {
  kernel_->unmap_and_free({reinterpret_cast<u64>(memory)}, slots * kLargePageBytes);
  Guard guard(lock_);
  free_slots_.set_range(slot_of(memory), slots);
}

}  // namespace vari::nucleus
