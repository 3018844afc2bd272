// Both TLB policies on cores whose TLBs really go stale, and negative controls that show that the test would
// see a missing invalidation.
#include "nucleus/tlb.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "nucleus/domain.h"
#include "nucleus/tlb_asynchronous.h"
#include "runtime/port/linux/machine.h"
#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

constexpr VirtualAddress kPage{0x12'3456'7000};
constexpr Access kReadWrite = Access::Read | Access::Write;

/// A policy that forgets to invalidate: the negative control.
class BrokenTlb {
 public:
  void attach(AddressSpace&) {}
  void detach(AddressSpace&) {}
  void invalidate(AddressSpace&, VirtualAddress, u64) {}
  void settle(AddressSpace&, VirtualAddress, u64) {}
};
static_assert(TlbPolicy<BrokenTlb>);

struct FrameBack final : Domain::Visitor {
  explicit FrameBack(FrameManager& frames) : frames(frames) {}
  void visit(VirtualAddress, const Mapping& mapping) override {
    last = mapping.frame;
    frames.free(mapping.frame);
  }
  FrameManager& frames;
  Frame last;
};

/// Loads the space on each core and touches the page there.
void load_and_touch(SimulatedMachine& machine, AddressSpace& space, Frame expected) {
  for (unsigned i = 0; i < machine.core_count(); ++i) {
    RunAs core(machine, i);
    space.activate();
    EXPECT_EQ(machine.core(i).touch(kPage), expected);
  }
}

TEST(SynchronousTlb, NoCoreUsesARemovedMapping) {
  SimulatedMachine machine;
  RunAs run(machine, 0);
  SynchronousTlb tlb;
  auto domain = *DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
  auto& space = NucleusDomain::of(*domain).space();
  const Frame frame = *machine.frames().allocate(), other = *machine.frames().allocate();
  ASSERT_TRUE(domain->map(kPage, frame, kReadWrite));
  load_and_touch(machine, space, frame);
  ASSERT_EQ(*domain->map(kPage, other, kReadWrite), frame) << "replaced";
  for (unsigned i = 0; i < machine.core_count(); ++i) EXPECT_EQ(machine.core(i).touch(kPage), other);
  FrameBack back(machine.frames());
  domain->unmap(kPage, kPageBytes, back);
  for (unsigned i = 0; i < machine.core_count(); ++i) EXPECT_FALSE(machine.core(i).touch(kPage));
}

TEST(SynchronousTlb, OnlyCoresWithTheSpaceAreInterrupted) {
  SimulatedMachine machine({.cores = 8});
  RunAs run(machine, 0);
  SynchronousTlb tlb;
  auto domain = *DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
  auto stranger = *DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
  auto& space = NucleusDomain::of(*domain).space();
  ASSERT_TRUE(domain->map(kPage, *machine.frames().allocate(), kReadWrite));
  for (unsigned i : {1u, 3u}) {
    RunAs core(machine, i);
    space.activate();
  }
  {
    RunAs core(machine, 3);
    NucleusDomain::of(*stranger).space().activate();  // core 3 has left
  }
  domain->protect(kPage, kPageBytes, Access::Read);
  EXPECT_EQ(machine.core(1).calls_served, 1u);
  for (unsigned i : {0u, 2u, 3u, 4u, 5u, 6u, 7u}) EXPECT_EQ(machine.core(i).calls_served, 0u) << i;
  // A long range costs one reload of the root, not thousands of INVLPG.
  const u64 flushes = machine.core(1).page_flushes;
  ASSERT_TRUE(domain->map(kPage + 2000 * kPageBytes, *machine.frames().allocate(), kReadWrite));
  FrameBack back(machine.frames());
  domain->unmap(kPage, 3000 * kPageBytes, back);
  EXPECT_EQ(machine.core(1).page_flushes, flushes);
}

TEST(SynchronousTlb, NegativeControlWithoutInvalidationIsSeen) {
  SimulatedMachine machine;
  RunAs run(machine, 0);
  AddressSpace space(machine.frames(), machine.memory().kernel());
  ASSERT_TRUE(space.initialise());
  const Frame frame = *machine.frames().allocate();
  u64* entry = *reach<1>(WindowTables(space.window(), space.root()), space, machine::kUserTable, kPage);
  *entry = frame.address().value | machine::kPresent | machine::kUser;
  load_and_touch(machine, space, frame);
  *entry = 0;
  BrokenTlb().invalidate(space, kPage, 1);
  EXPECT_EQ(machine.core(2).touch(kPage), frame) << "stale, as it must be without an invalidation";
}

TEST(AsynchronousTlb, RangesDangleUntilEachCoreHasPassedAndNobodyIsInterrupted) {
  SimulatedMachine machine;
  RunAs run(machine, 0);
  AsynchronousTlb tlb;
  auto domain = *DomainWith<AsynchronousTlb>::create(machine.memory(), tlb);
  auto other = *DomainWith<AsynchronousTlb>::create(machine.memory(), tlb);
  auto& space = NucleusDomain::of(*domain).space();
  const Frame frame = *machine.frames().allocate();
  ASSERT_TRUE(domain->map(kPage, frame, kReadWrite));
  load_and_touch(machine, space, frame);

  struct Range : DanglingRange {
    FrameManager* frames;
    Frame frame;
  } range;
  range.frames = &machine.frames();
  range.frame = frame;
  range.released = [](DanglingRange& released) {
    auto& mine = static_cast<Range&>(released);
    mine.frames->free(mine.frame);
    mine.frame = {};
  };
  u64* entry = find_leaf(WindowTables(space.window(), space.root()), kPage).entry;
  *entry = 0;
  const u64 free = machine.frames().free_frames();
  tlb.retire(range, space, kPage, 1);
  EXPECT_EQ(machine.core(0).touch(kPage), Frame{}) << "the unmapper itself passes at once";
  EXPECT_EQ(range.holders, 3u);
  EXPECT_EQ(machine.core(2).touch(kPage), frame) << "others may still use it: that is what dangling means";
  {
    RunAs core(machine, 1);
    NucleusDomain::of(*other).space().activate();  // leaves
  }
  {
    RunAs core(machine, 2);
    tlb.on_tick();  // never switches, but ticks
    EXPECT_FALSE(machine.core(2).touch(kPage));
  }
  EXPECT_EQ(range.holders, 1u);
  EXPECT_EQ(machine.frames().free_frames(), free) << "not reusable before the last core has passed";
  {
    RunAs core(machine, 3);
    tlb.on_tick();
    tlb.on_tick();
  }
  EXPECT_EQ(machine.frames().free_frames(), free + 1);
  EXPECT_EQ(tlb.dangling(), 0u);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(machine.core(i).calls_served, 0u);
}

TEST(AsynchronousTlb, NegativeControlFreeingAtOnceCorruptsTheNewOwner) {
  SimulatedMachine machine;
  RunAs run(machine, 0);
  AddressSpace space(machine.frames(), machine.memory().kernel());
  ASSERT_TRUE(space.initialise());
  const Frame frame = *machine.frames().allocate();
  u64* entry = *reach<1>(WindowTables(space.window(), space.root()), space, machine::kUserTable, kPage);
  *entry = frame.address().value | machine::kPresent | machine::kUser;
  load_and_touch(machine, space, frame);
  *entry = 0;
  machine.frames().free(frame);
  std::vector<Frame> owners;
  while (owners.empty() || owners.back() != frame) owners.push_back(*machine.frames().allocate());
  EXPECT_EQ(machine.core(3).touch(kPage), owners.back())
      << "an old translation reaches the new owner's frame";
}

TEST(AsynchronousTlb, ProtectionChangesTakeEffectAtOnce) {
  SimulatedMachine machine;
  RunAs run(machine, 0);
  AsynchronousTlb tlb;
  auto domain = *DomainWith<AsynchronousTlb>::create(machine.memory(), tlb);
  const Frame frame = *machine.frames().allocate();
  ASSERT_TRUE(domain->map(kPage, frame, kReadWrite));
  load_and_touch(machine, NucleusDomain::of(*domain).space(), frame);
  domain->protect(kPage, kPageBytes, Access::None);
  for (unsigned i = 0; i < 4; ++i) EXPECT_FALSE(machine.core(i).touch(kPage));
}

TEST(AsynchronousTlb, UnmapWaitsForTheOtherCores) {
  SimulatedMachine machine({.cores = 2});
  AsynchronousTlb tlb;
  u32 unmapped = 0;
  runtime::LinuxMachine cores(2);
  cores.run([&] {
    // What a thread runs as belongs to the host's thread beneath it: ours must not move to the other one.
    ASSERT_TRUE(runtime::Thread::current().set_affinity(runtime::CpuSet::only({0})));
    RunAs run(machine, 0);
    auto domain = *DomainWith<AsynchronousTlb>::create(machine.memory(), tlb);
    auto& space = NucleusDomain::of(*domain).space();
    const Frame frame = *machine.frames().allocate();
    ASSERT_TRUE(domain->map(kPage, frame, kReadWrite));
    load_and_touch(machine, space, frame);
    auto waiter = [&] {
      RunAs core(machine, 0);
      FrameBack back(machine.frames());
      domain->unmap(kPage, kPageBytes, back);
      EXPECT_EQ(back.last, frame);
      __atomic_store_n(&unmapped, 1, __ATOMIC_RELEASE);
    };
    runtime::ThreadOptions options;
    options.affinity = runtime::CpuSet::only({1});
    auto thread = *runtime::start_thread(waiter, options);
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 20 * kMillisecond);
    EXPECT_EQ(__atomic_load_n(&unmapped, __ATOMIC_ACQUIRE), 0u) << "core 1 has not passed";
    {
      RunAs core(machine, 1);
      tlb.on_tick();
    }
    thread->join();
    EXPECT_EQ(unmapped, 1u);
    tlb.quiesce();
  });
}

}  // namespace
}  // namespace vari::nucleus
