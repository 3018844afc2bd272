// Priorities, slices, placement, affinity, balancing (K30–K32), no allocation in blocking (K37), and two
// groups of schedulers in one process.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/port/linux/allocation.h"
#include "runtime/port/linux/machine.h"
#include "runtime/synchronization.h"

namespace vari::runtime {
namespace {

ThreadOptions with(Priority priority) {
  ThreadOptions options;
  options.priority = priority;
  return options;
}

TEST(Scheduling, PrioritiesAreStrictAndRoundRobinWithin) {
  for (u32 repeat = 0; repeat < 5; ++repeat) {
    SchedulingPolicy policy;
    policy.slice_ns = kSecond;  // the host may take the processor away at any moment
    LinuxMachine machine(1, policy);
    std::vector<std::string> order;
    machine.run([&] {
      Thread::current().set_priority(Priority::Interrupt);
      std::vector<std::function<void()>> bodies;
      for (const char* name : {"low", "idle", "normal 1", "high", "normal 2"}) {
        bodies.push_back([&order, name] { order.push_back(name); });
      }
      const Priority priorities[] = {Priority::Low, Priority::Idle, Priority::Normal, Priority::High,
                                     Priority::Normal};
      std::vector<Ref<Thread>> threads;
      for (u32 i = 0; i < bodies.size(); ++i)
        threads.push_back(*start_thread(bodies[i], with(priorities[i])));
      for (auto& thread : threads) thread->join();
    });
    EXPECT_EQ(order, (std::vector<std::string>{"high", "normal 1", "normal 2", "low", "idle"}));
  }
}

TEST(Scheduling, HigherPriorityPreemptsAtOnce) {
  LinuxMachine machine(1);
  machine.run([] {
    std::vector<int> order;
    Semaphore go;
    auto urgent = [&] {
      (void)go.wait();
      order.push_back(1);
    };
    auto thread = *start_thread(urgent, with(Priority::High));
    Thread::yield();  // never leaves the core: `urgent` runs because it is above
    go.signal();
    order.push_back(2);
    thread->join();
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
  });
}

/// Looks now and then whether `condition` holds; false if it does not within a minute.
template <class Condition>
bool eventually(Condition&& condition) {
  const Nanoseconds end = port::now_ns() + 60 * kSecond;
  do {
    (void)Thread::sleep_until(port::now_ns() + 20 * kMillisecond);
    if (condition()) return true;
  } while (port::now_ns() < end);
  return false;
}

TEST(Scheduling, SlicesShareACore) {
  LinuxMachine machine(1);
  machine.run([] {
    std::atomic<bool> stop = false;
    u64 turns[3] = {};
    std::vector<std::function<void()>> bodies;
    for (u64& turn : turns) {
      bodies.push_back([&stop, &turn] {
        while (!stop) {
          ++turn;
          port::relax();  // where the Linux port looks at its timer
        }
      });
    }
    std::vector<Ref<Thread>> threads;
    for (auto& body : bodies) threads.push_back(*start_thread(body));
    // Time goes on while the host lets this core stand still, and counts for whoever was on it: so it is
    // watched until the shares are level, which without slices they never are.
    EXPECT_TRUE(eventually([&] {
      Nanoseconds least = kForever, most = 0;
      for (auto& thread : threads) {
        const Nanoseconds used = thread->run_time_ns();
        least = std::min(least, used);
        most = std::max(most, used);
      }
      return least > 15 * kMillisecond && most < 3 * least;
    }));
    stop = true;
    for (auto& thread : threads) thread->join();
  });
}

TEST(Scheduling, AloneOnACoreNoTimerIsWanted) {
  LinuxMachine machine(1);
  machine.run([&] {
    const u64 before = machine.scheduler(0).statistics().timer_interrupts;
    const Nanoseconds end = port::now_ns() + 20 * kMillisecond;
    while (port::now_ns() < end) port::relax();
    EXPECT_LE(machine.scheduler(0).statistics().timer_interrupts - before, 1u);
  });
}

bool is_level(const std::vector<u32>& cores) {
  return *std::ranges::min_element(cores) >= 1 && *std::ranges::max_element(cores) <= 4;
}

/// Starts 8 spinners on core 0 of 4; how many each core has after a while, or as soon as that is level.
std::vector<u32> spread(bool migrate) {
  SchedulingPolicy policy;
  policy.migrate = migrate;
  LinuxMachine machine(4, policy);
  std::vector<u32> cores(4);
  machine.run([&] {
    (void)Thread::current().set_affinity(CpuSet::only(CpuId{0}));
    std::atomic<bool> stop = false;
    auto spin = [&] {
      while (!stop) port::relax();
    };
    std::vector<Ref<Thread>> threads;
    ThreadOptions pinned;
    pinned.affinity = CpuSet::only(CpuId{0});
    for (u32 i = 0; i < 8; ++i) threads.push_back(*start_thread(spin, pinned));
    // Let go all at once: balancing alone must spread them.
    for (auto& thread : threads) (void)thread->set_affinity(CpuSet{});
    const auto look = [&] {
      std::ranges::fill(cores, 0);
      for (auto& thread : threads) ++cores[thread->last_cpu().value];
      return is_level(cores);
    };
    if (migrate) {
      (void)eventually(look);
    } else {
      (void)Thread::sleep_until(port::now_ns() + 300 * kMillisecond);
      (void)look();
    }
    stop = true;
    for (auto& thread : threads) thread->join();
  });
  return cores;
}

TEST(Scheduling, SpinnersSpread) {
  const std::vector<u32> cores = spread(true);
  EXPECT_TRUE(is_level(cores)) << cores[0] << cores[1] << cores[2] << cores[3];
}

TEST(Scheduling, NeverMigrateIsSeenByTheSameTest) {
  const std::vector<u32> cores = spread(false);
  EXPECT_EQ(cores, (std::vector<u32>{8, 0, 0, 0}));
}

TEST(Scheduling, NewThreadsGoToTheLeastLoadedCore) {
  LinuxMachine machine(4);
  std::vector<u32> cores(4);
  machine.run([&] {
    std::atomic<bool> stop = false;
    auto spin = [&] {
      while (!stop) port::relax();
    };
    std::vector<Ref<Thread>> threads;
    for (u32 i = 0; i < 8; ++i) threads.push_back(*start_thread(spin));
    for (auto& thread : threads) ++cores[thread->last_cpu().value];
    stop = true;
    for (auto& thread : threads) thread->join();
  });
  EXPECT_LE(*std::ranges::max_element(cores), 3u);
}

TEST(Scheduling, AffinityHolds) {
  LinuxMachine machine(4);
  machine.run([&] {
    std::atomic<bool> stop = false;
    std::atomic<u64> elsewhere = 0, samples = 0;
    auto pinned = [&] {
      while (!stop) {
        port::disable_preemption();
        if (port::this_scheduler().cpu() != CpuId{2}) ++elsewhere;
        ++samples;
        port::enable_preemption();
        if (samples % 16 == 0) Thread::yield();
        if (samples % 128 == 0) (void)Thread::sleep_until(port::now_ns() + 1000);
      }
    };
    auto noise = [&] {
      while (!stop) Thread::yield();
    };
    ThreadOptions options;
    options.affinity = CpuSet::only(CpuId{2});
    std::vector<Ref<Thread>> threads{*start_thread(pinned, options)};
    for (u32 i = 0; i < 5; ++i) threads.push_back(*start_thread(noise));
    while (samples < 20'000) (void)Thread::sleep_until(port::now_ns() + kMillisecond);
    stop = true;
    for (auto& thread : threads) thread->join();
    EXPECT_EQ(elsewhere, 0u);
  });
}

TEST(Scheduling, AffinityMovesARunningThread) {
  LinuxMachine machine(4);
  machine.run([&] {
    Thread& me = Thread::current();
    for (u32 i = 0; i < 200; ++i) {
      const CpuId cpu{i % 4};
      ASSERT_TRUE(me.set_affinity(CpuSet::only(cpu)));
      port::disable_preemption();
      EXPECT_EQ(port::this_scheduler().cpu(), cpu);
      port::enable_preemption();
    }
    EXPECT_EQ(me.set_affinity(CpuSet::only(CpuId{77})), Result<>(std::unexpected(Error::InvalidArgument)));
    // And one that another moves while it spins, alone on its core.
    std::atomic<bool> stop = false;
    auto spin = [&] {
      while (!stop) port::relax();
    };
    auto thread = *start_thread(spin);
    for (u32 i = 0; i < 50; ++i) {
      const CpuId cpu{i % 4};
      ASSERT_TRUE(thread->set_affinity(CpuSet::only(cpu)));
      while (thread->last_cpu() != cpu) (void)Thread::sleep_until(port::now_ns() + kMillisecond / 10);
    }
    stop = true;
    thread->join();
  });
}

TEST(Scheduling, BlockingAllocatesNothing) {
  LinuxMachine machine(4);
  machine.run([] {
    Semaphore ping, pong;
    Mutex mutex;
    ConditionVariable never;
    constexpr u32 kRounds = 2'000;
    auto other = [&] {
      for (u32 i = 0; i < kRounds; ++i) {
        (void)ping.wait(port::now_ns() + kSecond);
        pong.signal();
      }
    };
    auto thread = *start_thread(other);
    const u64 before = allocation_count();
    for (u32 i = 0; i < kRounds; ++i) {
      ping.signal();
      (void)pong.wait();
      if (i % 100 == 0) {
        mutex.lock();
        (void)never.wait(mutex, port::now_ns() + 1000);
        mutex.unlock();
      }
    }
    EXPECT_EQ(allocation_count(), before);
    thread->join();
  });
}

TEST(Scheduling, StartFailsCleanlyWithoutMemory) {
  const i64 live = live_allocations();
  LinuxMachine machine(2);
  machine.run([] {
    auto nothing = [] {};
    for (u64 k = 1; k <= 2; ++k) {
      fail_allocation(k);
      auto thread = start_thread(nothing);
      fail_allocation(0);
      ASSERT_FALSE(thread.has_value());
      EXPECT_EQ(thread.error(), Error::OutOfMemory);
    }
  });
  EXPECT_EQ(live_allocations(), live);
}

TEST(Scheduling, CancelEndsOneWait) {
  LinuxMachine machine(2);
  machine.run([] {
    const Result<> interrupted = std::unexpected(Error::Interrupted);
    Thread& me = Thread::current();
    me.cancel();
    EXPECT_TRUE(me.cancel_pending());
    EXPECT_EQ(Thread::sleep_until(port::now_ns() + 1000), Result<>());  // it does not look
    EXPECT_EQ(Thread::sleep_until(kForever, Cancellation::Respect), interrupted);
    EXPECT_FALSE(me.cancel_pending());
    me.cancel();
    me.clear_cancel();
    EXPECT_EQ(Thread::sleep_until(port::now_ns() + 1000, Cancellation::Respect), Result<>());
  });
}

TEST(Scheduling, ManyThreadsComeAndGo) {
  const i64 live = live_allocations();
  LinuxMachine machine(4);
  machine.run([] {
    std::atomic<u64> ended = 0;
    auto brief = [&] {
      Thread::yield();
      ++ended;
    };
    for (u32 round = 0; round < 20; ++round) {
      std::vector<Ref<Thread>> threads;
      for (u32 i = 0; i < 30; ++i) threads.push_back(*start_thread(brief));
      if (round % 2) threads.clear();  // nobody joins: they reap themselves
      for (auto& thread : threads) thread->join();
    }
    while (ended < 600) Thread::yield();
  });
  EXPECT_EQ(live_allocations(), live);
}

TEST(Scheduling, TwoGroupsShareNothing) {
  LinuxMachine one(2), two(2);
  u64 ids[2] = {};
  const auto body = [](LinuxMachine& machine, u64& id) {
    machine.run([&] {
      Mutex mutex;
      u64 counter = 0;
      auto work = [&] {
        EXPECT_EQ(&port::this_scheduler().group(), &machine.group());
        for (u32 i = 0; i < 2'000; ++i) {
          mutex.lock();
          ++counter;
          mutex.unlock();
          Thread::yield();
        }
      };
      auto a = *start_thread(work), b = *start_thread(work);
      id = a->id();
      a->join();
      b->join();
      EXPECT_EQ(counter, 4'000u);
    });
  };
  std::thread second([&] { body(two, ids[1]); });
  body(one, ids[0]);
  second.join();
  EXPECT_EQ(ids[0], ids[1]);  // each counts its own
}

}  // namespace
}  // namespace vari::runtime
