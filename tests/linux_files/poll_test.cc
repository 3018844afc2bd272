// poll, select, epoll, eventfd, timerfd.
#include "program.h"

namespace vari::linux::test {
namespace {

constexpr u16 kIn = 1, kOut = 4, kErr = 8, kHup = 16, kNval = 32;

struct PollEntry {
  i32 descriptor;
  u16 wanted, found;
};

struct Pipe2 {
  i64 reader, writer;
};
Pipe2 make_pipe(Sys& sys) {
  EXPECT_EQ(sys(call::pipe2, sys.room(), kNonBlocking), 0);
  return {sys.get<i32>(sys.room()), sys.get<i32>(sys.room() + 4)};
}

TEST(Poll, Events) {
  run_program([](Sys& sys) {
    const auto pipe = make_pipe(sys);
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    const auto poll = [&](std::vector<PollEntry> entries, int timeout) {
      for (std::size_t i = 0; i < entries.size(); ++i) sys.put(entries[i], sys.room() + i * 8);
      const i64 count = sys(call::poll, sys.room(), entries.size(), timeout);
      std::vector<u16> found;
      for (std::size_t i = 0; i < entries.size(); ++i)
        found.push_back(sys.get<PollEntry>(sys.room() + i * 8).found);
      return std::pair(count, found);
    };
    const i32 reader = static_cast<i32>(pipe.reader), writer = static_cast<i32>(pipe.writer);
    EXPECT_EQ(poll({{reader, kIn, 9},
                    {writer, kOut, 0},
                    {static_cast<i32>(file), kIn | kOut, 0},
                    {-1, kIn, 7},
                    {999, kIn, 0}},
                   0),
              std::pair(i64{3}, std::vector<u16>{0, kOut, kIn | kOut, 0, kNval}));
    EXPECT_EQ(poll({{reader, kIn, 0}}, 20).first, 0);
    EXPECT_EQ(sys(call::write, pipe.writer, "x", 1), 1);
    EXPECT_EQ(poll({{reader, kIn, 0}}, -1), std::pair(i64{1}, std::vector<u16>{kIn}));
    EXPECT_EQ(sys(call::close, pipe.writer), 0);
    EXPECT_EQ(poll({{reader, kIn, 0}}, -1), std::pair(i64{1}, std::vector<u16>{kIn | kHup}));
    const auto other = make_pipe(sys);
    EXPECT_EQ(sys(call::close, other.reader), 0);
    EXPECT_EQ(poll({{static_cast<i32>(other.writer), kOut, 0}}, -1),
              std::pair(i64{1}, std::vector<u16>{kOut | kErr}));
    EXPECT_EQ(sys(call::poll, sys.room(), 1 << 20, 0), kInval);
    EXPECT_EQ(sys(call::poll, u64{8}, 1, 0), kFault);
  });
}

// A thread closes what another one polls: the poller's file must last until it has looked away.
TEST(Poll, AFileThatIsClosedMeanwhile) {
  SystemDouble system;
  auto& program = system.program;
  system.add_program("first", program.next());
  i64 reader = 0, writer = 0;
  program.step([&](Cpu&) {
    Sys sys;
    const auto pipe = make_pipe(sys);
    reader = pipe.reader;
    writer = pipe.writer;
  });
  constexpr u64 kThreadFlags = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000;
  program.call(kClone, {kThreadFlags, kData + 0x3800, 0, 0, 0});
  auto thread = system.jump_if([](Cpu& cpu) { return cpu.r.rax == 0; });
  program.step([&](Cpu&) {
    Sys sys;
    sys.put(PollEntry{static_cast<i32>(reader), kIn, 0}, sys.room());
    EXPECT_EQ(sys(call::poll, sys.room(), 1, 5000), 1);
    EXPECT_EQ(sys.get<PollEntry>(sys.room()).found, kNval);
  });
  system.exit(0);
  thread.here();
  program.step([&](Cpu&) {
    (void)runtime::Thread::sleep_until(system.place.monotonic_ns() + 50 * kMillisecond);
    const Arguments close_reader{{static_cast<u64>(reader), 0, 0, 0, 0, 0}};
    const Arguments close_writer{{static_cast<u64>(writer), 0, 0, 0, 0, 0}};
    EXPECT_EQ(kSelected<AllGroups>.calls[call::close](Task::current(), close_reader), 0);
    EXPECT_EQ(kSelected<AllGroups>.calls[call::close](Task::current(), close_writer), 0);
  });
  program.call(kExit, {0});
  EXPECT_EQ(system.run(), 0);
}

TEST(Select, SetsAndTimeouts) {
  run_program([](Sys& sys) {
    const auto pipe = make_pipe(sys);
    const u64 reader = static_cast<u64>(pipe.reader), writer = static_cast<u64>(pipe.writer);
    const u64 read_set = sys.room(), write_set = sys.room() + 128, time = sys.room() + 256;
    sys.put(u64{1} << reader, read_set);
    sys.put(u64{1} << writer, write_set);
    EXPECT_EQ(sys(call::select, writer + 1, read_set, write_set, 0, 0), 1);
    EXPECT_EQ(sys.get<u64>(read_set), 0u);
    EXPECT_EQ(sys.get<u64>(write_set), u64{1} << writer);
    struct TimeValue {
      i64 seconds, microseconds;
    };
    sys.put(u64{1} << reader, read_set);
    sys.put(TimeValue{0, 10'000}, time);
    EXPECT_EQ(sys(call::select, reader + 1, read_set, 0, 0, time), 0);
    EXPECT_EQ(sys.get<TimeValue>(time).microseconds, 0);
    sys.put(u64{1} << 40, read_set);
    EXPECT_EQ(sys(call::select, 41, read_set, 0, 0, 0), kBadF);
    EXPECT_EQ(sys(call::select, -1, 0, 0, 0, 0), kInval);
    EXPECT_EQ(sys(call::select, 5, u64{8}, 0, 0, 0), kFault);
  });
}

struct [[gnu::packed]] Event {
  u32 events;
  u64 data;
};

TEST(Epoll, LevelEdgeAndOneShot) {
  run_program([](Sys& sys) {
    const auto pipe = make_pipe(sys);
    const i64 set = sys(call::epoll_create1, 0);
    const auto control = [&](u64 operation, i64 descriptor, u32 events, u64 data) {
      return sys(call::epoll_ctl, set, operation, descriptor, sys.put(Event{events, data}, sys.room()));
    };
    const auto wait = [&](int timeout) {
      const i64 count = sys(call::epoll_wait, set, sys.room(), 10, timeout);
      return count > 0 ? static_cast<i64>(sys.get<Event>(sys.room()).data) : -count - 1000;
    };
    constexpr i64 kNothing = -1000;
    constexpr u32 kEdge = 1u << 31, kOnce = 1u << 30;
    EXPECT_EQ(control(1, pipe.reader, kIn, 7), 0);
    EXPECT_EQ(control(1, pipe.reader, kIn, 7), kExist);
    EXPECT_EQ(control(3, pipe.writer, kIn, 7), kNoEnt);
    EXPECT_EQ(wait(0), kNothing);
    EXPECT_EQ(sys(call::write, pipe.writer, "ab", 2), 2);
    EXPECT_EQ(wait(-1), 7);
    EXPECT_EQ(wait(-1), 7);  // level: still there
    EXPECT_EQ(control(3, pipe.reader, kIn | kEdge, 8), 0);
    EXPECT_EQ(wait(-1), 8);
    EXPECT_EQ(wait(0), kNothing);  // edge: told once
    EXPECT_EQ(sys(call::write, pipe.writer, "c", 1), 1);
    EXPECT_EQ(wait(-1), 8);
    EXPECT_EQ(control(3, pipe.reader, kIn | kOnce, 9), 0);
    EXPECT_EQ(wait(-1), 9);
    EXPECT_EQ(sys(call::write, pipe.writer, "d", 1), 1);
    EXPECT_EQ(wait(0), kNothing);
    EXPECT_EQ(control(3, pipe.reader, kIn, 10), 0);
    EXPECT_EQ(wait(-1), 10);
    EXPECT_EQ(sys(call::read, pipe.reader, sys.room(), 10), 4);
    EXPECT_EQ(wait(5), kNothing);
    // A closed file leaves the set; a set of sets has one level.
    EXPECT_EQ(control(1, pipe.writer, kOut, 11), 0);
    EXPECT_EQ(wait(-1), 11);
    EXPECT_EQ(sys(call::close, pipe.writer), 0);
    EXPECT_EQ(wait(-1), 10);  // hang-up on the reader
    EXPECT_EQ(sys(call::close, pipe.reader), 0);
    EXPECT_EQ(wait(0), kNothing);
    const i64 file = sys(call::open, "/f", kRdWr | kCreat, 0644);
    EXPECT_EQ(control(1, file, kIn, 1), kPerm);
    EXPECT_EQ(control(1, set, kIn, 1), kInval);
    const i64 outer = sys(call::epoll_create1, 0);
    EXPECT_EQ(sys(call::epoll_ctl, outer, 1, set, sys.put(Event{kIn, 2}, sys.room())), 0);
    EXPECT_EQ(control(1, outer, kIn, 1), kLoop);
    const i64 event = sys(call::eventfd2, 1, 0);
    EXPECT_EQ(control(1, event, kIn, 12), 0);
    EXPECT_EQ(sys(call::epoll_wait, outer, sys.room(), 10, 1000), 1);
    EXPECT_EQ(sys(call::epoll_wait, set, sys.room(), 0, 0), kInval);
    EXPECT_EQ(sys(call::epoll_wait, event, sys.room(), 1, 0), kInval);
  });
}

TEST(EventFd, CountsAndSemaphores) {
  run_program([](Sys& sys) {
    const i64 counter = sys(call::eventfd2, 3, kNonBlocking);
    EXPECT_EQ(sys(call::read, counter, sys.room(), 8), 8);
    EXPECT_EQ(sys.get<u64>(sys.room()), 3u);
    EXPECT_EQ(sys(call::read, counter, sys.room(), 8), kAgain);
    EXPECT_EQ(sys(call::read, counter, sys.room(), 7), kInval);
    sys.put(~u64{0} - 1, sys.room());
    EXPECT_EQ(sys(call::write, counter, sys.room(), 8), 8);
    EXPECT_EQ(sys(call::write, counter, sys.put(u64{1}, sys.room()), 8), kAgain);
    EXPECT_EQ(sys(call::write, counter, sys.put(~u64{0}, sys.room()), 8), kInval);
    const i64 semaphore = sys(call::eventfd2, 2, 1 | kNonBlocking);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(sys(call::read, semaphore, sys.room(), 8), 8);
      EXPECT_EQ(sys.get<u64>(sys.room()), 1u);
    }
    EXPECT_EQ(sys(call::read, semaphore, sys.room(), 8), kAgain);
  });
}

TEST(TimerFd, ExpirationsAreRead) {
  run_program([](Sys& sys) {
    const i64 timer = sys(call::timerfd_create, 1, 0);
    struct Setting {
      i64 interval_s, interval_ns, value_s, value_ns;
    };
    sys.put(Setting{0, 5'000'000, 0, 5'000'000}, sys.room());
    EXPECT_EQ(sys(call::timerfd_settime, timer, 0, sys.room(), 0), 0);
    EXPECT_EQ(sys(call::read, timer, sys.room(), 8), 8);
    EXPECT_GE(sys.get<u64>(sys.room()), 1u);
    sys.put(PollEntry{static_cast<i32>(timer), kIn, 0}, sys.room());
    EXPECT_EQ(sys(call::poll, sys.room(), 1, 5000), 1);
    EXPECT_EQ(sys(call::timerfd_create, 77, 0), kInval);
    EXPECT_EQ(sys(call::close, timer), 0);
  });
}

}  // namespace
}  // namespace vari::linux::test
