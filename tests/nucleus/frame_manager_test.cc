// Frames: exact accounting, splitting and coalescing, clean and dirty, runs, hostile memory maps, metadata.
#include "nucleus/frame_manager.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

using Options = SimulatedMachine::Options;

/// Only a frame manager, on an arena.
struct Fixture {
  explicit Fixture(const Options& given, std::vector<ReservedRange> reserved = {})
      : machine([&] {
          Options options = given;
          options.start = false;
          return options;
        }()),
        run(machine, 0) {
    static const Topology kNone;
    const Topology& topology = given.topology ? *given.topology : kNone;
    result = frames.initialise(machine.boot(), topology, reserved, machine.window(), {4 * kGiB});
    frames.open();
  }
  SimulatedMachine machine;
  RunAs run;
  FrameManager frames;
  Result<> result;
};

bool is_zero(PhysicalWindow window, Frame frame) {
  const u64* words = window.at<u64>(frame);
  for (unsigned i = 0; i < kPageBytes / 8; ++i) {
    if (words[i] != 0) return false;
  }
  return true;
}

TEST(FrameManager, HandsOutEachFrameOnceAndTakesAllBack) {
  Fixture f({.ram_bytes = 16 * kMiB});
  ASSERT_TRUE(f.result);
  const u64 before = f.frames.free_frames();
  EXPECT_GT(before, 15 * kMiB / kPageBytes - 8);
  std::set<u64> taken;
  for (;;) {
    const auto frame = taken.size() % 2 ? f.frames.allocate() : f.frames.allocate_uncleared();
    if (!frame) {
      EXPECT_EQ(frame.error(), Error::OutOfMemory);
      break;
    }
    EXPECT_GE(frame->number, kMiB / kPageBytes);
    EXPECT_LT(frame->number, 16 * kMiB / kPageBytes);
    EXPECT_TRUE(taken.insert(frame->number).second) << "issued twice";
  }
  EXPECT_EQ(taken.size(), before);
  EXPECT_EQ(f.frames.free_frames(), 0u);
  for (const u64 number : taken) f.frames.free({number});
  EXPECT_EQ(f.frames.free_frames(), before);
  EXPECT_TRUE(f.frames.allocate_large()) << "small frames have coalesced";
}

TEST(FrameManager, MetadataStaysBelowItsShare) {
  for (const u64 gib : {1u, 64u}) {
    // QEMU's layouts: RAM up to the hole below 4 GiB, the rest above it.
    std::vector<MemoryRange> ranges = {{{0}, 0x9fc00, MemoryKind::Usable},
                                       {{0x9fc00}, 0x400, MemoryKind::Reserved},
                                       {{kMiB}, std::min<u64>(gib, 2) * kGiB - kMiB, MemoryKind::Usable}};
    if (gib > 2) ranges.push_back({{4 * kGiB}, (gib - 2) * kGiB, MemoryKind::Usable});
    Fixture f({.ranges = ranges});
    ASSERT_TRUE(f.result);
    const double share =
        100.0 * static_cast<double>(f.frames.metadata_bytes()) / static_cast<double>(gib * kGiB);
    RecordProperty("metadata_percent_" + std::to_string(gib) + "GiB", std::to_string(share));
    EXPECT_LE(share, 0.0065) << gib << " GiB";
    EXPECT_GT(f.frames.free_frames(), gib * kGiB / kPageBytes * 99 / 100);
  }
}

TEST(FrameManager, ClearedFramesAreClearAndIdleDrainsDirtyOnes) {
  Fixture f({.ram_bytes = 16 * kMiB});
  std::vector<Frame> frames;
  while (const auto frame = f.frames.allocate_uncleared()) {
    std::memset(f.machine.window().at(*frame), 0xa5, kPageBytes);
    frames.push_back(*frame);
  }
  for (const Frame frame : frames) f.frames.free(frame);
  EXPECT_EQ(f.frames.dirty_frames(), frames.size());
  // Before idle time: cleared at once.
  const auto now = f.frames.allocate();
  ASSERT_TRUE(now);
  EXPECT_TRUE(is_zero(f.machine.window(), *now));
  f.frames.free(*now);
  // Negative control: the uncleared kind does show the pattern.
  const auto first = f.frames.allocate_uncleared(), second = f.frames.allocate_uncleared();
  EXPECT_FALSE(is_zero(f.machine.window(), *first) && is_zero(f.machine.window(), *second));
  f.frames.free(*first);
  f.frames.free(*second);
  while (f.frames.zero_some()) {
  }
  EXPECT_EQ(f.frames.dirty_frames(), 0u);
  EXPECT_EQ(f.frames.free_frames(), frames.size());
  while (const auto frame = f.frames.allocate_uncleared()) ASSERT_TRUE(is_zero(f.machine.window(), *frame));
}

TEST(FrameManager, UntouchedMemoryIsNotZeroedInIdle) {
  Fixture f({.ram_bytes = 256 * kMiB});
  const u64 before = f.frames.dirty_frames();
  EXPECT_LT(before, 1100u) << "only the ragged edges count as dirty";
  while (f.frames.zero_some()) {
  }
  EXPECT_EQ(f.frames.dirty_frames(), 0u);
}

TEST(FrameManager, AllSizesMixAndCoalesceAgain) {
  Fixture f({.ranges = {{{0}, 4 * kGiB, MemoryKind::Usable}}});
  ASSERT_TRUE(f.result);
  const u64 before = f.frames.free_frames();
  const auto huge = f.frames.allocate_huge();
  ASSERT_TRUE(huge);
  EXPECT_TRUE(is_aligned(huge->address().value, kHugePageBytes));
  std::mt19937_64 random(4);
  std::vector<std::pair<Frame, int>> held;
  for (int step = 0; step < 20'000; ++step) {
    if (held.size() > 300 || (random() % 2 && !held.empty())) {
      const auto i = random() % held.size();
      const auto [frame, kind] = held[i];
      kind == 0   ? f.frames.free(frame)
      : kind == 1 ? f.frames.free_large(frame)
                  : f.frames.free_run(frame, static_cast<u64>(kind));
      held[i] = held.back();
      held.pop_back();
    } else {
      const u64 dice = random() % 16;
      if (dice < 10) {
        held.push_back({*f.frames.allocate_uncleared(), 0});
      } else if (dice < 13) {
        held.push_back({*f.frames.allocate_large(), 1});
      } else {
        const u64 count = 2 + random() % 1500;
        const auto run = f.frames.allocate_run(count, u64{1} << random() % 8);
        ASSERT_TRUE(run);
        held.push_back({*run, static_cast<int>(count)});
      }
    }
  }
  for (const auto& [frame, kind] : held)
    kind == 0   ? f.frames.free(frame)
    : kind == 1 ? f.frames.free_large(frame)
                : f.frames.free_run(frame, static_cast<u64>(kind));
  f.frames.free_huge(*huge);
  EXPECT_EQ(f.frames.free_frames(), before);
  // Dirty pieces coalesce to 1 GiB on demand: all but the first GiB, which firmware broke.
  std::set<u64> huges;
  while (const auto again = f.frames.allocate_huge()) huges.insert(again->number);
  EXPECT_EQ(huges.size(), 3u);
}

TEST(FrameManager, RunsRespectCountAlignmentAndLimit) {
  Fixture f({.ram_bytes = 64 * kMiB});
  for (const u64 count : {1u, 3u, 16u, 511u, 512u, 513u, 2000u}) {
    for (const u64 alignment : {1u, 16u, 512u, 1024u}) {
      const auto run = f.frames.allocate_run(count, alignment, {32 * kMiB});
      ASSERT_TRUE(run) << count << " aligned " << alignment;
      EXPECT_EQ(run->number % alignment, 0u);
      EXPECT_LE((run->number + count) * kPageBytes, 32 * kMiB);
      f.frames.free_run(*run, count);
    }
  }
  EXPECT_FALSE(f.frames.allocate_run(10, 1, {kMiB}));
  EXPECT_FALSE(f.frames.allocate_run(10, 3));
  EXPECT_FALSE(f.frames.allocate_run(100'000));
}

TEST(FrameManager, ReservedRangesAreNotHandedOutUntilReleased) {
  const ReservedRange module{{5 * kMiB + 100}, kMiB};
  Fixture f({.ram_bytes = 16 * kMiB}, {module});
  const u64 total = f.frames.total_frames();
  std::vector<Frame> held;
  while (const auto frame = f.frames.allocate_uncleared()) {
    const u64 begin = frame->address().value;
    EXPECT_FALSE(begin + kPageBytes > module.begin.value && begin < module.begin.value + module.bytes);
    held.push_back(*frame);
  }
  f.frames.release(module.begin, module.bytes);
  EXPECT_EQ(f.frames.free_frames(), 255u) << "the whole frames inside";
  EXPECT_EQ(f.frames.total_frames(), total + 255);
  for (const Frame frame : held) f.frames.free(frame);
}

TEST(FrameManager, ContradictoryMapsLoseMemoryButNothingElse) {
  // Unsorted, overlapping, wrapping, a reserved range inside a usable one.
  Fixture f({.ranges = {{{8 * kMiB}, 8 * kMiB, MemoryKind::Usable},
                        {{kMiB}, 10 * kMiB, MemoryKind::Usable},
                        {{6 * kMiB + 1}, 1, MemoryKind::Reserved},
                        {{20 * kMiB}, 0, MemoryKind::Usable}}});
  ASSERT_TRUE(f.result);
  while (const auto frame = f.frames.allocate()) EXPECT_NE(frame->number, 6 * kMiB / kPageBytes);
  Fixture empty({.ranges = {{{0}, kMiB, MemoryKind::Usable}}});
  EXPECT_EQ(empty.result.error(), Error::OutOfMemory);
}

TEST(FrameManager, PrefersTheNodeOfTheCaller) {
  Topology topology;
  topology.memory_nodes[0] = {{0}, 32 * kMiB, 0};
  topology.memory_nodes[1] = {{32 * kMiB}, 32 * kMiB, 1};
  topology.memory_node_count = 2;
  Fixture f({.ram_bytes = 64 * kMiB, .topology = &topology});
  EXPECT_EQ(f.frames.regions().size(), 2u);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(f.frames.allocate(0)->address().value, 32 * kMiB);
    EXPECT_GE(f.frames.allocate(1)->address().value, 32 * kMiB);
  }
  while (f.frames.allocate(1)) {
  }
  EXPECT_EQ(f.frames.free_frames(), 0u) << "the other node helps out";
}

}  // namespace
}  // namespace vari::nucleus
