// Pseudo-terminals as programs see them: lines, MIN and TIME, the nodes in /dev/pts, hang-ups.
#include <gtest/gtest.h>

#include "pty_fixture.h"

namespace vari::linux::test {
namespace {

TEST(Pty, CarriesLinesAndEcho) {
  TerminalProgram test;
  test.open_pty();
  test.write(kMaster, "hx\x7fi\n", "typed");
  test.read(kSlave, 100, "line");
  test.read(kMaster, 100, "echo");
  test.write(kSlave, "a\n", "printed");
  test.read(kMaster, 100, "screen");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("master"), kMaster);
  EXPECT_EQ(test.noted("slave"), kSlave);
  EXPECT_EQ(test.noted("line"), 3u);
  EXPECT_EQ(test.noted("line text"), packed("hi\n"));
  EXPECT_EQ(test.noted("echo text"), packed("hx\b \bi\r\n"));
  EXPECT_EQ(test.noted("screen text"), packed("a\r\n"));
  EXPECT_EQ(test.frames_lost, 0u);
}

TEST(Pty, ALockedSlaveDoesNotOpen) {
  TerminalProgram test;
  test.open("/dev/ptmx", kReadWrite | kNoTerminal, "master");
  test.open("/dev/pts/0", kReadWrite | kNoTerminal, "locked");
  test.control(kMaster, request::kOpenPeer, kReadWrite | kNoTerminal, "peer");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("locked"), kIoError);
  EXPECT_EQ(test.noted("peer"), kIoError);
}

TEST(Pty, NodesComeAndGo) {
  TerminalProgram test;
  test.access("/dev/pts/0", "before");
  test.open_pty();
  test.access("/dev/pts/0", "open");
  test.open("/dev/ptmx", kReadWrite | kNoTerminal, "second");
  test.access("/dev/pts/1", "second open");
  test.close(kMaster);
  test.access("/dev/pts/0", "closed");
  test.access("/dev/pts/1", "second still open");
  test.close(5);
  test.access("/dev/pts/1", "second closed");
  test.open("/dev/ptmx", kReadWrite | kNoTerminal, "again");
  test.access("/dev/pts/0", "again open");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  for (const char* there : {"open", "second open", "second still open", "again open"})
    EXPECT_EQ(test.noted(there), 0u);
  for (const char* gone : {"before", "closed", "second closed"}) EXPECT_EQ(test.noted(gone), kNoEntry);
  EXPECT_EQ(test.frames_lost, 0u);
}

TEST(Pty, MasterCloseHangsUp) {
  TerminalProgram test;
  test.open_pty();
  test.write(kMaster, "lost\n", "typed");
  test.close(kMaster);
  test.read(kSlave, 10, "read");
  test.write(kSlave, "x", "write");
  test.control(kSlave, request::kGetTermios, kSettings, "control");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("read"), 0u);
  EXPECT_EQ(test.noted("write"), kIoError);
  EXPECT_EQ(test.noted("control"), kIoError);
}

TEST(Pty, MasterReadsTheRestAndThenAnError) {
  TerminalProgram test;
  test.open_pty();
  test.write(kSlave, "rest", "printed");
  test.close(kSlave);
  test.read(kMaster, 100, "rest");
  test.read(kMaster, 100, "end");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("rest text"), packed("rest"));
  EXPECT_EQ(test.noted("end"), kIoError);
}

TEST(Pty, MinimumAndTime) {
  TerminalProgram test;
  test.open_pty();
  test.raw(0, 0);
  test.read(kSlave, 10, "poll");
  test.raw(0, 1);
  test.program.step([&](Cpu&) { test.note("clock", test.place.monotonic_ns()); });
  test.read(kSlave, 10, "timed");
  test.program.step([&](Cpu&) { test.note("clock", test.place.monotonic_ns()); });
  test.write(kMaster, "ab", "typed");
  test.read(kSlave, 10, "what is there");
  test.raw(5, 1);
  test.write(kMaster, "abc", "typed");
  test.read(kSlave, 10, "gap");
  test.raw(2, 0);
  test.write(kMaster, "abc", "typed");
  test.read(kSlave, 2, "full");
  test.raw(2, 0);
  auto parent = test.fork();
  test.read(kSlave, 10, "enough");  // one is there; the second comes later
  test.exit(0);
  parent.here();
  test.sleep_ms(20);
  test.write(kMaster, "d", "typed");
  test.wait("ended");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("poll"), 0u);
  EXPECT_EQ(test.noted("timed"), 0u);
  const auto clock = test.notes("clock");
  ASSERT_EQ(clock.size(), 2u);
  EXPECT_GE(clock[1] - clock[0], 100u * kMillisecond);
  EXPECT_EQ(test.noted("what is there text"), packed("ab"));
  EXPECT_EQ(test.noted("gap text"), packed("abc"));
  EXPECT_EQ(test.noted("full text"), packed("ab"));
  EXPECT_EQ(test.noted("enough text"), packed("cd"));
}

TEST(Pty, ANonBlockingMasterWriterSeesTheLimit) {
  TerminalProgram test;
  test.open("/dev/ptmx", kReadWrite | kNoTerminal | kNonBlocking, "master");
  test.program.step([](Cpu& cpu) {
    cpu.store(kArgument, 0);
    cpu.r.r12 = 0;
  });
  test.control(kMaster, request::kLockPty, kArgument, "unlock");
  test.control(kMaster, request::kOpenPeer, kReadWrite | kNoTerminal, "slave");
  test.raw(1, 0);
  // Nobody reads: the writer gets EAGAIN after a bounded number of bytes, and every byte counted is there.
  const u64 again = test.program.next();
  test.program.call(kWrite, {kMaster, kData, 256});
  test.program.step([&](Cpu& cpu) {
    if (static_cast<i64>(cpu.r.rax) < 0) return test.note("written", cpu.r.rax);
    cpu.r.r12 += cpu.r.rax;
    if (cpu.r.r12 < 100000) cpu.jump(again);
  });
  const u64 reading = test.program.next();
  test.program.call(kRead, {kSlave, kIn, 256});
  test.program.step([&](Cpu& cpu) {
    cpu.r.r12 -= cpu.r.rax;
    if (static_cast<i64>(cpu.r.r12) > 0) return cpu.jump(reading);
    test.note("left", cpu.r.r12);
  });
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("written"), kAgain);
  EXPECT_EQ(test.noted("left"), 0u);
}

}  // namespace
}  // namespace vari::linux::test
