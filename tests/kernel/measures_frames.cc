// What finding a frame costs as memory grows (KOS paper, frame management; K41): flat, and the naive search
// that is the negative control is not. Instructions, where QEMU counts them.
#include "base/hierarchical_bitmap.h"
#include "runtime/memory.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"

namespace vari::kernel_tests {
namespace {

constexpr u64 kSmallFrames = 64 * kMiB / kPageBytes, kMiddleFrames = 8 * kGiB / kPageBytes,
              kLargeFrames = 64 * kGiB / kPageBytes;
constexpr int kPlaces = 64;

/// The worst of some searches for the only free frame of `frames`, wherever it lies.
struct Costs {
  u64 hierarchical = 0, naive = 0;
  bool right = true;
};

u64 scan(const HierarchicalBitmap& bitmap) {
  for (u64 word = 0;; ++word) {
    if (bitmap.word(word) != 0) return word * kWordBits + lowest_bit(bitmap.word(word));
  }
}

Costs search(Test& test, u64 frames) {
  Costs costs;
  const u64 bytes = HierarchicalBitmap::words_for(frames) * sizeof(u64);
  auto* storage = static_cast<u64*>(runtime::allocate(bytes));
  EXPECT(storage != nullptr);
  if (!storage) return costs;
  HierarchicalBitmap bitmap;
  bitmap.initialise(storage, frames);
  u64 place = frames - 1;
  for (int i = 0; i < kPlaces; ++i) {
    bitmap.set(place);
    u64 found = 0;
    costs.hierarchical = std::max(costs.hierarchical, ticks_of([&] { found = bitmap.find_first(); }));
    costs.right &= found == place;
    if (i % 16 == 0) costs.naive = std::max(costs.naive, ticks_of([&] { found = scan(bitmap); }));
    costs.right &= found == place;
    bitmap.clear(place);
    place = (place * 6364136223846793005 + 1442695040888963407) % frames;
  }
  runtime::free(storage, bytes);
  return costs;
}

}  // namespace

KERNEL_TEST(finding_a_frame_costs_the_same_at_any_size) {
  const Costs small = search(test, kSmallFrames), middle = search(test, kMiddleFrames),
              large = search(test, kLargeFrames);
  EXPECT(small.right && middle.right && large.right);
  test.figure("find_ticks_64_mib", small.hierarchical);
  test.figure("find_ticks_8_gib", middle.hierarchical);
  test.figure("find_ticks_64_gib", large.hierarchical);
  test.figure("find_ticks_64_mib_naive", small.naive);
  test.figure("find_ticks_64_gib_naive", large.naive);
  if (!counts_instructions()) return;
  // A level more for each factor of 64: two at most from 64 MiB to 64 GiB.
  EXPECT(large.hierarchical <= small.hierarchical + 20);
  EXPECT(large.hierarchical <= 60);
  EXPECT(large.naive > 500 * small.naive);
}

// The whole allocator in this machine; the suite compares boots with little and with much memory.
KERNEL_TEST(allocating_a_frame_has_a_price) {
  OnCore here(CpuId{0});
  auto& frames = test.memory().frames();
  Frame taken[64];
  u64 allocating = 0, freeing = 0;
  for (int round = 0; round < 2; ++round) {  // the first splits a larger frame
    allocating = freeing = 0;
    for (auto& frame : taken) {
      const u64 ticks = ticks_of([&] { frame = frames.allocate_uncleared().value_or(Frame{}); });
      allocating = std::max(allocating, ticks);
    }
    for (const Frame frame : taken) {
      EXPECT(frame);
      if (frame) freeing = std::max(freeing, ticks_of([&] { frames.free(frame); }));
    }
  }
  test.figure("allocate_frame_ticks", allocating);
  test.figure("free_frame_ticks", freeing);
}

}  // namespace vari::kernel_tests
