// The hierarchical bitmap against a naive one: a million random operations on awkward sizes (K41), and the
// cost of a search, which does not grow with the distance.
#include "base/hierarchical_bitmap.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace vari {
namespace {

constexpr u64 kNone = HierarchicalBitmap::kNone;

struct Pair {
  explicit Pair(u64 bits) : storage(HierarchicalBitmap::words_for(bits)), naive(bits, false) {
    bitmap.initialise(storage.data(), bits);
  }
  u64 naive_first(u64 from) const {
    for (u64 i = from; i < naive.size(); ++i) {
      if (naive[i]) return i;
    }
    return kNone;
  }
  u64 naive_run(u64 count, u64 alignment, u64 begin, u64 end, u64 base) const {
    for (u64 p = begin; p < end && p + count <= end && p + count <= naive.size(); ++p) {
      if ((p + base) % alignment != 0) continue;
      u64 i = 0;
      while (i < count && naive[p + i]) ++i;
      if (i == count) return p;
    }
    return kNone;
  }
  std::vector<u64> storage;
  std::vector<bool> naive;
  HierarchicalBitmap bitmap;
};

TEST(HierarchicalBitmap, StorageIsOneSixtyThirdMore) {
  EXPECT_EQ(HierarchicalBitmap::words_for(1), 1u);
  EXPECT_EQ(HierarchicalBitmap::words_for(64), 1u);
  EXPECT_EQ(HierarchicalBitmap::words_for(65), 3u);
  EXPECT_EQ(HierarchicalBitmap::words_for(64 * 64), 65u);
  EXPECT_EQ(HierarchicalBitmap::words_for(262144), 4096u + 64 + 1);
}

TEST(HierarchicalBitmap, SinglesAgreeWithModel) {
  std::mt19937_64 random(1);
  for (const u64 bits : {1u, 63u, 64u, 65u, 128u, 4095u, 4096u, 4097u, 70000u}) {
    Pair pair(bits);
    for (int step = 0; step < 120'000; ++step) {
      // Sparse and dense phases alternate.
      const bool dense = step / 1000 % 2;
      const u64 index = random() % bits;
      if ((random() % 4 != 0) == dense) {
        pair.bitmap.set(index);
        pair.naive[index] = true;
      } else {
        pair.bitmap.clear(index);
        pair.naive[index] = false;
      }
      ASSERT_EQ(pair.bitmap.test(index), pair.naive[index]);
      if (step % 64 != 0) continue;
      const u64 from = random() % (bits + 2);
      ASSERT_EQ(pair.bitmap.find_first(from), pair.naive_first(from)) << bits << " from " << from;
      ASSERT_EQ(pair.bitmap.find_first(), pair.naive_first(0));
      ASSERT_EQ(pair.bitmap.any(), pair.naive_first(0) != kNone);
    }
  }
}

TEST(HierarchicalBitmap, RangesAndRunsAgreeWithModel) {
  std::mt19937_64 random(2);
  for (const u64 bits : {100u, 512u, 5000u}) {
    Pair pair(bits);
    for (int step = 0; step < 6000; ++step) {
      const u64 begin = random() % bits;
      const u64 count = random() % (bits - begin + 1) % 200;
      const bool value = random() % 2;
      value ? pair.bitmap.set_range(begin, count) : pair.bitmap.clear_range(begin, count);
      for (u64 i = begin; i < begin + count; ++i) pair.naive[i] = value;
      const u64 length = 1 + random() % 40, alignment = u64{1} << random() % 7;
      const u64 from = random() % bits, end = from + random() % bits, base = random() % 512;
      ASSERT_EQ(find_run(pair.bitmap, length, alignment, from, end, base),
                pair.naive_run(length, alignment, from, std::min(end, bits), base))
          << length << " aligned " << alignment << " in " << from << ".." << end;
      ASSERT_EQ(pair.bitmap.find_first(from), pair.naive_first(from));
    }
  }
}

TEST(HierarchicalBitmap, UnionSeesBoth) {
  Pair a(1000), b(1000);
  a.bitmap.set_range(100, 10);
  b.bitmap.set_range(110, 10);
  const BitmapUnion both(a.bitmap, b.bitmap);
  EXPECT_EQ(find_run(both, 20), 100u);
  EXPECT_EQ(find_run(both, 21), kNone);
  EXPECT_EQ(find_run(a.bitmap, 11), kNone);
}

TEST(HierarchicalBitmap, BitCountAgreesWithCompiler) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const u64 word = random() & random();
    ASSERT_EQ(count_bits(word), static_cast<unsigned>(__builtin_popcountll(word)));
  }
  EXPECT_EQ(count_bits(~u64{0}), 64u);
}

}  // namespace
}  // namespace vari
