// Who may use a terminal: background groups, orphans, and what a login's end does to those who stay.
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "interfaces/console.h"
#include "pty_fixture.h"

namespace vari::linux::test {
namespace {

constexpr u64 kHangUpSignal = 1, kInputSignal = 21, kOutputSignal = 22;

/// The first program's terminal is the pty; a child of it is in a background group.
struct Background : TerminalProgram {
  Background() {
    program.call(kSetsid);
    open_pty();
    control(kSlave, request::kSetControlling, 0, "controlling");
  }
  Branch background() {
    auto parent = fork();
    program.call(kSetpgid, {0, 0});
    return parent;
  }
};

TEST(JobControl, BackgroundReadStops) {
  Background test;
  auto parent = test.background();
  test.read(kSlave, 10, "read");
  test.exit(0);
  parent.here();
  test.wait("child");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("controlling"), 0u);
  EXPECT_EQ(test.noted("child"), stopped_by(kInputSignal));
}

TEST(JobControl, BackgroundReadFailsWhereItsSignalIsIgnored) {
  Background test;
  auto parent = test.background();
  test.ignore_signal(kInputSignal);
  test.read(kSlave, 10, "read");
  test.exit(3);
  parent.here();
  test.wait("child");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("read"), kIoError);
  EXPECT_EQ(test.noted("child"), 3u << 8);
}

TEST(JobControl, BackgroundWriteStopsIfTheTerminalSaysSo) {
  for (const bool stops : {false, true}) {
    Background test;
    if (stops) test.settings(0, local_flag::kStopBackground, 1, 0);
    auto parent = test.background();
    test.write(kSlave, "x", "write");
    test.exit(0);
    parent.here();
    test.wait("child");
    test.exit(0);
    EXPECT_EQ(test.run(), 0);
    EXPECT_EQ(test.noted("child"), stops ? stopped_by(kOutputSignal) : 0u);
  }
}

TEST(JobControl, BackgroundChangeOfSettingsStops) {
  Background test;
  auto parent = test.background();
  test.settings(local_flag::kEcho, 0, 1, 0);
  test.exit(0);
  parent.here();
  test.wait("child");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("child"), stopped_by(kOutputSignal));
}

TEST(JobControl, AnOrphanedGroupGetsAnError) {
  Background test;
  auto parent = test.background();
  auto middle = test.fork();
  test.await_orphaned();  // nobody could continue it
  test.read(kSlave, 10, "read");
  test.exit(0);
  middle.here();
  test.exit(0);
  parent.here();
  test.wait("child");
  test.sleep_ms(200);
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("read"), kIoError);
}

TEST(JobControl, TheInterruptCharacterReachesTheForegroundOnly) {
  Background test;
  auto parent = test.background();
  test.program.call(kPause);
  test.exit(0);
  parent.here();
  test.put_child_into_its_own_group();
  test.ignore_signal(2);
  test.write(kMaster, "\x03", "typed");
  test.sleep_ms(20);
  test.program.call(kKill, [](Cpu& cpu) { return std::vector<u64>{cpu.r.rbx, 9}; });
  test.wait("child");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("child"), 9u) << "not by SIGINT";
}

TEST(JobControl, MasterCloseHangsTheLeaderUp) {
  TerminalProgram test;
  test.open_pty();
  auto parent = test.fork();
  test.close(kMaster);
  test.program.call(kSetsid);
  test.control(kSlave, request::kSetControlling, 0, "controlling");
  test.write(kSlave, "!", "ready");
  test.program.call(kPause);
  test.exit(0);
  parent.here();
  test.read(kMaster, 1, "ready too");
  test.close(kMaster);
  test.wait("leader");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("leader"), kHangUpSignal);
}

TEST(JobControl, ALeadersEndHangsUpItsForegroundButNotThePty) {
  TerminalProgram test;
  test.open_pty();
  auto parent = test.fork();
  test.program.call(kSetsid);
  test.control(kSlave, request::kSetControlling, 0, "controlling");
  auto leader = test.fork();
  test.program.call(kPause);  // in the foreground: SIGHUP ends it, or run() finds it at the end
  test.exit(0);
  leader.here();
  test.exit(0);
  parent.here();
  test.wait("leader");
  test.write(kSlave, "alive", "write");
  test.exit(0);
  EXPECT_EQ(test.run(), 0);
  EXPECT_EQ(test.noted("write"), 5u);
}

/// A device that holds its sender up where the receiver has no room.
class ConsoleDouble final : public Console {
 public:
  void* query_raw(InterfaceId wanted) override { return wanted == kInterface ? this : nullptr; }
  void acquire() override {}
  void release() override {}
  void write(std::span<const u8> bytes) override { output.append(bytes.begin(), bytes.end()); }
  void set_receiver(ConsoleReceiver* receiver) override { receiver_ = receiver; }
  WindowSize window_size() override { return {24, 80}; }
  void resume_input() override { pump(); }
  void type(const std::string& text) {
    waiting_ += text;
    pump();
  }
  std::string output;

 private:
  /// One core runs this test, so a flag is enough.
  void pump() {
    if (!receiver_ || pumping_.exchange(true)) return;
    while (!waiting_.empty()) {
      const std::size_t count = std::min({waiting_.size(), receiver_->input_room(), std::size_t{100}});
      if (count == 0) break;
      const std::string piece = waiting_.substr(0, count);
      waiting_.erase(0, count);
      receiver_->on_input({reinterpret_cast<const u8*>(piece.data()), count});
    }
    pumping_ = false;
  }
  ConsoleReceiver* receiver_ = nullptr;
  std::string waiting_;
  std::atomic<bool> pumping_ = false;
};

TEST(Consoles, ALargePasteIsWhole) {
  constexpr u64 kLines = 600, kLine = 50;
  ConsoleDouble console;
  TerminalProgram test;
  test.consoles = {&console};
  test.program.step([&](Cpu& cpu) {
    for (u64 i = 0; i < kLines; ++i)
      console.type(std::string(kLine - 1, static_cast<char>('a' + i % 26)) + "\n");
    cpu.r.r12 = 0;
    cpu.r.r13 = 0;
  });
  const u64 again = test.program.next();
  test.program.call(kRead, {0, kIn, 200});
  test.program.step([&](Cpu& cpu) {
    cpu.r.r13 += cpu.r.rax == kLine && (cpu.load(kIn) & 0xff) == 'a' + cpu.r.r12 % 26;
    if (++cpu.r.r12 < kLines) return cpu.jump(again);
    test.note("right", cpu.r.r13);
  });
  test.exit(0);
  EXPECT_EQ(test.run({"first"}, 1), 0);
  EXPECT_EQ(test.noted("right"), kLines);
}

TEST(Consoles, ALeadersEndHangsTheLineUp) {
  ConsoleDouble console;
  TerminalProgram test;
  test.consoles = {&console};
  auto parent = test.fork();
  test.program.call(kSetsid);
  test.open("/dev/ttyS0", kReadWrite | kNoTerminal, "line");  // descriptor 3
  test.control(3, request::kSetControlling, 1, "stolen");
  auto leader = test.fork();
  test.program.call(kSetpgid, {0, 0});
  test.ignore_signal(kHangUpSignal);
  test.await_orphaned();
  test.sleep_ms(50);  // the line is hung up a moment after its parent has gone
  test.write(3, "x", "write");
  test.read(3, 10, "read");
  test.exit(0);
  leader.here();
  test.put_child_into_its_own_group();
  test.exit(0);
  parent.here();
  test.wait("leader");
  test.sleep_ms(200);
  test.write(1, "console", "console");  // /dev/console outlives it
  test.exit(0);
  EXPECT_EQ(test.run({"first"}, 1), 0);
  EXPECT_EQ(test.noted("stolen"), 0u);
  EXPECT_EQ(test.noted("write"), kIoError);
  EXPECT_EQ(test.noted("read"), 0u);
  EXPECT_EQ(test.noted("console"), 7u);
}

}  // namespace
}  // namespace vari::linux::test
