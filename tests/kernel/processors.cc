// Processors: start-up, time, preemption in kernel mode, calls between cores.
#include "machine/x86_64/cpu.h"
#include "nucleus/clock.h"
#include "nucleus/this_core.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/await.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {

KERNEL_TEST(processors_all_run) {
  EXPECT(test.processors().count() == test.topology().processor_count);
  test.processors().for_each([&](nucleus::Processor& processor) {
    EXPECT(processor.area.self == &processor.area);
    EXPECT(&test.processors().at(processor.area.id) == &processor);
  });
}

KERNEL_TEST(clock_goes_on) {
  Nanoseconds last = runtime::port::now_ns();
  for (int i = 0; i < 10'000; ++i) {
    const Nanoseconds now = runtime::port::now_ns();
    EXPECT(now >= last);
    last = now;
  }
  test.figure("tsc_khz", test.processors().clock().tsc_khz());
}

KERNEL_TEST(sleep_lasts_as_long_as_asked) {
  for (const Nanoseconds duration : {kMillisecond, 5 * kMillisecond, 20 * kMillisecond}) {
    const Nanoseconds before = runtime::port::now_ns();
    (void)runtime::Thread::sleep_until(before + duration);
    const Nanoseconds slept = runtime::port::now_ns() - before;
    EXPECT(slept >= duration);
    test.figure("slept_ns", slept);
  }
}

namespace {

struct Spinner {
  u64 rounds = 0;  // atomic
  bool stop = false;
};

void spin(void* argument) {
  auto& spinner = *static_cast<Spinner*>(argument);
  while (!__atomic_load_n(&spinner.stop, __ATOMIC_RELAXED))
    __atomic_fetch_add(&spinner.rounds, 1, __ATOMIC_RELAXED);
}

}  // namespace

// Two threads that never block share one core: only the timer can take it from them, in kernel mode.
KERNEL_TEST(kernel_mode_is_preempted) {
  Spinner spinners[2];
  Ref<runtime::Thread> threads[2];
  for (int i = 0; i < 2; ++i) {
    auto thread = runtime::Thread::start(spin, &spinners[i],
                                         {.name = "spinner", .affinity = runtime::CpuSet::only(CpuId{0})});
    EXPECT(thread.has_value());
    if (thread) threads[i] = *thread;
  }
  // Their core is the host's to run, and may come late: seconds for what takes two slices.
  for (auto& spinner : spinners)
    EXPECT(await([&] { return __atomic_load_n(&spinner.rounds, __ATOMIC_RELAXED) > 0; }));
  for (auto& spinner : spinners) {
    __atomic_store_n(&spinner.stop, true, __ATOMIC_RELAXED);
  }
  for (auto& thread : threads) {
    if (thread) thread->join();
  }
}

namespace {

void add_one(void* argument) {
  __atomic_fetch_add(static_cast<u64*>(argument), 1, __ATOMIC_RELAXED);
}

struct Caller {
  u32 rounds;
  u64 calls = 0;
  bool interrupts_off;
};

void call_all(void* argument) {
  auto& caller = *static_cast<Caller*>(argument);
  for (u32 i = 0; i < caller.rounds; ++i) {
    if (caller.interrupts_off) {
      runtime::InterruptsOff off;
      nucleus::broadcast({}, add_one, &caller.calls);
    } else {
      nucleus::broadcast({}, add_one, &caller.calls);
    }
  }
}

}  // namespace

// All cores call all others at once, half of them with interrupts off: none waits forever, none is missed.
KERNEL_TEST(calls_cross_without_deadlock) {
  constexpr u32 kCallers = 4, kRounds = 200;
  const u32 others = test.processors().count() - 1;
  Caller callers[kCallers];
  Ref<runtime::Thread> threads[kCallers];
  for (u32 i = 0; i < kCallers; ++i) {
    callers[i] = {kRounds, 0, i % 2 == 0};
    auto thread = runtime::Thread::start(call_all, &callers[i], {.name = "caller"});
    EXPECT(thread.has_value());
    if (thread) threads[i] = *thread;
  }
  for (u32 i = 0; i < kCallers; ++i) {
    if (threads[i]) threads[i]->join();
    EXPECT(callers[i].calls == u64{others} * kRounds);
  }
}

// An idle machine takes no timer interrupts.
KERNEL_TEST(idle_is_tickless) {
  const auto total = [&] {
    u64 sum = 0;
    test.processors().for_each([&](nucleus::Processor& p) { sum += p.area.statistics.timer_interrupts; });
    return sum;
  };
  (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 20 * kMillisecond);
  const u64 before = total();
  (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 200 * kMillisecond);
  const u64 taken = total() - before;
  test.figure("timer_interrupts_in_200_ms_of_idle", taken);
  EXPECT(taken <= 3);
}

}  // namespace vari::kernel_tests
