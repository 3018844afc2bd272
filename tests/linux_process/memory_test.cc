// The memory map through its system calls: what appears where, what faults, what is shared.
#include <gtest/gtest.h>

#include "system_double.h"

namespace vari::linux::test {
namespace {

constexpr u64 kProtNone = 0, kProtRead = 1, kProtReadWrite = 3;
constexpr u64 kShared = 1, kPrivate = 2, kFixed = 0x10, kAnonymous = 0x20, kNoReplace = 0x100000;
constexpr u64 kSegmentationStatus = 11;

u64 failure_of(int error) {
  return static_cast<u64>(-static_cast<i64>(error));
}

TEST(Memory, AnonymousPagesAreZeroAndPrivate) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kMmap, {0, 0x3000, kProtReadWrite, kPrivate | kAnonymous, ~u64{0}, 0});
  system.program.step([&](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  system.program.step([&](Cpu& cpu) { system.note("zero", cpu.load(cpu.r.rbx + 0x2ff8)); });
  system.program.step([&](Cpu& cpu) { cpu.store(cpu.r.rbx, 5); });
  system.program.call(kMunmap, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx + 0x1000, 0x1000}; });
  system.note_result("unmapped");
  system.program.step([&](Cpu& cpu) { system.note("kept", cpu.load(cpu.r.rbx)); });
  system.program.step([&](Cpu& cpu) { cpu.load(cpu.r.rbx + 0x1000); });
  system.exit(0);
  EXPECT_EQ(system.run(), static_cast<i32>(kSegmentationStatus));
  EXPECT_EQ(system.notes("zero"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("kept"), std::vector<u64>{5});
  EXPECT_EQ(system.notes("unmapped"), std::vector<u64>{0});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, SharedPagesAreSeenByTheChildAndTheParent) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kMmap, {0, 0x1000, kProtReadWrite, kShared | kAnonymous, ~u64{0}, 0});
  system.program.step([&](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  system.program.call(kFork);
  auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  system.program.step([](Cpu& cpu) { cpu.store(cpu.r.rbx, 42); });
  system.exit(0);
  parent.here();
  system.program.call(kWait4, {~u64{0}, 0, 0, 0});
  system.program.step([&](Cpu& cpu) { system.note("seen", cpu.load(cpu.r.rbx)); });
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("seen"), std::vector<u64>{42});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, ProtectionHoldsAndCanBeLifted) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kMmap, {0, 0x3000, kProtReadWrite, kPrivate | kAnonymous, ~u64{0}, 0});
  system.program.step([&](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  system.program.step([&](Cpu& cpu) { cpu.store(cpu.r.rbx + 0x1000, 9); });
  const auto middle = [](u64 protection) {
    return [protection](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx + 0x1000, 0x1000, protection}; };
  };
  system.program.call(kMprotect, middle(kProtNone));
  system.program.call(kWrite, [](Cpu& cpu) { return std::vector<u64>{1, cpu.r.rbx + 0x1000, 4}; });
  system.note_result("write from none");
  system.program.call(kMprotect, middle(kProtReadWrite));
  system.program.step([&](Cpu& cpu) { system.note("kept", cpu.load(cpu.r.rbx + 0x1000)); });
  system.program.step([&](Cpu& cpu) { cpu.store(cpu.r.rbx + 0x1000, 10); });
  system.program.call(kMprotect, middle(kProtRead));
  system.program.step([&](Cpu& cpu) { cpu.store(cpu.r.rbx + 0x1000, 11); });
  system.exit(0);
  EXPECT_EQ(system.run(), static_cast<i32>(kSegmentationStatus));
  EXPECT_EQ(system.notes("kept"), std::vector<u64>{9});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, FixedMappingsReplaceOrRefuse) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  constexpr u64 kAt = 0x10000000;
  system.program.call(kMmap, {kAt, 0x4000, kProtReadWrite, kPrivate | kAnonymous | kFixed, ~u64{0}, 0});
  system.note_result("first");
  system.program.step([&](Cpu& cpu) { cpu.store(kAt + 0x1000, 1); });
  system.program.call(kMmap,
                      {kAt + 0x1000, 0x1000, kProtReadWrite, kPrivate | kAnonymous | kNoReplace, ~u64{0}, 0});
  system.note_result("refused");
  system.program.call(kMmap,
                      {kAt + 0x1000, 0x1000, kProtReadWrite, kPrivate | kAnonymous | kFixed, ~u64{0}, 0});
  system.program.step([&](Cpu& cpu) { system.note("fresh", cpu.load(kAt + 0x1000)); });
  system.program.call(kMmap,
                      {kAt + 0x800, 0x1000, kProtReadWrite, kPrivate | kAnonymous | kFixed, ~u64{0}, 0});
  system.note_result("unaligned");
  system.program.call(kMmap, {0, ~u64{0} - 0x1000, kProtReadWrite, kPrivate | kAnonymous, ~u64{0}, 0});
  system.note_result("huge");
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("first"), std::vector<u64>{kAt});
  EXPECT_EQ(system.notes("refused"), std::vector<u64>{failure_of(17)});
  EXPECT_EQ(system.notes("fresh"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("unaligned"), std::vector<u64>{failure_of(22)});
  EXPECT_EQ(system.notes("huge"), std::vector<u64>{failure_of(12)});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, HeapGrowsAndShrinks) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kBrk, {0});
  system.program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  system.program.call(kBrk, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx + 0x5000}; });
  system.program.step([&](Cpu& cpu) { system.note("grown", cpu.r.rax - cpu.r.rbx); });
  system.program.step([&](Cpu& cpu) { cpu.store(cpu.r.rbx + 0x4ff8, 3); });
  system.program.call(kBrk, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx + 0x1000}; });
  system.program.call(kBrk, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx + 0x5000}; });
  system.program.step([&](Cpu& cpu) { system.note("zero again", cpu.load(cpu.r.rbx + 0x4ff8)); });
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("grown"), std::vector<u64>{0x5000});
  EXPECT_EQ(system.notes("zero again"), std::vector<u64>{0});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, RemapMovesPages) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  constexpr u64 kAt = 0x20000000;
  system.program.call(kMmap, {kAt, 0x2000, kProtReadWrite, kPrivate | kAnonymous | kFixed, ~u64{0}, 0});
  system.program.call(kMmap,
                      {kAt + 0x2000, 0x1000, kProtReadWrite, kPrivate | kAnonymous | kFixed, ~u64{0}, 0});
  system.program.call(kMprotect, {kAt + 0x2000, 0x1000, kProtRead});
  system.program.step([&](Cpu& cpu) { cpu.store(kAt + 0x1000, 88); });
  system.program.call(kMremap, {kAt, 0x2000, 0x6000, 0});
  system.note_result("in place");
  system.program.call(kMremap, {kAt, 0x2000, 0x6000, 1});
  system.program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  system.program.step([&](Cpu& cpu) { system.note("moved", cpu.load(cpu.r.rbx + 0x1000)); });
  system.program.step([&](Cpu& cpu) { cpu.store(cpu.r.rbx + 0x5000, 1); });
  system.program.step([&](Cpu& cpu) { cpu.load(kAt + 0x1000); });
  system.exit(0);
  EXPECT_EQ(system.run(), static_cast<i32>(kSegmentationStatus));
  EXPECT_EQ(system.notes("in place"), std::vector<u64>{failure_of(12)});
  EXPECT_EQ(system.notes("moved"), std::vector<u64>{88});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, StackGrowsToItsLimitAndNoFurther) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rsp; });
  system.program.step([&](Cpu& cpu) { cpu.store((cpu.r.rbx - 4 * kMiB) & ~u64{7}, 1); });
  system.program.step([&](Cpu& cpu) {
    system.note("grown", 1);
    cpu.store((cpu.r.rbx - 9 * kMiB) & ~u64{7}, 1);
  });
  system.exit(0);
  EXPECT_EQ(system.run(), static_cast<i32>(kSegmentationStatus));
  EXPECT_GE(system.notes("grown").size(), 1u);
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Memory, HungryProgramIsKilledWithAMessage) {
  SystemDouble system(1024);
  system.add_program("first", system.program.next());
  system.program.call(kMmap, {0, 1023 * kPageBytes, kProtReadWrite, kPrivate | kAnonymous, ~u64{0}, 0});
  system.program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  const u64 again = system.program.step([](Cpu& cpu) { cpu.store(cpu.r.rbx, 1); });
  system.program.step([again](Cpu& cpu) {
    cpu.r.rbx += kPageBytes;
    cpu.jump(again);
  });
  EXPECT_EQ(system.run(), 9);
  EXPECT_NE(system.place.log_text().find("out of memory"), std::string::npos);
  EXPECT_EQ(system.frames_lost, 0u);
}

}  // namespace
}  // namespace vari::linux::test
