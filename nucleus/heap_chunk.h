// A chunk of the kernel heap: 2 MiB of address space, handed out in runs of 4 KiB pages. Its first pages
// hold this record. Normally one 2 MiB page maps it; where no such frame was left, its pages are
// backed one by one when they are first needed.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/hierarchical_bitmap.h"
#include "base/types.h"

namespace vari::nucleus {

/// A page of the heap's area, by number; 0 (the first chunk's record) serves as "none".
using HeapPageId = u32;

/// What a slab notes of one page. Guarded by the slab's lock.
struct SlabPage {
  HeapPageId next = 0, previous = 0;  // in the slab's list of pages with free objects
  u16 free_objects = 0;
  u16 first_free = 0;  // offset of the first free object, in units of 16 bytes
  u8 slab = kNoSlab;   // which one owns the page
  static constexpr u8 kNoSlab = 0xff;
};
static_assert(sizeof(SlabPage) == 16);

/// 512 bits with the shape that find_run() wants.
class PageBits {
 public:
  static constexpr unsigned kBits = kLargePageBytes / kPageBytes;
  u64 size() const { return kBits; }
  u64 word(u64 index) const { return words_[index]; }
  bool test(u64 index) const { return words_[index / kWordBits] >> (index % kWordBits) & 1; }
  void set(u64 index) { words_[index / kWordBits] |= bit(index % kWordBits); }
  void clear(u64 index) { words_[index / kWordBits] &= ~bit(index % kWordBits); }
  u64 find_first(u64 from) const {
    for (u64 index = from / kWordBits; index < kBits / kWordBits; ++index) {
      u64 word = words_[index];
      if (index == from / kWordBits) word &= ~low_mask(from % kWordBits);
      if (word != 0) return index * kWordBits + lowest_bit(word);
    }
    return HierarchicalBitmap::kNone;
  }

 private:
  u64 words_[kBits / kWordBits] = {};
};

struct HeapChunk {
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  Hook hook;  // in the heap's list of chunks with free pages
  u32 free_count = 0;
  bool listed = false;
  PageBits free;    // pages that nobody has
  PageBits backed;  // pages that have a frame
  SlabPage pages[PageBits::kBits];

  static HeapChunk* of(const void* memory) {
    return reinterpret_cast<HeapChunk*>(align_down(reinterpret_cast<u64>(memory), kLargePageBytes));
  }
  u8* page(u64 index) { return reinterpret_cast<u8*>(this) + index * kPageBytes; }
  SlabPage& page_of(const void* memory) {
    return pages[reinterpret_cast<u64>(memory) % kLargePageBytes / kPageBytes];
  }
};

/// Pages that the record takes, and those that are left.
inline constexpr u64 kChunkRecordPages = divide_up(sizeof(HeapChunk), kPageBytes);
inline constexpr u64 kChunkPages = PageBits::kBits - kChunkRecordPages;

}  // namespace vari::nucleus
