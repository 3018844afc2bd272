// Mutex, semaphore, condition variable, readers-writer lock (K35): exclusion is exact, no wake-up is
// lost, hand-over is in order of arrival, deadlines and cancellation leave the object intact.
#include "runtime/synchronization.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/port/linux/machine.h"

namespace vari::runtime {
namespace {

Nanoseconds in_ms(u64 milliseconds) {
  return port::now_ns() + milliseconds * kMillisecond;
}

/// Threads that run the same function with their number, joined by join().
class Crew {
 public:
  template <class Function>
  Crew(u32 size, Function function) {
    for (u32 i = 0; i < size; ++i) {
      auto& work = *bodies_.emplace_back(std::make_unique<Body>(Body{i, function}));
      auto thread = start_thread(work);
      EXPECT_TRUE(thread.has_value());
      threads_.push_back(*thread);
    }
  }
  ~Crew() { join(); }
  void join() {
    for (auto& thread : threads_) thread->join();
    threads_.clear();
  }
  Thread& operator[](u32 i) { return *threads_[i]; }

 private:
  struct Body {
    u32 number;
    std::function<void(u32)> function;
    void operator()() { function(number); }
  };
  std::vector<std::unique_ptr<Body>> bodies_;
  std::vector<Ref<Thread>> threads_;
};

/// Until the condition holds; others run meanwhile.
template <class Condition>
void await(Condition&& condition) {
  while (!condition()) (void)Thread::sleep_until(port::now_ns() + kMillisecond / 10);
}

// What it asks may take something: what has been taken is not asked for again, whenever it came.
TEST(WaitQueue, ConditionIsAskedUntilItHoldsAndNoMore) {
  LinuxMachine machine(1);
  machine.run([] {
    for (u32 comes_at = 1; comes_at <= 2; ++comes_at) {  // before it publishes itself, and in between
      WaitQueue queue;
      u32 asked = 0, taken = 0;
      const auto take = [&] { return ++asked >= comes_at && ++taken; };
      EXPECT_TRUE(queue.wait_until(take, in_ms(2000)));
      EXPECT_EQ(asked, comes_at);
      EXPECT_EQ(taken, 1U);
      EXPECT_TRUE(queue.empty());
    }
    WaitQueue queue;  // and with the deadline
    u32 asked = 0;
    EXPECT_TRUE(queue.wait_until([&] { return ++asked == 3; }, in_ms(5)));
    EXPECT_EQ(asked, 3U);
  });
}

TEST(Mutex, ExcludesExactly) {
  LinuxMachine machine(4);
  machine.run([] {
    Mutex mutex;
    u64 counter = 0;  // plain: a hole in the exclusion loses increments, and TSan sees the race
    Crew(8, [&](u32 i) {
      for (u32 n = 0; n < 5'000; ++n) {
        mutex.lock();
        ++counter;
        mutex.unlock();
        if (n % 64 == i) Thread::yield();
      }
    }).join();
    EXPECT_EQ(counter, 40'000u);
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST(Mutex, HandsOverInOrderOfArrival) {
  LinuxMachine machine(4);
  machine.run([] {
    Mutex mutex;
    std::vector<u32> order;
    std::atomic<u32> arrived = 0;
    mutex.lock();
    std::vector<std::unique_ptr<Crew>> crews;
    for (u32 i = 0; i < 10; ++i) {
      crews.push_back(std::make_unique<Crew>(1, [&, i](u32) {
        arrived = i + 1;
        mutex.lock();
        order.push_back(i);
        mutex.unlock();
      }));
      await([&] { return arrived == i + 1; });
      (void)Thread::sleep_until(in_ms(2));  // it has gone to sleep in the queue
    }
    mutex.unlock();
    crews.clear();
    EXPECT_EQ(order, (std::vector<u32>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  });
}

TEST(Mutex, DeadlineAndCancellationLeaveItIntact) {
  LinuxMachine machine(2);
  machine.run([] {
    Mutex mutex;
    mutex.lock();
    Result<> timed{}, cancelled{};
    Crew late(1, [&](u32) { timed = mutex.lock_until(in_ms(3)); });
    Crew stopped(1, [&](u32) { cancelled = mutex.lock_until(kForever, Cancellation::Respect); });
    await([&] { return stopped[0].is_blocked(); });
    stopped[0].cancel();
    late.join();
    stopped.join();
    EXPECT_EQ(timed, Result<>(std::unexpected(Error::TimedOut)));
    EXPECT_EQ(cancelled, Result<>(std::unexpected(Error::Interrupted)));
    EXPECT_FALSE(mutex.try_lock());
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST(Mutex, ExcludesWhileSomeGiveUp) {
  LinuxMachine machine(4);
  machine.run([] {
    Mutex mutex;
    u64 counter = 0;
    std::atomic<u64> taken = 0;
    Crew(6, [&](u32 i) {
      for (u32 n = 0; n < 2'000; ++n) {
        if (i % 2 == 0) {
          mutex.lock();
        } else if (!mutex.lock_until(port::now_ns() + n % 20 * 1000)) {
          continue;
        }
        ++counter;
        ++taken;
        if (n % 16 == 0) Thread::yield();
        mutex.unlock();
      }
    }).join();
    EXPECT_EQ(counter, taken);
    EXPECT_GE(counter, 6'000u);
  });
}

TEST(Mutex, LastOwnerMayDestroyIt) {
  LinuxMachine machine(4);
  machine.run([] {
    struct Shared {
      Mutex mutex;
      u32 users = 3;
    };
    for (u32 round = 0; round < 500; ++round) {
      auto* shared = new Shared;
      Crew(3, [&, shared](u32) {
        shared->mutex.lock();
        const bool last = --shared->users == 0;
        shared->mutex.unlock();
        if (last) delete shared;
      }).join();
    }
  });
}

TEST(Semaphore, CountsExactly) {
  LinuxMachine machine(4);
  machine.run([] {
    Semaphore semaphore(2);
    std::atomic<i32> inside = 0, most = 0;
    Crew(6, [&](u32) {
      for (u32 n = 0; n < 2'000; ++n) {
        ASSERT_TRUE(semaphore.wait());
        const i32 now = ++inside;
        i32 seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        if (n % 8 == 0) Thread::yield();
        --inside;
        semaphore.signal();
      }
    }).join();
    EXPECT_LE(most, 2);
    EXPECT_TRUE(semaphore.try_wait());
    EXPECT_TRUE(semaphore.try_wait());
    EXPECT_FALSE(semaphore.try_wait());
  });
}

TEST(Semaphore, MayBeDestroyedByWhoWasSignalled) {
  LinuxMachine machine(4);
  machine.run([] {
    std::atomic<Semaphore*> request = nullptr;
    std::atomic<bool> stop = false;
    Crew server(1, [&](u32) {
      while (!stop) {
        if (Semaphore* done = request.exchange(nullptr)) {
          done->signal();
        } else {
          Thread::yield();
        }
      }
    });
    for (u32 i = 0; i < 20'000; ++i) {
      Semaphore done;
      request = &done;
      ASSERT_TRUE(done.wait());
    }
    stop = true;
  });
}

TEST(Semaphore, SignalsOfManyWakeMany) {
  LinuxMachine machine(4);
  machine.run([] {
    Semaphore semaphore;
    std::atomic<u32> through = 0;
    Crew crew(5, [&](u32) {
      ASSERT_TRUE(semaphore.wait());
      ++through;
    });
    (void)Thread::sleep_until(in_ms(2));
    EXPECT_EQ(through, 0u);
    semaphore.signal(7);
    crew.join();
    EXPECT_EQ(through, 5u);
    EXPECT_TRUE(semaphore.try_wait());
    EXPECT_TRUE(semaphore.try_wait());
    EXPECT_FALSE(semaphore.try_wait());
    EXPECT_EQ(semaphore.wait(in_ms(2)), Result<>(std::unexpected(Error::TimedOut)));
  });
}

TEST(ConditionVariable, BoundedBufferLosesNothing) {
  LinuxMachine machine(4);
  machine.run([] {
    Mutex mutex;
    ConditionVariable not_empty, not_full;
    std::vector<u64> buffer;
    u64 sum = 0, taken = 0;
    constexpr u64 kEach = 3'000, kMakers = 3, kAll = kEach * kMakers;
    Crew makers(kMakers, [&](u32 i) {
      for (u64 n = 0; n < kEach; ++n) {
        mutex.lock();
        while (buffer.size() == 4) ASSERT_TRUE(not_full.wait(mutex));
        buffer.push_back(i * kEach + n);
        not_empty.signal();
        mutex.unlock();
      }
    });
    Crew takers(3, [&](u32) {
      for (u64 n = 0; n < kEach; ++n) {
        mutex.lock();
        while (buffer.empty()) ASSERT_TRUE(not_empty.wait(mutex));
        sum += buffer.back();
        ++taken;
        buffer.pop_back();
        not_full.signal();
        mutex.unlock();
      }
    });
    makers.join();
    takers.join();
    EXPECT_EQ(taken, kAll);
    EXPECT_EQ(sum, kAll * (kAll - 1) / 2);
  });
}

TEST(ConditionVariable, BroadcastDeadlineCancellation) {
  LinuxMachine machine(4);
  machine.run([] {
    Mutex mutex;
    ConditionVariable changed;
    bool go = false;
    std::atomic<u32> through = 0;
    Crew crew(5, [&](u32) {
      mutex.lock();
      while (!go) ASSERT_TRUE(changed.wait(mutex));
      mutex.unlock();
      ++through;
    });
    mutex.lock();
    EXPECT_EQ(changed.wait(mutex, in_ms(2)), Result<>(std::unexpected(Error::TimedOut)));
    go = true;
    changed.broadcast();
    mutex.unlock();
    crew.join();
    EXPECT_EQ(through, 5u);
    Thread::current().cancel();
    mutex.lock();
    EXPECT_EQ(changed.wait(mutex, kForever, Cancellation::Respect),
              Result<>(std::unexpected(Error::Interrupted)));
    mutex.unlock();
  });
}

TEST(ReadersWriterLock, ReadersShare) {
  LinuxMachine machine(4);
  machine.run([] {
    ReadersWriterLock lock;
    std::atomic<i32> inside = 0;
    Crew(3, [&](u32) {
      lock.lock_shared();
      ++inside;
      await([&] { return inside == 3; });
      lock.unlock_shared();
    }).join();
  });
}

TEST(ReadersWriterLock, WritersExcludeAll) {
  LinuxMachine machine(4);
  machine.run([] {
    ReadersWriterLock lock;
    u64 a = 0, b = 0;
    Crew(6, [&](u32 i) {
      for (u32 n = 0; n < 2'000; ++n) {
        if (i < 2) {
          lock.lock();
          ++a;
          if (n % 8 == 0) Thread::yield();
          ++b;
          lock.unlock();
        } else {
          lock.lock_shared();
          EXPECT_EQ(a, b);
          if (n % 8 == 0) Thread::yield();
          lock.unlock_shared();
        }
      }
    }).join();
    EXPECT_EQ(a, 4'000u);
  });
}

TEST(ReadersWriterLock, StreamOfReadersDoesNotStarveAWriter) {
  LinuxMachine machine(4);
  machine.run([] {
    ReadersWriterLock lock;
    std::atomic<bool> stop = false;
    std::atomic<i32> inside = 0;
    // Each stays until another is in, so that without the rule readers would always be inside.
    Crew readers(4, [&](u32) {
      while (!stop) {
        lock.lock_shared();
        ++inside;
        const Nanoseconds limit = port::now_ns() + kMillisecond;
        while (!stop && inside < 2 && port::now_ns() < limit) Thread::yield();
        --inside;
        lock.unlock_shared();
      }
    });
    for (u32 i = 0; i < 50; ++i) {
      EXPECT_TRUE(lock.lock_until(in_ms(2'000)));
      EXPECT_EQ(inside, 0);
      lock.unlock();
      Thread::yield();
    }
    stop = true;
  });
}

TEST(ReadersWriterLock, WriterThatGivesUpLetsReadersPass) {
  LinuxMachine machine(4);
  machine.run([] {
    ReadersWriterLock lock;
    lock.lock_shared();
    Result<> writer{};
    std::atomic<bool> writer_began = false, reader_in = false;
    Crew late(1, [&](u32) {
      writer_began = true;
      writer = lock.lock_until(in_ms(20));
    });
    await([&] { return writer_began.load(); });
    (void)Thread::sleep_until(in_ms(3));
    Crew behind(1, [&](u32) {
      lock.lock_shared();
      reader_in = true;
      lock.unlock_shared();
    });
    (void)Thread::sleep_until(in_ms(2));
    late.join();
    behind.join();
    EXPECT_EQ(writer, Result<>(std::unexpected(Error::TimedOut)));
    EXPECT_TRUE(reader_in);
    lock.unlock_shared();
    EXPECT_TRUE(lock.lock_until(in_ms(100)));
    lock.unlock();
  });
}

}  // namespace
}  // namespace vari::runtime
