// A device that interrupts far more often than anybody can serve it (K63): at interrupt level each one is
// only recorded; the line's thread serves them as one, and everybody else gets on.
#include "machine/x86_64/ports.h"
#include "runtime/thread.h"
#include "tests/kernel/await.h"
#include "tests/kernel/meter.h"

namespace vari::kernel_tests {
namespace {

constexpr u16 kChannel0 = 0x40, kControl = 0x43;
constexpr u8 kRateGenerator = 0x34, kOneShot = 0x30;  // channel 0, both bytes
constexpr u16 kPeriod = 60;                           // of 1.193182 MHz: 50 us
constexpr u8 kTimerInterrupt = 0;

void start_interval_timer(u8 mode, u16 count) {
  machine::write_port8(kControl, mode);
  machine::write_port8(kChannel0, static_cast<u8>(count));
  machine::write_port8(kChannel0, static_cast<u8>(count >> 8));
}

nucleus::InterruptRouter::LineStatistics line_of(Test& test, u64 thread_id) {
  nucleus::InterruptRouter::LineStatistics line;
  for (u32 i = 0; test.interrupts().statistics(i, line); ++i) {
    if (line.thread_id == thread_id) return line;
  }
  return {};
}

/// Slower than the device by far: a millisecond a round, asleep.
struct SlowHandler final : InterruptHandler {
  void on_interrupt() override {
    __atomic_store_n(&thread_id, runtime::Thread::current().id(), __ATOMIC_RELAXED);
    __atomic_fetch_add(&rounds, 1, __ATOMIC_RELEASE);
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kMillisecond);
  }
  u64 count() const { return __atomic_load_n(&rounds, __ATOMIC_ACQUIRE); }
  u64 thread_id = 0;  // atomic
  u64 rounds = 0;     // atomic
};

struct Neighbour {
  u64 rounds = 0;
  bool stop = false;  // atomic
};

void count_rounds(void* argument) {
  auto& neighbour = *static_cast<Neighbour*>(argument);
  while (!__atomic_load_n(&neighbour.stop, __ATOMIC_RELAXED))
    __atomic_fetch_add(&neighbour.rounds, 1, __ATOMIC_RELAXED);
}

}  // namespace

KERNEL_TEST(a_storm_of_interrupts_coalesces) {
  SlowHandler handler;
  EXPECT(test.interrupts().attach_isa(kTimerInterrupt, handler).has_value());
  Neighbour neighbour;
  // On the core that takes the interrupts, of lower priority than their thread.
  auto thread = runtime::Thread::start(count_rounds, &neighbour,
                                       {.name = "neighbour", .affinity = runtime::CpuSet::only(CpuId{0})});
  EXPECT(thread.has_value());
  if (!thread) return;
  Nanoseconds& masked = test.processors().at(CpuId{0}).area.statistics.timer_late_max_ns;
  masked = 0;
  start_interval_timer(kRateGenerator, kPeriod);
  EXPECT(await([&] { return handler.count() >= 20; }));
  const u64 progress = __atomic_load_n(&neighbour.rounds, __ATOMIC_RELAXED);
  EXPECT(await([&] { return handler.count() >= 40; }));
  EXPECT(__atomic_load_n(&neighbour.rounds, __ATOMIC_RELAXED) > progress);
  start_interval_timer(kOneShot, kPeriod);  // once more, then silence
  u64 settled = 0;
  // All that came has been served: no more rounds, and none outstanding.
  EXPECT(await([&] {
    const u64 now = handler.count();
    const bool quiet = now == settled;
    settled = now;
    if (!quiet) (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 20 * kMillisecond);
    return quiet;
  }));
  const auto line = line_of(test, __atomic_load_n(&handler.thread_id, __ATOMIC_RELAXED));
  test.figure("storm_interrupts", line.interrupts);
  test.figure("storm_rounds", line.rounds);
  test.figure("storm_thread_id", line.thread_id);
  test.figure("storm_masked_max_ns", masked);
  EXPECT(line.thread_id != 0 && line.thread_id != runtime::Thread::current().id());
  EXPECT(line.rounds == handler.count());
  // Where host threads stand in for the device and the core, they may take turns at any pace.
  EXPECT(line.interrupts >= line.rounds);
  if (counts_instructions()) EXPECT(line.interrupts >= 10 * line.rounds);
  // The negative control: rounds do not coalesce where there is time for each.
  const u64 before = handler.count();
  for (u64 i = 1; i <= 5; ++i) {
    start_interval_timer(kOneShot, kPeriod);
    EXPECT(await([&] { return handler.count() == before + i; }));
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 5 * kMillisecond);
  }
  EXPECT(line_of(test, line.thread_id).interrupts == line.interrupts + 5);
  test.interrupts().detach(handler);
  __atomic_store_n(&neighbour.stop, true, __ATOMIC_RELAXED);
  (*thread)->join();
}

}  // namespace vari::kernel_tests
