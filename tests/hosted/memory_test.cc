// RAM as pages of a file that come while they are needed: all of them once, zero at first, and never written
// over when they have been given out.
#include "hosted/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

namespace vari::hosted::test {
namespace {

constexpr u64 kFrames = 4096;

bool is_filled(const u8* page, u8 with) {
  return std::all_of(page, page + kPageBytes, [&](u8 byte) { return byte == with; });
}

TEST(HostedMemory, EveryFrameOnceAndZeroAtFirst) {
  HostedMemory memory;
  ASSERT_TRUE(memory.initialise(kFrames * kPageBytes).has_value());
  std::vector<bool> given(kFrames);
  u64 count = 0;
  for (;; ++count) {
    const auto frame = memory.allocate();
    if (!frame.has_value()) break;
    ASSERT_FALSE(given[frame->number]);
    given[frame->number] = true;
    ASSERT_TRUE(is_filled(memory.window(*frame), 0)) << frame->number;
    std::memset(memory.window(*frame), 0x5a, kPageBytes);
  }
  EXPECT_EQ(count, kFrames - 1);
  EXPECT_EQ(memory.free_bytes(), 0u);
  memory.free(Frame{17});
  memory.free(Frame{16});
  const auto low = memory.allocate();
  ASSERT_TRUE(low.has_value());
  EXPECT_EQ(low->number, 16u);  // the lowest, and cleared
  EXPECT_TRUE(is_filled(memory.window(*low), 0));
  EXPECT_TRUE(memory.allocate_uncleared().has_value());
  EXPECT_FALSE(memory.allocate_uncleared().has_value());
}

/// Many take while the file grows: nobody's page is anybody else's, or is written by what makes new ones.
TEST(HostedMemory, GrowsUnderManyTakers) {
  constexpr unsigned kThreads = 4;
  HostedMemory memory;
  ASSERT_TRUE(memory.initialise(kFrames * kPageBytes).has_value());
  std::vector<Frame> taken[kThreads];
  std::vector<std::thread> threads;
  for (unsigned id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      for (;;) {
        const auto frame = id % 2 ? memory.allocate() : memory.allocate_uncleared();
        if (!frame.has_value()) return;
        std::memset(memory.window(*frame), static_cast<int>(id + 1), kPageBytes);
        taken[id].push_back(*frame);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  u64 count = 0;
  for (unsigned id = 0; id < kThreads; ++id) {
    count += taken[id].size();
    for (const Frame frame : taken[id])
      ASSERT_TRUE(is_filled(memory.window(frame), static_cast<u8>(id + 1))) << frame.number;
  }
  EXPECT_EQ(count, kFrames - 1);
}

TEST(HostedMemory, MayEndWhileItGrows) {
  for (int i = 0; i < 50; ++i) {
    HostedMemory memory;
    ASSERT_TRUE(memory.initialise(kFrames * kPageBytes).has_value());
    for (int taken = 0; taken < i; ++taken) ASSERT_TRUE(memory.allocate().has_value());
  }
}

}  // namespace
}  // namespace vari::hosted::test
