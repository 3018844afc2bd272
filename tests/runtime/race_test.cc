// Timer, two signallers and a canceller race for each of many waits (K36): each wait has exactly one
// outcome, and the winners' counts agree with the outcomes. The same source, linked with a claim() that
// loads and then stores, must fail: negative_control_test.cc.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <vector>

#include "runtime/port/linux/machine.h"
#include "runtime/synchronization.h"

namespace vari::runtime {
namespace {

struct Random {
  u64 state;
  u64 next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
};

struct Waiter {
  WaitQueue first, second;
  Random random{1};
  u64 waits = 0;
  u64 signalled = 0, timed_out = 0, cancelled = 0, pending = 0;
  u64 rounds = 0;

  void operator()() {
    for (; waits < rounds; ++waits) {
      Wait wait;
      WaitLink one(wait), two(wait);
      first.add(one);
      second.add(two);
      const Nanoseconds deadline = port::now_ns() + random.next() % 20'000;
      switch (wait.block(deadline, Cancellation::Respect)) {
        case Wait::Outcome::Signalled: ++signalled; break;
        case Wait::Outcome::TimedOut: ++timed_out; break;
        case Wait::Outcome::Cancelled: ++cancelled; break;
        case Wait::Outcome::Pending: ++pending; break;
      }
      second.remove(two);
      first.remove(one);
    }
  }
};

u64 races_for_each_waiter() {
  const char* given = std::getenv("VARI_RACES");
  return (given ? std::strtoull(given, nullptr, 10) : 100'000) / 4;
}

TEST(Race, EachWaitHasExactlyOneOutcome) {
  constexpr u32 kWaiters = 4;
  LinuxMachine machine(4);
  machine.run([&] {
    static_assert(kWaiters == 4);
    Waiter waiters[kWaiters];
    std::atomic<bool> stop = false;
    std::atomic<u64> signals = 0;
    std::vector<Ref<Thread>> threads;
    for (u32 i = 0; i < kWaiters; ++i) {
      waiters[i].random.state = 88172645463325252 + i;
      waiters[i].rounds = races_for_each_waiter();
      threads.push_back(*start_thread(waiters[i]));
    }
    auto signaller = [&] {
      Random random{Thread::current().id() * 7919};
      u64 won = 0;
      while (!stop) {
        Waiter& waiter = waiters[random.next() % kWaiters];
        won += (random.next() & 1 ? waiter.first : waiter.second).wake_one();
        if (random.next() % 4 == 0) Thread::yield();
      }
      signals += won;
    };
    auto canceller = [&] {
      Random random{4711};
      while (!stop) {
        threads[random.next() % kWaiters]->cancel();
        (void)Thread::sleep_until(port::now_ns() + random.next() % 30'000);
      }
    };
    Ref<Thread> helpers[] = {*start_thread(signaller), *start_thread(signaller), *start_thread(canceller)};
    for (auto& thread : threads) thread->join();
    stop = true;
    for (auto& helper : helpers) helper->join();

    u64 waits = 0, signalled = 0, timed_out = 0, cancelled = 0, pending = 0;
    for (Waiter& waiter : waiters) {
      waits += waiter.waits;
      signalled += waiter.signalled;
      timed_out += waiter.timed_out;
      cancelled += waiter.cancelled;
      pending += waiter.pending;
      EXPECT_TRUE(waiter.first.empty());
      EXPECT_TRUE(waiter.second.empty());
    }
    std::printf("%llu waits: %llu signalled, %llu timed out, %llu cancelled\n",
                static_cast<unsigned long long>(waits), static_cast<unsigned long long>(signalled),
                static_cast<unsigned long long>(timed_out), static_cast<unsigned long long>(cancelled));
    EXPECT_EQ(pending, 0u);
    EXPECT_EQ(signals, signalled);
    EXPECT_EQ(signalled + timed_out + cancelled, waits);
    EXPECT_EQ(waits, kWaiters * races_for_each_waiter());
    for (u64 wins : {signalled, timed_out, cancelled}) EXPECT_GT(wins, waits / 1000);
  });
}

}  // namespace
}  // namespace vari::runtime
