// No mutable globals: two nuclei in one process, each with its own memory and cores, do not notice each
// other, even when two threads drive them at once.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "nucleus/domain.h"
#include "nucleus/tlb.h"
#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

constexpr VirtualAddress kBase{0x10'0000'0000};

/// The same work for each nucleus: spaces, mappings, heap blocks, and everything given back.
void work(SimulatedMachine& machine, unsigned core, u8 mark, int rounds) {
  RunAs run(machine, core);
  SynchronousTlb tlb;
  for (int round = 0; round < rounds; ++round) {
    auto domain = DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
    ASSERT_TRUE(domain);
    NucleusDomain::of(**domain).space().activate();
    auto* block = static_cast<u8*>(machine.memory().heap().allocate(5000));
    std::memset(block, mark, 5000);
    const Frame frame = *machine.frames().allocate();
    ASSERT_TRUE((*domain)->map(kBase, frame, Access::Read | Access::Write));
    ASSERT_EQ((*domain)->copy_out(kBase, block, 4096), 4096u);
    u8 back[4096];
    ASSERT_EQ((*domain)->copy_in(back, kBase, 4096), 4096u);
    for (const u8 byte : back) ASSERT_EQ(byte, mark);
    struct Free final : Domain::Visitor {
      explicit Free(FrameManager& frames) : frames(frames) {}
      void visit(VirtualAddress, const Mapping& mapping) override { frames.free(mapping.frame); }
      FrameManager& frames;
    } free(machine.frames());
    (*domain)->unmap(kBase, kPageBytes, free);
    machine.memory().heap().free(block, 5000);
    poll();
  }
}

TEST(TwoNuclei, LiveSideBySideInOneProcess) {
  SimulatedMachine a({.ram_bytes = 16 * kMiB, .cores = 2}), b({.ram_bytes = 48 * kMiB, .cores = 3});
  work(a, 0, 0xaa, 1);
  work(b, 0, 0xbb, 1);
  const u64 free_a = a.settled_free_frames(), free_b = b.settled_free_frames();
  EXPECT_NE(free_a, free_b);
  std::thread first(work, std::ref(a), 0u, u8{0xaa}, 300);
  std::thread second(work, std::ref(b), 1u, u8{0xbb}, 300);
  first.join();
  second.join();
  EXPECT_EQ(a.settled_free_frames(), free_a);
  EXPECT_EQ(b.settled_free_frames(), free_b);
  EXPECT_NE(a.memory().kernel().root(), PhysicalAddress{});
  EXPECT_EQ(a.frames().total_frames() + 32 * kMiB / kPageBytes, b.frames().total_frames());
}

}  // namespace
}  // namespace vari::nucleus
