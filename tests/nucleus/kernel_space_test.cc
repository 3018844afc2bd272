// The kernel's half: direct map by large pages, image permissions, stacks with guard pages, start-up root.
#include "nucleus/kernel_space.h"

#include <gtest/gtest.h>

#include "nucleus/page_tables.h"
#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

class KernelSpaceTest : public testing::Test {
 protected:
  KernelSpaceTest() : machine({.ram_bytes = 3 * kGiB}), run(machine, 0), kernel(machine.memory().kernel()) {}
  u64 entry(u64 address) {
    const Leaf leaf = find_leaf(WindowTables(machine.window(), kernel.root()), {address});
    return leaf.entry ? *leaf.entry : 0;
  }
  SimulatedMachine machine;
  RunAs run;
  KernelSpace& kernel;
};

TEST_F(KernelSpaceTest, DirectMapUsesTheLargestPages) {
  EXPECT_EQ(kernel.page_bytes_at({machine::kDirectMap + kGiB}), kHugePageBytes);
  EXPECT_EQ(machine::address_of(entry(machine::kDirectMap + 2 * kGiB)).value, 2 * kGiB);
  EXPECT_EQ(kernel.page_bytes_at({machine::kDirectMap + 3 * kGiB}), 0u) << "no RAM, no mapping";
  EXPECT_EQ(entry(machine::kDirectMap) & machine::kUser, 0u);
}

TEST_F(KernelSpaceTest, ImageIsWriteXorExecute) {
  const auto image = machine.image();
  const u64 text = entry(image.text_begin.value), rodata = entry(image.rodata_begin.value),
            data = entry(image.data_begin.value);
  EXPECT_EQ(text & (machine::kPresent | machine::kWritable | machine::kNoExecute), machine::kPresent);
  EXPECT_EQ(rodata & (machine::kPresent | machine::kWritable | machine::kNoExecute),
            machine::kPresent | machine::kNoExecute);
  EXPECT_EQ(data & (machine::kPresent | machine::kWritable | machine::kNoExecute),
            machine::kPresent | machine::kWritable | machine::kNoExecute);
  EXPECT_EQ(entry(image.data_end.value), 0u);
  EXPECT_EQ(entry(machine::kImageBase), 0u) << "the first MiB is not the image";
  EXPECT_EQ(entry(0), 0u) << "the identity map is gone";
}

TEST_F(KernelSpaceTest, StacksHaveGuardsAndComeBack) {
  const u64 before = machine.settled_free_frames();
  std::vector<KernelStack> stacks;
  for (int i = 0; i < 40; ++i) {
    const auto stack = kernel.allocate_stack(i % 2 ? 16 * kKiB : 64 * kKiB);
    ASSERT_TRUE(stack);
    const u64 bottom = reinterpret_cast<u64>(stack->bottom);
    EXPECT_EQ(kernel.page_bytes_at({bottom - 1}), 0u);
    EXPECT_EQ(kernel.page_bytes_at({bottom}), kPageBytes);
    EXPECT_EQ(kernel.page_bytes_at({reinterpret_cast<u64>(stack->top()) - 1}), kPageBytes);
    stacks.push_back(*stack);
  }
  for (const auto& stack : stacks) kernel.free_stack(stack);
  EXPECT_GT(kernel.retired_frames(), 0u);
  EXPECT_TRUE(kernel.flush_retired());
  EXPECT_EQ(kernel.page_bytes_at({reinterpret_cast<u64>(stacks[0].bottom)}), 0u);
  // All but the page tables that the stacks needed, which stay (K53).
  EXPECT_GE(machine.settled_free_frames() + 3, before);
  const u64 now = machine.settled_free_frames();
  for (int i = 0; i < 100; ++i) kernel.free_stack(*kernel.allocate_stack());
  EXPECT_EQ(machine.settled_free_frames(), now);
}

TEST_F(KernelSpaceTest, CachedFirmwareTablesAreReachedThroughTheDirectMap) {
  const auto table = kernel.map_physical({0x1234}, 100, true);
  ASSERT_TRUE(table);
  EXPECT_EQ(*table, machine.window().at(PhysicalAddress{0x1234}));
  kernel.unmap_physical(*table, 100);
  EXPECT_EQ(kernel.map_physical({~u64{0} - 10}, 100, true).error(), Error::InvalidArgument);
  const auto outside = kernel.map_physical({0xe000'0ffc}, 8, true);
  ASSERT_TRUE(outside);
  EXPECT_EQ(machine::address_of(entry(reinterpret_cast<u64>(*outside) + 4)).value, 0xe000'1000u);
  kernel.unmap_physical(*outside, 8);
}

TEST_F(KernelSpaceTest, StartupRootMapsTheFirstPagesExecutable) {
  const u64 before = machine.frames().free_frames();
  const auto root = kernel.make_startup_root();
  ASSERT_TRUE(root);
  EXPECT_LT(root->value, 4 * kGiB);
  const WindowTables tables(machine.window(), *root);
  const Leaf leaf = find_leaf(tables, {0x8000});
  ASSERT_TRUE(leaf.entry);
  EXPECT_EQ(*leaf.entry & machine::kNoExecute, 0u);
  EXPECT_TRUE(find_leaf(tables, machine.image().text_begin).entry);
  kernel.free_startup_root(*root);
  EXPECT_EQ(machine.frames().free_frames(), before);
}

TEST(SmallMachine, SixteenMegabytesKeepMostOfThemselves) {
  SimulatedMachine machine({.ram_bytes = 16 * kMiB});
  RunAs run(machine, 0);
  EXPECT_GT(machine.frames().free_frames(), 14 * kMiB / kPageBytes);
  EXPECT_NE(machine.memory().heap().allocate(100), nullptr);
  EXPECT_GT(machine.frames().free_frames(), 12 * kMiB / kPageBytes);
}

}  // namespace
}  // namespace vari::nucleus
