// Pipes and FIFOs: by themselves with many threads, and through calls.
#include "personalities/linux/files/pipe.h"

#include <algorithm>

#include "program.h"
#include "runtime/port/linux/machine.h"
#include "runtime/thread.h"

namespace vari::linux::test {
namespace {

/// Runs `body` on a thread of its own and counts it as done.
struct Worker {
  std::function<void()> body;
  Ref<runtime::Thread> thread;
  void start() {
    auto started = runtime::Thread::start([](void* self) { static_cast<Worker*>(self)->body(); }, this);
    ASSERT_TRUE(started.has_value());
    thread = std::move(*started);
  }
};

TEST(Pipe, EveryByteOnceAndInOrderPerWriter) {
  FakePlace place(256);
  runtime::LinuxMachine machine(4);
  machine.run([&] {
    constexpr u32 kWriters = 3, kReaders = 2, kRecords = 3000;
    Pipe pipe(place);
    ASSERT_TRUE(pipe.prepare().has_value());
    for (u32 i = 0; i < kReaders; ++i) pipe.add_end(true, false);
    for (u32 i = 0; i < kWriters; ++i) pipe.add_end(false, true);
    struct Record {
      u32 writer, number;
    };
    std::vector<std::vector<u32>> seen[kReaders];
    Worker workers[kWriters + kReaders];
    for (u32 w = 0; w < kWriters; ++w) {
      workers[w].body = [&, w] {
        for (u32 n = 0; n < kRecords; ++n) {
          Record record{w, n};
          KernelTransfer from({reinterpret_cast<u8*>(&record), sizeof record});
          const auto done = pipe.write(from, true);
          ASSERT_TRUE(done && *done == sizeof record);
        }
        pipe.remove_end(false, true);
      };
    }
    for (u32 r = 0; r < kReaders; ++r) {
      seen[r].resize(kWriters);
      workers[kWriters + r].body = [&, r] {
        for (;;) {
          Record records[16];
          KernelTransfer to({reinterpret_cast<u8*>(records), sizeof records});
          const auto done = pipe.read(to, true);
          ASSERT_TRUE(done.has_value());
          if (*done == 0) break;
          ASSERT_EQ(*done % sizeof(Record), 0u);
          for (u32 i = 0; i < *done / sizeof(Record); ++i)
            seen[r][records[i].writer].push_back(records[i].number);
        }
        pipe.remove_end(true, false);
      };
    }
    for (auto& worker : workers) worker.start();
    for (auto& worker : workers) worker.thread->join();
    for (u32 w = 0; w < kWriters; ++w) {
      std::vector<bool> found(kRecords);
      for (u32 r = 0; r < kReaders; ++r) {
        EXPECT_TRUE(std::is_sorted(seen[r][w].begin(), seen[r][w].end()));
        for (const u32 number : seen[r][w]) {
          EXPECT_FALSE(found[number]);
          found[number] = true;
        }
      }
      EXPECT_EQ(std::count(found.begin(), found.end(), true), kRecords);
    }
  });
  EXPECT_EQ(place.free_frames(), 256u);
}

TEST(Pipe, ShortWritesAreAtomicLongOnesFlow) {
  FakePlace place(256);
  runtime::LinuxMachine machine(2);
  machine.run([&] {
    Pipe pipe(place);
    ASSERT_TRUE(pipe.prepare().has_value());
    pipe.add_end(true, true);
    std::vector<u8> bytes(100'000, 'x');
    const auto write = [&](u64 count) {
      KernelTransfer from({bytes.data(), count});
      return pipe.write(from, false);
    };
    const auto read = [&](u64 count) {
      KernelTransfer to({bytes.data(), count});
      return pipe.read(to, false);
    };
    EXPECT_EQ(*write(65'536 - 10), 65'526u);
    EXPECT_EQ(write(11).error(), Errno::Again);  // all or nothing
    EXPECT_EQ(*write(5000), 10u);                // as much as fits
    EXPECT_EQ(write(1).error(), Errno::Again);
    EXPECT_EQ(pipe.resize(4096).error(), Errno::Busy);
    EXPECT_EQ(*pipe.resize(70'000), 131'072u);
    EXPECT_EQ(*write(4096), 4096u);
    EXPECT_EQ(*read(100'000), 65'536u + 4096u);
    EXPECT_EQ(read(1).error(), Errno::Again);
    EXPECT_EQ(*pipe.resize(1), 4096u);
    EXPECT_EQ(*write(9000), 4096u);
    EXPECT_EQ(*read(100), 100u);
    EXPECT_EQ(write(1000).error(), Errno::Again);
    EXPECT_EQ(*write(5000), 100u);
    pipe.remove_end(true, true);
  });
}

TEST(PipeCalls, EndsAndErrors) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::pipe2, sys.room(), kNonBlocking | kCloexec), 0);
    const i64 reader = sys.get<i32>(sys.room()), writer = sys.get<i32>(sys.room() + 4);
    EXPECT_EQ(sys(call::fcntl, reader, 1, 0), 1);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 1), kAgain);
    EXPECT_EQ(sys(call::write, reader, "x", 1), kBadF);
    EXPECT_EQ(sys(call::write, writer, "hello", 5), 5);
    EXPECT_EQ(sys(call::ioctl, reader, 0x541b, sys.room()), 0);
    EXPECT_EQ(sys.get<i32>(sys.room()), 5);
    EXPECT_EQ(sys(call::lseek, reader, 0, 1), kSPipe);
    EXPECT_EQ(sys(call::pread, reader, sys.room(), 1, 0), kSPipe);
    EXPECT_EQ(sys(call::fcntl, reader, 1032, 0), 65'536);
    EXPECT_EQ(sys(call::fstat, reader, sys.room()), 0);
    EXPECT_EQ(sys.get<u32>(sys.room() + 24), 0010600u);
    // A fault in the middle of a read loses nothing.
    EXPECT_EQ(sys(call::read, reader, u64{8}, 5), kFault);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 5), 5);
    EXPECT_EQ(sys(call::close, writer), 0);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 5), 0);
    EXPECT_EQ(sys(call::pipe, u64{8}), kFault);
    EXPECT_EQ(sys(call::pipe2, sys.room(), 1 << 10), kInval);
    // The other way round: EPIPE (SIGPIPE is ignored first, or it would kill us).
    EXPECT_EQ(sys(call::pipe, sys.room()), 0);
    const i64 reader2 = sys.get<i32>(sys.room()), writer2 = sys.get<i32>(sys.room() + 4);
    struct Action {
      u64 handler = 1, flags = 0, restorer = 0, mask = 0;
    };
    sys.put(Action(), sys.room());
    EXPECT_EQ(sys(13, 13, sys.room(), 0, 8), 0);
    EXPECT_EQ(sys(call::close, reader2), 0);
    EXPECT_EQ(sys(call::write, writer2, "x", 1), kPipeError);
  });
}

TEST(Fifos, OpenRules) {
  run_program([](Sys& sys) {
    EXPECT_EQ(sys(call::mknod, "/fifo", 0010644, 0), 0);
    EXPECT_EQ(sys(call::open, "/fifo", kWrOnly | kNonBlocking, 0), -6);
    const i64 reader = sys(call::open, "/fifo", kRdOnly | kNonBlocking, 0);
    EXPECT_GE(reader, 0);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 1), 0);  // no writer: end of file
    const i64 writer = sys(call::open, "/fifo", kWrOnly | kNonBlocking, 0);
    EXPECT_GE(writer, 0);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 1), kAgain);
    EXPECT_EQ(sys(call::write, writer, "through", 7), 7);
    EXPECT_EQ(sys(call::read, reader, sys.room(), 20), 7);
    EXPECT_EQ(sys(call::write, writer, "left", 4), 4);
    EXPECT_EQ(sys(call::close, writer), 0);
    EXPECT_EQ(sys(call::close, reader), 0);
    const i64 both = sys(call::open, "/fifo", kRdWr | kNonBlocking, 0);
    EXPECT_EQ(sys(call::read, both, sys.room(), 20), kAgain);  // what was left is gone
  });
}

}  // namespace
}  // namespace vari::linux::test
