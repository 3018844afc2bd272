// Signals: handlers and their frames, masks, restarted calls, job control.
#include <gtest/gtest.h>

#include <cstring>

#include "system_double.h"

namespace vari::linux::test {
namespace {

constexpr u64 kAction = kData + 0x1000, kSet = kData + 0x1100;
constexpr u64 kRestorer = 0x0400'0000, kRestartFlag = 0x1000'0000, kInfoFlag = 4;
constexpr u64 kUser1 = 10, kUser2 = 12;
constexpr u64 kInterruptedCall = static_cast<u64>(-4);

/// A handler that notes its arguments and returns; made once, its steps returned.
struct Handler {
  u64 entry, restorer;
};
Handler make_handler(SystemDouble& system, const std::string& name) {
  auto over = system.jump();
  Handler handler;
  handler.entry = system.program.step([&system, name](Cpu& cpu) {
    system.note(name, cpu.r.rdi);
    system.note(name + " aligned", (cpu.r.rsp + 8) % 16);
    const u64 back = cpu.load(cpu.r.rsp);
    cpu.r.rsp += 8;
    cpu.r.rip = back;
  });
  handler.restorer = system.program.call(kSigreturn);
  over.here();
  return handler;
}

/// rt_sigaction(number, handler).
void set_handler(SystemDouble& system, u64 number, const Handler& handler, u64 flags = 0) {
  system.program.step([=](Cpu& cpu) {
    cpu.store(kAction, handler.entry * 2);
    cpu.store(kAction + 8, flags | kRestorer);
    cpu.store(kAction + 16, handler.restorer * 2);
    cpu.store(kAction + 24, 0);
  });
  system.program.call(kSigaction, {number, kAction, 0, 8});
}

void kill_self(SystemDouble& system, u64 number) {
  system.program.call(kGetpid);
  system.program.call(kKill, [number](Cpu& cpu) { return std::vector<u64>{cpu.r.rax, number}; });
}

TEST(Signals, HandlerRunsAndRegistersReturn) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  const auto handler = make_handler(system, "handled");
  set_handler(system, kUser1, handler, kInfoFlag);
  system.program.step([](Cpu& cpu) {
    cpu.r.rbx = 1234;
    cpu.r.r12 = cpu.r.rsp;
  });
  kill_self(system, kUser1);
  system.note_result("kill");
  system.program.step([&](Cpu& cpu) {
    system.note("rbx", cpu.r.rbx);
    system.note("rsp", cpu.r.rsp - cpu.r.r12);
  });
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("handled"), std::vector<u64>{kUser1});
  EXPECT_EQ(system.notes("handled aligned"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("kill"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("rbx"), std::vector<u64>{1234});
  EXPECT_EQ(system.notes("rsp"), std::vector<u64>{0});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Signals, DefaultActionKills) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  kill_self(system, 15);
  system.exit(0);
  EXPECT_EQ(system.run(), 15);
}

TEST(Signals, FaultsBecomeSignals) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.exception(0);
  EXPECT_EQ(system.run(), 8);
  SystemDouble illegal;
  illegal.add_program("first", illegal.program.next());
  illegal.program.exception(6);
  EXPECT_EQ(illegal.run(), 4);
}

TEST(Signals, BlockedSignalsWaitAndAreSeenAsPending) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  const auto handler = make_handler(system, "handled");
  set_handler(system, kUser2, handler);
  system.program.step([](Cpu& cpu) { cpu.store(kSet, u64{1} << (kUser2 - 1)); });
  system.program.call(kSigprocmask, {0, kSet, 0, 8});
  kill_self(system, kUser2);
  kill_self(system, kUser2);
  system.program.call(kSigpending, {kSet + 8, 8});
  system.program.step([&](Cpu& cpu) {
    system.note("pending", cpu.load(kSet + 8));
    system.note("before", system.notes("handled").size());
  });
  system.program.call(kSigprocmask, {1, kSet, 0, 8});
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("pending"), std::vector<u64>{u64{1} << (kUser2 - 1)});
  EXPECT_EQ(system.notes("before"), std::vector<u64>{0});
  EXPECT_EQ(system.notes("handled"), std::vector<u64>{kUser2});
}

/// A child's signal ends the parent's read of an empty pipe: EINTR, or with SA_RESTART the read goes on.
void interrupt_read(SystemDouble& system, u64 flags) {
  system.add_program("first", system.program.next());
  const auto handler = make_handler(system, "handled");
  set_handler(system, kUser1, handler, flags);
  system.program.call(kPipe, {kData + 0x1200});
  system.program.call(kFork);
  auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  const auto nap = [&](u64 milliseconds) {
    system.program.step([milliseconds](Cpu& cpu) {
      cpu.store(kData + 0x1300, 0);
      cpu.store(kData + 0x1308, milliseconds * 1000000);
    });
    system.program.call(kNanosleep, {kData + 0x1300, 0});
  };
  nap(50);
  system.program.call(kGetppid);
  system.program.call(kKill, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rax, kUser1}; });
  nap(50);
  system.program.call(kWrite,
                      [](Cpu& cpu) { return std::vector<u64>{cpu.load(kData + 0x1200) >> 32, kData, 3}; });
  system.exit(0);
  parent.here();
  system.program.call(kRead, [](Cpu& cpu) {
    return std::vector<u64>{cpu.load(kData + 0x1200) & 0xffffffff, kData + 0x1400, 16};
  });
  system.note_result("read");
  const u64 again = system.program.call(kWait4, {~u64{0}, 0, 0, 0});
  system.program.step([again](Cpu& cpu) {
    if (static_cast<i64>(cpu.r.rax) < 0) cpu.jump(again);
  });
  system.exit(0);
}

TEST(Signals, ReadIsInterrupted) {
  SystemDouble system;
  interrupt_read(system, 0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("handled"), std::vector<u64>{kUser1});
  EXPECT_EQ(system.notes("read"), std::vector<u64>{kInterruptedCall});
}

TEST(Signals, ReadIsRestarted) {
  SystemDouble system;
  interrupt_read(system, kRestartFlag);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("handled"), std::vector<u64>{kUser1});
  EXPECT_EQ(system.notes("read"), std::vector<u64>{3});
}

TEST(Signals, StoppedChildIsReportedAndContinues) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.call(kFork);
  auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
  kill_self(system, 19);
  system.exit(6);
  parent.here();
  system.program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
  const auto wait = [&](const std::string& name, u64 options) {
    system.program.call(kWait4, {~u64{0}, kData + 0x1800, options, 0});
    system.program.step(
        [&system, name](Cpu& cpu) { system.note(name, cpu.load(kData + 0x1800) & 0xffffffff); });
  };
  wait("stopped", 2);
  system.program.call(kKill, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx, 18}; });
  wait("continued", 8);
  wait("exited", 0);
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("stopped"), std::vector<u64>{19 << 8 | 0x7f});
  // The child may exit before the parent asks: then that is what it is told first.
  EXPECT_TRUE(system.notes("continued") == std::vector<u64>{0xffff} ||
              system.notes("continued") == std::vector<u64>{6 << 8});
  EXPECT_EQ(system.frames_lost, 0u);
}

TEST(Signals, KillEndsAStoppedAndASleepingProcess) {
  for (const u64 first : {u64{19}, u64{0}}) {
    SystemDouble system;
    system.add_program("first", system.program.next());
    system.program.call(kFork);
    auto parent = system.jump_if([](Cpu& cpu) { return cpu.r.rax != 0; });
    system.program.call(kPause);
    system.exit(6);
    parent.here();
    system.program.step([](Cpu& cpu) { cpu.r.rbx = cpu.r.rax; });
    system.program.call(kKill, [first](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx, first}; });
    system.program.call(kKill, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx, 9}; });
    system.program.call(kWait4, {~u64{0}, kData + 0x1800, 0, 0});
    system.program.step([&](Cpu& cpu) { system.note("status", cpu.load(kData + 0x1800) & 0xffffffff); });
    system.exit(0);
    EXPECT_EQ(system.run(), 0);
    EXPECT_EQ(system.notes("status"), std::vector<u64>{9});
    EXPECT_EQ(system.frames_lost, 0u);
  }
}

TEST(Signals, AlarmInterruptsPause) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  const auto handler = make_handler(system, "handled");
  set_handler(system, 14, handler);
  system.program.step([](Cpu& cpu) {
    for (u64 at : {0, 8, 16, 24}) cpu.store(kData + 0x1300 + at, at == 24 ? 20000 : 0);
  });
  system.program.call(kSetitimer, {0, kData + 0x1300, 0});
  system.program.call(kPause);
  system.note_result("pause");
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_EQ(system.notes("handled"), std::vector<u64>{14});
  EXPECT_EQ(system.notes("pause"), std::vector<u64>{kInterruptedCall});
}

TEST(Signals, HostileFrameIsRefused) {
  SystemDouble system;
  system.add_program("first", system.program.next());
  system.program.step([](Cpu& cpu) { cpu.r.rsp = 0x7000; });
  system.program.call(kSigreturn);
  system.exit(0);
  EXPECT_EQ(system.run(), 11);
}

}  // namespace
}  // namespace vari::linux::test
