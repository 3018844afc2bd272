// The first use of the runtime: threads start, block, wake each other and end.
#include <gtest/gtest.h>

#include "runtime/port/linux/machine.h"
#include "runtime/synchronization.h"

namespace vari::runtime {
namespace {

TEST(Smoke, OneThreadStartsAndEnds) {
  LinuxMachine machine(1);
  bool ran = false;
  machine.run([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(Smoke, JoinWaitsForTheEnd) {
  LinuxMachine machine(2);
  machine.run([&] {
    int value = 0;
    auto work = [&] { value = 42; };
    auto thread = start_thread(work);
    ASSERT_TRUE(thread.has_value());
    (*thread)->join();
    EXPECT_EQ(value, 42);
  });
}

TEST(Smoke, TwoThreadsPlayPingPong) {
  for (u32 cores : {1u, 2u, 4u}) {
    LinuxMachine machine(cores);
    machine.run([&] {
      Semaphore ping, pong;
      u32 rounds = 0;
      auto other = [&] {
        for (u32 i = 0; i < 10'000; ++i) {
          ASSERT_TRUE(ping.wait());
          ++rounds;
          pong.signal();
        }
      };
      auto thread = start_thread(other);
      ASSERT_TRUE(thread.has_value());
      for (u32 i = 0; i < 10'000; ++i) {
        ping.signal();
        ASSERT_TRUE(pong.wait());
      }
      (*thread)->join();
      EXPECT_EQ(rounds, 10'000u);
    });
  }
}

TEST(Smoke, SleepLastsAtLeastAsLongAsAsked) {
  LinuxMachine machine(2);
  machine.run([&] {
    const Nanoseconds begin = port::now_ns();
    EXPECT_TRUE(Thread::sleep_until(begin + 5 * kMillisecond));
    EXPECT_GE(port::now_ns() - begin, 5 * kMillisecond);
  });
}

}  // namespace
}  // namespace vari::runtime
