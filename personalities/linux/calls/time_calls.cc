// Clocks, sleeping, interval timers.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

enum Clock : i32 {
  kRealtime = 0,
  kMonotonic = 1,
  kProcessCpu = 2,
  kThreadCpu = 3,
  kMonotonicRaw = 4,
  kRealtimeCoarse = 5,
  kMonotonicCoarse = 6,
  kBoot = 7,
  kRealtimeAlarm = 8,
  kBootAlarm = 9,
  kAtomic = 11,
};

/// Negative numbers name another process's or thread's processor time: ~pid << 3 | kind.
LinuxResult<Nanoseconds> read_processor_clock(Task& task, i32 clock) {
  constexpr i32 kThreadBit = 4, kKindMask = 3, kScheduled = 2;
  const i32 id = ~(clock >> 3);
  if ((clock & kKindMask) > kScheduled) return std::unexpected(Errno::Invalid);
  auto& table = task.personality().processes();
  if (clock & kThreadBit) {
    if (id == 0) return task.run_time_ns();
    const auto target = table.find_task(id);
    if (!target || &target->process() != &task.process()) return std::unexpected(Errno::Invalid);
    return target->run_time_ns();
  }
  const auto process = id == 0 ? Ref<Process>(task.process()) : table.find(id);
  if (!process) return std::unexpected(Errno::Invalid);
  const auto usage = process->usage();
  return usage.user_ns + usage.system_ns;
}

LinuxResult<Nanoseconds> read_clock(Task& task, i32 clock) {
  auto& place = task.personality().place();
  if (clock < 0) return read_processor_clock(task, clock);
  switch (clock) {
    case kRealtime:
    case kRealtimeCoarse:
    case kRealtimeAlarm:
    case kAtomic: return place.realtime_ns();
    case kMonotonic:
    case kMonotonicRaw:
    case kMonotonicCoarse:
    case kBoot:
    case kBootAlarm: return place.monotonic_ns();
    case kProcessCpu: {
      const auto usage = task.process().usage();
      return usage.user_ns + usage.system_ns;
    }
    case kThreadCpu: return task.run_time_ns();
    default: return std::unexpected(Errno::Invalid);
  }
}

LinuxResult<> set_realtime(Task& task, Nanoseconds since_1970) {
  if (!task.may(Capability::Time)) return std::unexpected(Errno::Perm);
  TRY(task.personality().place().set_realtime_ns(since_1970));
  return {};
}

/// Sleeps until the deadline; where a signal ends it, `remaining` (if any) gets the rest, and the call is
/// continued by restart_syscall if no handler ran.
i64 sleep_until(Task& task, Nanoseconds deadline, u64 remaining) {
  const auto slept = runtime::Thread::sleep_until(deadline, runtime::Cancellation::Respect);
  if (slept.has_value()) return 0;
  const Nanoseconds now = task.personality().place().monotonic_ns();
  if (now >= deadline) return 0;
  if (remaining && !task.user().write(remaining, TimeSpec::of(deadline - now)).has_value())
    return failure(Errno::Fault);
  task.restart_block() = {[](Task& resumed, const RestartBlock& block) {
                            return sleep_until(resumed, block.values[0], block.values[1]);
                          },
                          {deadline, remaining}};
  return failure(Errno::RestartBlock);
}

i64 sleep_on_clock(Task& task, i32 clock, u64 flags, u64 request, u64 remaining) {
  constexpr u64 kAbsolute = 1;
  if (clock != kRealtime && clock != kMonotonic && clock != kBoot && clock != kProcessCpu &&
      clock != kRealtimeAlarm && clock != kBootAlarm && clock != kAtomic)
    return failure(clock == kThreadCpu || clock > kAtomic ? Errno::Invalid : Errno::NotSupported);
  const auto wanted = task.user().read<TimeSpec>(request);
  if (!wanted.has_value()) return failure(Errno::Fault);
  if (!wanted->valid()) return failure(Errno::Invalid);
  const Nanoseconds now = task.personality().place().monotonic_ns();
  if (!(flags & kAbsolute)) return sleep_until(task, now + wanted->total(), remaining);
  const auto reading = read_clock(task, clock);
  if (!reading.has_value()) return failure(reading.error());
  const Nanoseconds left = wanted->total() > *reading ? wanted->total() - *reading : 0;
  const auto slept = runtime::Thread::sleep_until(now + left, runtime::Cancellation::Respect);
  return slept.has_value() ? 0 : failure(Errno::RestartUnlessHandler);
}

/// struct itimerval.
struct IntervalValue {
  TimeValue interval, value;
  static IntervalValue of(const ProcessTimers::Setting& setting) {
    // A timer that still runs never reads as 0.
    const auto rounded = setting.remaining ? std::max<Nanoseconds>(setting.remaining, 1000) : 0;
    return {TimeValue::of(setting.interval), TimeValue::of(rounded)};
  }
};

LinuxResult<> get_interval(Task& task, u64 which, u64 address) {
  if (which >= ProcessTimers::kKinds) return std::unexpected(Errno::Invalid);
  auto* timers = TaskInternals::timers(task.process());
  const auto setting =
      timers ? timers->get(static_cast<ProcessTimers::Kind>(which)) : ProcessTimers::Setting{};
  return task.user().write(address, IntervalValue::of(setting));
}

LinuxResult<> set_interval(Task& task, u64 which, u64 new_address, u64 old_address) {
  if (which >= ProcessTimers::kKinds) return std::unexpected(Errno::Invalid);
  IntervalValue wanted{};
  if (new_address) wanted = TRY(task.user().read<IntervalValue>(new_address));
  if (!wanted.interval.valid() || !wanted.value.valid()) return std::unexpected(Errno::Invalid);
  auto& timers = TRY(TaskInternals::make_timers(task.process())).get();
  const auto old =
      timers.set(static_cast<ProcessTimers::Kind>(which), {wanted.value.total(), wanted.interval.total()});
  if (old_address) TRY(task.user().write(old_address, IntervalValue::of(old)));
  return {};
}

/// struct timex, as far as it is filled.
struct ClockAdjustment {
  u32 modes, padding;
  i64 offset, frequency, maximum_error, estimated_error;
  i32 status, padding2;
  i64 constant, precision, tolerance;
  TimeValue time;
  i64 tick;
  i64 pulse[8];
  i32 international_offset, rest[11];
};
static_assert(sizeof(ClockAdjustment) == 208);

i64 adjust_clock(Task& task, u64 address) {
  constexpr i32 kUnsynchronized = 0x40, kStateError = 5;
  constexpr u32 kReadOnlyModes = 0xa001;
  auto state = task.user().read<u32>(address);
  if (!state.has_value()) return failure(Errno::Fault);
  if (*state && *state != kReadOnlyModes)
    return failure(task.may(Capability::Time) ? Errno::Invalid : Errno::Perm);
  ClockAdjustment to{};
  to.status = kUnsynchronized;
  to.maximum_error = to.estimated_error = 16'000'000;
  to.precision = 1;
  to.tolerance = 32'768'000;
  to.tick = 10'000;
  to.time = TimeValue::of(task.personality().place().realtime_ns());
  return task.user().write(address, to).has_value() ? kStateError : failure(Errno::Fault);
}

}  // namespace

ProcessTimers* TaskInternals::timers(Process& process) {
  Guard<SpinLock> guard(process.lock_);
  return process.timers_;
}

LinuxResult<std::reference_wrapper<ProcessTimers>> TaskInternals::make_timers(Process& process) {
  if (auto* present = timers(process)) return std::ref(*present);
  runtime::Owner<ProcessTimers> made(new (runtime::kFallible) ProcessTimers(process));
  if (!made) return std::unexpected(Errno::NoMemory);
  Guard<SpinLock> guard(process.lock_);
  if (!process.timers_) process.timers_ = made.leak();
  return std::ref(*process.timers_);
}

i64 call_clock_gettime(Task& task, const Arguments& arguments) {
  const auto now = read_clock(task, static_cast<i32>(arguments.a[0]));
  if (!now.has_value()) return failure(now.error());
  return to_return_value(task.user().write(arguments.a[1], TimeSpec::of(*now)));
}

i64 call_clock_getres(Task& task, const Arguments& arguments) {
  if (const auto now = read_clock(task, static_cast<i32>(arguments.a[0])); !now.has_value())
    return failure(now.error());
  return arguments.a[1] ? to_return_value(task.user().write(arguments.a[1], TimeSpec{0, 1})) : 0;
}

i64 call_clock_settime(Task& task, const Arguments& arguments) {
  const auto wanted = task.user().read<TimeSpec>(arguments.a[1]);
  if (!wanted.has_value()) return failure(Errno::Fault);
  if (static_cast<i32>(arguments.a[0]) != kRealtime || !wanted->valid()) return failure(Errno::Invalid);
  return to_return_value(set_realtime(task, wanted->total()));
}

i64 call_gettimeofday(Task& task, const Arguments& arguments) {
  const auto now = TimeValue::of(task.personality().place().realtime_ns());
  if (arguments.a[0] && !task.user().write(arguments.a[0], now).has_value()) return failure(Errno::Fault);
  const i32 zone[2] = {0, 0};
  if (arguments.a[1] && !task.user().write(arguments.a[1], zone).has_value()) return failure(Errno::Fault);
  return 0;
}

i64 call_settimeofday(Task& task, const Arguments& arguments) {
  if (arguments.a[0] == 0) return task.may(Capability::Time) ? 0 : failure(Errno::Perm);
  const auto wanted = task.user().read<TimeValue>(arguments.a[0]);
  if (!wanted.has_value()) return failure(Errno::Fault);
  if (!wanted->valid()) return failure(Errno::Invalid);
  return to_return_value(set_realtime(task, wanted->total()));
}

i64 call_time(Task& task, const Arguments& arguments) {
  const auto seconds = static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
  if (arguments.a[0] && !task.user().write(arguments.a[0], seconds).has_value()) return failure(Errno::Fault);
  return seconds;
}

i64 call_nanosleep(Task& task, const Arguments& arguments) {
  return sleep_on_clock(task, kMonotonic, 0, arguments.a[0], arguments.a[1]);
}
i64 call_clock_nanosleep(Task& task, const Arguments& arguments) {
  return sleep_on_clock(task, static_cast<i32>(arguments.a[0]), arguments.a[1], arguments.a[2],
                        arguments.a[3]);
}

i64 call_getitimer(Task& task, const Arguments& arguments) {
  return to_return_value(get_interval(task, arguments.a[0], arguments.a[1]));
}
i64 call_setitimer(Task& task, const Arguments& arguments) {
  return to_return_value(set_interval(task, arguments.a[0], arguments.a[1], arguments.a[2]));
}

i64 call_alarm(Task& task, const Arguments& arguments) {
  const auto timers = TaskInternals::make_timers(task.process());
  if (!timers.has_value()) return failure(timers.error());
  const u64 seconds = static_cast<u32>(arguments.a[0]);
  const auto old = timers->get().set(ProcessTimers::Kind::Real, {seconds * kSecond, 0});
  return static_cast<i64>((old.remaining + kSecond - 1) / kSecond);
}

i64 call_adjtimex(Task& task, const Arguments& arguments) {
  return adjust_clock(task, arguments.a[0]);
}
i64 call_clock_adjtime(Task& task, const Arguments& arguments) {
  return static_cast<i32>(arguments.a[0]) == kRealtime ? adjust_clock(task, arguments.a[1])
                                                       : failure(Errno::NotSupported);
}

}  // namespace vari::linux
