// A page's free objects form a list inside themselves: the first two bytes of each name the next.
// Invariant: a page is in the slab's list exactly while it has a free object; a page whose objects are
// all free goes back to the heap at once.
#include "nucleus/slab.h"

#include "nucleus/heap.h"

namespace vari::nucleus {
namespace {

constexpr u32 kUnit = 16;
/// Ends a page's list; no object lies at this offset.
constexpr u16 kEnd = 0xffff;

u16 next_of(const void* object) {
  u16 next;
  __builtin_memcpy(&next, object, sizeof next);
  return next;
}
void set_next(void* object, u16 next) {
  __builtin_memcpy(object, &next, sizeof next);
}

}  // namespace

SlabPage& Slab::record(HeapPageId id) {
  void* page = heap_->page_address(id);
  return HeapChunk::of(page)->page_of(page);
}

void Slab::link(HeapPageId id) {
  SlabPage& page = record(id);
  page.previous = 0;
  page.next = first_;
  if (first_ != 0) record(first_).previous = id;
  first_ = id;
}

void Slab::unlink(HeapPageId id) {
  SlabPage& page = record(id);
  if (page.next != 0) record(page.next).previous = page.previous;
  if (page.previous != 0)
    record(page.previous).next = page.next;
  else
    first_ = page.next;
}

bool Slab::add_page() {
  auto* memory = static_cast<u8*>(heap_->allocate_pages(1));
  if (!memory) return false;
  const u32 count = kPageBytes / object_bytes();
  SlabPage& page = HeapChunk::of(memory)->page_of(memory);
  page.slab = number_;
  page.free_objects = static_cast<u16>(count);
  page.first_free = 0;
  for (u32 i = 0; i < count; ++i) {
    const u32 next = (i + 1) * object_bytes() / kUnit;
    set_next(memory + u64{i} * object_bytes(), i + 1 == count ? kEnd : static_cast<u16>(next));
  }
  link(heap_->page_id(memory));
  return true;
}

void* Slab::take() {
  SlabPage& page = record(first_);
  u8* object = static_cast<u8*>(heap_->page_address(first_)) + u64{page.first_free} * kUnit;
  page.first_free = next_of(object);
  if (--page.free_objects == 0) unlink(first_);
  return object;
}

void Slab::give(void* object) {
  SlabPage& page = HeapChunk::of(object)->page_of(object);
  const u64 offset = reinterpret_cast<u64>(object) % kPageBytes;
  // A wrong size or a pointer into the middle of an object would corrupt the page's list.
  ASSERT(page.slab == number_ && offset % object_bytes() == 0);
  const HeapPageId id = heap_->page_id(object);
  set_next(object, page.first_free);
  page.first_free = static_cast<u16>(offset / kUnit);
  const bool was_full = page.free_objects++ == 0;
  if (page.free_objects == kPageBytes / object_bytes()) {
    if (!was_full) unlink(id);
    page.slab = SlabPage::kNoSlab;
    heap_->free_pages(heap_->page_address(id), 1);
  } else if (was_full) {
    link(id);
  }
}

bool Slab::refill(SlabCache::Stack& stack) {
  runtime::Guard guard(lock_);
  while (stack.count < SlabCache::kCapacity / 2) {
    if (first_ == 0 && !add_page()) break;
    stack.objects[stack.count++] = take();
  }
  return stack.count != 0;
}

void Slab::flush(SlabCache::Stack& stack, u32 keep) {
  runtime::Guard guard(lock_);
  const u32 surplus = stack.count - keep;
  for (u32 i = 0; i < surplus; ++i) give(stack.objects[i]);
  for (u32 i = 0; i < keep; ++i) stack.objects[i] = stack.objects[surplus + i];
  stack.count = keep;
}

}  // namespace vari::nucleus
