// The kernel heap: no two blocks overlap, all comes back, alignment, fallbacks, exhaustion.
#include "nucleus/heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

struct Block {
  u8* memory;
  std::size_t bytes, alignment;
  u8 pattern;
};

void churn(SimulatedMachine& machine, unsigned steps, std::size_t largest, u64 seed) {
  Heap& heap = machine.memory().heap();
  std::mt19937_64 random(seed);
  std::vector<Block> blocks;
  const auto release = [&](std::size_t i) {
    const Block block = blocks[i];
    for (std::size_t k = 0; k < block.bytes; ++k) ASSERT_EQ(block.memory[k], block.pattern);
    heap.free(block.memory, block.bytes, block.alignment);
    blocks[i] = blocks.back();
    blocks.pop_back();
  };
  for (unsigned step = 0; step < steps; ++step) {
    RunAs core(machine, static_cast<unsigned>(random() % machine.core_count()));
    if (blocks.size() > 400 || (!blocks.empty() && random() % 5 < 2)) {
      release(random() % blocks.size());
      continue;
    }
    const std::size_t bytes = 1 + random() % (random() % 8 == 0 ? largest : 600);
    const std::size_t alignment = random() % 4 ? 16 : std::size_t{16} << random() % 9;
    auto* memory = static_cast<u8*>(heap.allocate(bytes, alignment));
    if (!memory) continue;
    ASSERT_EQ(reinterpret_cast<u64>(memory) % alignment, 0u);
    const u8 pattern = static_cast<u8>(random());
    std::memset(memory, pattern, bytes);
    blocks.push_back({memory, bytes, alignment, pattern});
  }
  while (!blocks.empty()) release(blocks.size() - 1);
}

TEST(Heap, BlocksDoNotOverlapAndAllFramesComeBack) {
  SimulatedMachine machine({.ram_bytes = 64 * kMiB});
  RunAs run(machine, 0);
  churn(machine, 2000, 60'000, 1);  // the tables for the heap's addresses are there now
  const u64 before = machine.settled_free_frames();
  churn(machine, 40'000, 60'000, 2);
  EXPECT_EQ(machine.settled_free_frames(), before);
  const auto statistics = machine.memory().heap().statistics();
  EXPECT_EQ(statistics.chunk_bytes, 0u);
  EXPECT_EQ(statistics.large_bytes, 0u);
  EXPECT_EQ(statistics.free_page_bytes, 0u);
}

TEST(Heap, ChunksAreLargePagesAndTheFirstIsOneFrame) {
  SimulatedMachine machine({.ram_bytes = 64 * kMiB});
  RunAs run(machine, 0);
  const u64 before = machine.frames().free_frames();
  void* memory = machine.memory().heap().allocate(64);
  EXPECT_EQ(machine.memory().kernel().page_bytes_at({reinterpret_cast<u64>(memory)}), kLargePageBytes);
  EXPECT_LE(before - machine.frames().free_frames(), kFramesPerLarge + 2);
}

TEST(Heap, WithoutLargeFramesItGoesOnWithSmallOnes) {
  SimulatedMachine machine({.ram_bytes = 64 * kMiB});
  RunAs run(machine, 0);
  std::vector<Frame> larges;
  while (const auto large = machine.frames().allocate_large()) larges.push_back(*large);
  // One frame of each 2 MiB is free: there is room, but no large page.
  const u64 room = larges.size() * 256;
  for (const Frame large : larges) machine.frames().free_run({large.number + 1}, 256);
  void* memory = machine.memory().heap().allocate(64);
  ASSERT_TRUE(memory);
  EXPECT_EQ(machine.memory().kernel().page_bytes_at({reinterpret_cast<u64>(memory)}), kPageBytes);
  EXPECT_GT(machine.frames().free_frames(), room - 16);
  machine.memory().heap().free(memory, 64);
  const u64 before = machine.settled_free_frames();
  churn(machine, 5000, 300'000, 3);
  EXPECT_GE(machine.settled_free_frames() + 16, before) << "but for page tables";
}

TEST(Heap, LargeBlocks) {
  SimulatedMachine machine({.ram_bytes = 64 * kMiB});
  RunAs run(machine, 0);
  Heap& heap = machine.memory().heap();
  heap.free(heap.allocate(20 * kMiB), 20 * kMiB);  // makes the tables, which stay (K53)
  const u64 before = machine.settled_free_frames();
  for (const std::size_t bytes :
       {std::size_t{1}, 509 * kPageBytes, 509 * kPageBytes + 1, 2 * kMiB, 2 * kMiB + 1, 9 * kMiB}) {
    auto* memory = static_cast<u8*>(heap.allocate(bytes));
    ASSERT_TRUE(memory) << bytes;
    memory[0] = memory[bytes - 1] = 1;
    heap.free(memory, bytes);
    EXPECT_EQ(machine.settled_free_frames(), before) << bytes;
    EXPECT_EQ(heap.statistics().large_bytes, 0u);
  }
  EXPECT_EQ(heap.allocate(200 * kMiB), nullptr);
  EXPECT_EQ(heap.allocate(~std::size_t{0} - 5), nullptr);
  EXPECT_GE(machine.settled_free_frames() + 1, before) << "but for the table of the last small pages";
}

TEST(Heap, ExhaustionIsNullAndAllComesBack) {
  SimulatedMachine machine({.ram_bytes = 16 * kMiB});
  RunAs run(machine, 0);
  Heap& heap = machine.memory().heap();
  heap.free(heap.allocate(100), 100);
  const u64 before = machine.settled_free_frames();
  std::vector<void*> blocks;
  while (void* memory = heap.allocate(1000)) blocks.push_back(memory);
  EXPECT_GT(blocks.size() * 1024, 12 * kMiB) << "nearly all memory could be had";
  EXPECT_LT(machine.frames().free_frames(), 8u);
  for (void* memory : blocks) heap.free(memory, 1000);
  EXPECT_GE(machine.settled_free_frames() + 8, before) << "but for page tables";
}

TEST(HeapDeathTest, WrongSizesAreCaught) {
  SimulatedMachine machine({.ram_bytes = 16 * kMiB});
  RunAs run(machine, 0);
  Heap& heap = machine.memory().heap();
  void* memory = heap.allocate(100);
  EXPECT_DEATH(heap.free(memory, 300), "slab");
  void* pages = heap.allocate(10'000);
  heap.free(pages, 10'000);
  EXPECT_DEATH(heap.free(pages, 10'000), "free");
}

}  // namespace
}  // namespace vari::nucleus
