// Clone, exec, exit, wait: programs of steps on a whole personality.
#include <gtest/gtest.h>

#include "system_double.h"

namespace vari::linux::test {
namespace {

constexpr i64 kNoChild = -10;

TEST(Process, FirstProgramsStatusIsReported) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.exit(7);
  EXPECT_EQ(system.run(), 7 << 8);
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Process, MissingProgramIs127) {
  SystemDouble system;
  EXPECT_EQ(system.run(), 127 << 8);
}

TEST(Process, ArgumentsAreOnTheStack) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.step([&](Cpu& cpu) {
    system.note("argc", cpu.load(cpu.r.rsp));
    const u64 second = cpu.load(cpu.r.rsp + 16);
    system.note("argv1", cpu.load(second) & 0xffffffff);
    system.note("null", cpu.load(cpu.r.rsp + 24));
    system.note("aligned", cpu.r.rsp % 16);
  });
  system.exit(0);
  EXPECT_EQ(system.run({"first", "abc"}), 0);
  EXPECT_EQ(system.notes("argc"), std::vector<u64>{2});
  EXPECT_EQ(system.notes("argv1"), std::vector<u64>{0x00636261});
  EXPECT_EQ(system.notes("null"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("aligned"), std::vector<u64>{0});
}

TEST(Process, ForkCopiesMemoryAndWaitReaps) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.step([](Cpu& cpu) { cpu.store(kData + 0x1000, 11); });
  system.program.call(kFork);
  auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  system.program.step([&](Cpu& cpu) { system.note("child sees", cpu.load(kData + 0x1000)); });
  system.program.step([](Cpu& cpu) { cpu.store(kData + 0x1000, 22); });
  system.program.call(kGetppid);
  system.note_result("ppid");
  system.exit(3);
  parent.here();
  system.note_result("child");
  system.program.call(kWait4, {~u64{0}, kData + 0x1800, 0, 0});
  system.note_result("waited");
  system.program.step([&](Cpu& cpu) {
    system.note("status", cpu.load(kData + 0x1800) & 0xffffffff);
    system.note("parent sees", cpu.load(kData + 0x1000));
  });
  system.program.call(kWait4, {~u64{0}, 0, 0, 0});
  system.note_result("none left");
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("child sees"), std::vector<u64>{11});
  EXPECT_EQ(system.notes("parent sees"), std::vector<u64>{11});
  EXPECT_EQ(system.notes("ppid"), std::vector<u64>{2});
  EXPECT_EQ(system.notes("child"), system.notes("waited"));
  EXPECT_EQ(system.notes("status"), std::vector<u64>{3 << 8});
  EXPECT_EQ(system.notes("none left"), std::vector<u64>{static_cast<u64>(kNoChild)});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Process, ExecReplacesTheProgram) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.step([](Cpu& cpu) {
    cpu.store(kData + 0x1000, 0x646e6f6365732f);  // "/second"
    cpu.store(kData + 0x1100, kData + 0x1000);
    cpu.store(kData + 0x1108, 0);
  });
  system.program.call(kExecve, {kData + 0x1000, kData + 0x1100, 0});
  system.exit(99);
  system.add_program("second", system.program.next());
  system.program.step([&](Cpu& cpu) { system.note("fresh", cpu.load(kData + 0x1000)); });
  system.program.call(kGetpid);
  system.note_result("pid");
  system.exit(5);
  EXPECT_EQ(system.run(), 5 << 8);
  EXPECT_EQ(system.notes("fresh"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("pid"), std::vector<u64>{2});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Process, ScriptsNameTheirInterpreter) {
  SystemDouble system;
  system.add_program("interpreter", system.program.next());
  system.program.step([&](Cpu& cpu) {
    system.note("argc", cpu.load(cpu.r.rsp));
    system.note("option", cpu.load(cpu.load(cpu.r.rsp + 16)) & 0xffffff);
    system.note("path", cpu.load(cpu.load(cpu.r.rsp + 24)) & 0xffffffffffffff);
    system.note("rest", cpu.load(cpu.load(cpu.r.rsp + 32)) & 0xffff);
  });
  system.exit(0);
  system.add_file("first", "#! /interpreter  -x \nrest");
  EXPECT_EQ(system.run({"first", "y"}), 0);
  EXPECT_EQ(system.notes("argc"), std::vector<u64>{4});
  EXPECT_EQ(system.notes("option"), std::vector<u64>{0x00782d});
  EXPECT_EQ(system.notes("path"), std::vector<u64>{0x74737269662f});
  EXPECT_EQ(system.notes("rest"), std::vector<u64>{0x0079});
}

TEST(Process, OrphansGoToInitAndVanish) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kFork);
  auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  system.program.call(kFork);
  auto middle = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  const u64 again = system.program.call(kGetppid);
  system.program.step([again](Cpu& cpu) {
    if (cpu.r.rax != 1) cpu.jump(again);
  });
  system.note_result("adopted by");
  middle.here();
  system.exit(0);
  parent.here();
  system.program.call(kWait4, {~u64{0}, 0, 0, 0});
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("adopted by"), std::vector<u64>{1});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Process, ThreadsShareMemoryAndWakeByFutex) {
  constexpr u64 kWord = kData + 0x1000;
  constexpr u64 kThreadFlags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x200000;
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.step([](Cpu& cpu) { cpu.store(kWord, 1); });
  system.program.call(kClone, {kThreadFlags, kData + 0x3000, 0, kWord, 0});
  auto thread = system.jump_if([](Cpu& cpu) { return cpu.r.rax == 0; });
  const u64 wait = system.program.call(kFutex, {kWord, 0, 1, 0});
  system.program.step([wait](Cpu& cpu) {
    if (cpu.load(kWord) & 0xffffffff) cpu.jump(wait);
  });
  system.exit(4);
  thread.here();
  system.program.call(kGettid);
  system.note_result("tid");
  system.program.call(kExit, {0});
  EXPECT_EQ(system.run(), 4 << 8);
  EXPECT_EQ(system.notes("tid"), std::vector<u64>{3});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Process, VforkParentSleepsUntilTheChildLetsGo) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kVfork);
  auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  system.program.step([&](Cpu& cpu) { cpu.store(kData + 0x1000, 77); });
  system.program.call(kExit, {0});
  parent.here();
  system.program.step([&](Cpu& cpu) { system.note("shared", cpu.load(kData + 0x1000)); });
  system.program.call(kWait4, {~u64{0}, 0, 0, 0});
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("shared"), std::vector<u64>{77});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Process, ForkBombEndsInErrorsAndLosesNothing) {
  SystemDouble system(1500);
  system.add_program("first", system.program.next());
  // Each process forks for ever until fork fails, then all leave.
  const u64 again = system.program.call(kFork);
  system.program.step([&, again](Cpu& cpu) {
    if (static_cast<i64>(cpu.r.rax) >= 0 && system.notes("failed").size() < 3) {
      cpu.store(kData + 0x1000, cpu.r.rax);
      cpu.jump(again);
    } else {
      system.note("failed", cpu.r.rax);
    }
  });
  system.exit(0);
  (void)system.run();
  EXPECT_GE(system.notes("failed").size(), 3u);
  EXPECT_EQ(system.frames_lost, 0u);
}

}  // namespace
}  // namespace vari::linux::test
