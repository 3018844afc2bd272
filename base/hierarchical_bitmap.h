// A bitmap with summary levels: bit i of level n+1 says whether word i of level n has any bit set.
// The first set bit is found by one bit scan a level, so the cost is the logarithm to base 64 of the
// size: flat for all practical purposes (KOS paper, frame management; K41).
//
// The size is fixed at set-up and the storage handed in, so it needs no heap: it can be what a heap
// is built from. It does not lock.
#pragma once

#include "base/assert.h"
#include "base/bits.h"
#include "base/types.h"

namespace vari {

class HierarchicalBitmap {
 public:
  /// "There is none."
  static constexpr u64 kNone = ~u64{0};
  static constexpr unsigned kMaximumLevels = 6;

  /// Words of storage for `bits` bits: 1/64 + 1/64^2 + … of them.
  static constexpr u64 words_for(u64 bits) {
    u64 words = 0;
    do {
      bits = divide_up(bits, kWordBits);
      words += bits;
    } while (bits > 1);
    return words;
  }

  constexpr HierarchicalBitmap() = default;

  /// All bits clear. `storage` has words_for(bits) words and outlives the bitmap; bits is not zero.
  void initialise(u64* storage, u64 bits) {
    bits_ = bits;
    levels_ = 0;
    u64 level_bits = bits;
    do {
      ASSERT(levels_ < kMaximumLevels);
      level_bits = divide_up(level_bits, kWordBits);
      level_[levels_++] = storage;
      for (u64 i = 0; i < level_bits; ++i) storage[i] = 0;
      storage += level_bits;
    } while (level_bits > 1);
  }

  u64 size() const { return bits_; }
  bool test(u64 index) const {
    ASSERT(index < bits_);
    return level_[0][index / kWordBits] >> (index % kWordBits) & 1;
  }
  bool any() const { return level_[levels_ - 1][0] != 0; }
  /// 64 bits from bit 64 * index on; beyond the end they are zero.
  u64 word(u64 index) const { return level_[0][index]; }

  void set(u64 index) {
    ASSERT(index < bits_);
    set_bit(index);
  }
  void clear(u64 index) {
    ASSERT(index < bits_);
    clear_bit(index);
  }
  void set_range(u64 begin, u64 count) {
    for_each_word(begin, count, [this](u64 word, u64 mask) {
      const u64 old = level_[0][word];
      level_[0][word] = old | mask;
      if (old == 0) set_summary(word);
    });
  }
  void clear_range(u64 begin, u64 count) {
    for_each_word(begin, count, [this](u64 word, u64 mask) {
      const u64 old = level_[0][word];
      level_[0][word] = old & ~mask;
      if (old != 0 && (old & ~mask) == 0) clear_summary(word);
    });
  }

  /// The lowest set bit, or kNone.
  u64 find_first() const {
    const u64 top = level_[levels_ - 1][0];
    return top == 0 ? kNone : descend(levels_ - 1, lowest_bit(top));
  }

  /// The lowest set bit that is not below `from`, or kNone. Climbs until a word has a bit to the
  /// right, then descends.
  u64 find_first(u64 from) const {
    u64 bits = bits_;
    for (unsigned level = 0; level < levels_; ++level) {
      if (from >= bits) return kNone;
      const u64 rest = level_[level][from / kWordBits] & ~low_mask(from % kWordBits);
      if (rest != 0) return descend(level, align_down(from, kWordBits) + lowest_bit(rest));
      from = from / kWordBits + 1;
      bits = divide_up(bits, kWordBits);
    }
    return kNone;
  }

 private:
  u64 descend(unsigned level, u64 index) const {
    while (level > 0) {
      --level;
      index = index * kWordBits + lowest_bit(level_[level][index]);
    }
    return index;
  }

  void set_bit(u64 index) {
    u64& word = level_[0][index / kWordBits];
    const bool was_empty = word == 0;
    word |= bit(index % kWordBits);
    if (was_empty) set_summary(index / kWordBits);
  }
  void clear_bit(u64 index) {
    u64& word = level_[0][index / kWordBits];
    const u64 old = word;
    word = old & ~bit(index % kWordBits);
    if (old != 0 && word == 0) clear_summary(index / kWordBits);
  }
  void set_summary(u64 index) {
    for (unsigned level = 1; level < levels_; ++level, index /= kWordBits) {
      u64& word = level_[level][index / kWordBits];
      const bool was_empty = word == 0;
      word |= bit(index % kWordBits);
      if (!was_empty) return;
    }
  }
  void clear_summary(u64 index) {
    for (unsigned level = 1; level < levels_; ++level, index /= kWordBits) {
      u64& word = level_[level][index / kWordBits];
      word &= ~bit(index % kWordBits);
      if (word != 0) return;
    }
  }

  template <class Function>
  void for_each_word(u64 begin, u64 count, Function&& function) {
    ASSERT(begin <= bits_ && count <= bits_ - begin);
    while (count > 0) {
      const unsigned offset = begin % kWordBits;
      const u64 piece = count < kWordBits - offset ? count : kWordBits - offset;
      function(begin / kWordBits, low_mask(static_cast<unsigned>(piece)) << offset);
      begin += piece;
      count -= piece;
    }
  }

  u64 bits_ = 0;
  unsigned levels_ = 0;
  u64* level_[kMaximumLevels] = {};
};

/// What is set in any of several bitmaps of one size, for searches.
template <unsigned kCount>
class BitmapUnion {
 public:
  template <class... Bitmaps>
    requires(sizeof...(Bitmaps) == kCount)
  explicit BitmapUnion(const Bitmaps&... bitmaps) : bitmaps_{&bitmaps...} {}
  u64 size() const { return bitmaps_[0]->size(); }
  u64 word(u64 index) const {
    u64 word = 0;
    for (const auto* bitmap : bitmaps_) word |= bitmap->word(index);
    return word;
  }
  u64 find_first(u64 from) const {
    u64 lowest = HierarchicalBitmap::kNone;
    for (const auto* bitmap : bitmaps_) {
      const u64 found = bitmap->find_first(from);
      if (found < lowest) lowest = found;
    }
    return lowest;
  }

 private:
  const HierarchicalBitmap* bitmaps_[kCount];
};
template <class... Bitmaps>
BitmapUnion(const Bitmaps&...) -> BitmapUnion<sizeof...(Bitmaps)>;

/// The first clear bit of `bitmap` in [from, end), or `end`. Looks at whole words.
template <class Bitmap>
u64 find_clear(const Bitmap& bitmap, u64 from, u64 end) {
  while (from < end) {
    const unsigned offset = from % kWordBits;
    const u64 missing = ~bitmap.word(from / kWordBits) & ~low_mask(offset);
    if (missing != 0) {
      const u64 found = align_down(from, kWordBits) + lowest_bit(missing);
      return found < end ? found : end;
    }
    from = align_down(from, kWordBits) + kWordBits;
  }
  return end;
}

/// The first place p in [begin, end) with `count` set bits from p on, p + base a multiple of the power
/// of two `alignment`, and p + count <= end; or kNone. Absent stretches are skipped by the summary levels.
template <class Bitmap>
u64 find_run(const Bitmap& bitmap, u64 count, u64 alignment = 1, u64 begin = 0,
             u64 end = HierarchicalBitmap::kNone, u64 base = 0) {
  if (end > bitmap.size()) end = bitmap.size();
  while (begin < end) {
    const u64 set = bitmap.find_first(begin);
    if (set == HierarchicalBitmap::kNone) break;
    const u64 place = align_up(set + base, alignment) - base;
    if (place >= end || count > end - place) break;
    if (place != set && !(bitmap.word(place / kWordBits) >> (place % kWordBits) & 1)) {
      begin = place;
      continue;
    }
    const u64 gap = find_clear(bitmap, place, place + count);
    if (gap == place + count) return place;
    begin = gap + 1;
  }
  return HierarchicalBitmap::kNone;
}

}  // namespace vari
