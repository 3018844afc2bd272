// timer_create and its companions; see time/posix_timers.h.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

namespace {

/// struct sigevent, as the kernel reads it.
struct SignalEvent {
  static constexpr i32 kSignal = 0, kNone = 1, kThread = 2, kThreadId = 4;
  u64 value = 0;
  i32 signal = 0;
  i32 notify = kSignal;
  i32 thread = 0;
  i32 padding[11] = {};
};
static_assert(sizeof(SignalEvent) == 64);

/// struct itimerspec.
struct TimerSpec {
  TimeSpec interval, value;
  static TimerSpec of(const PosixTimers::Setting& setting) {
    return {TimeSpec::of(setting.interval), TimeSpec::of(setting.value)};
  }
};

constexpr i32 kRealtime = 0, kMonotonic = 1, kProcess = 2, kThread = 3, kBoot = 7, kAtomic = 11;

LinuxResult<PosixTimers::Clock> timer_clock(i32 clock) {
  switch (clock) {
    case kRealtime:
    case kMonotonic:
    case kBoot:
    case kAtomic: return PosixTimers::Clock::Wall;
    case kProcess: return PosixTimers::Clock::ProcessCpu;
    case kThread: return PosixTimers::Clock::ThreadCpu;
    default: return std::unexpected(Errno::Invalid);
  }
}

LinuxResult<i32> create_timer(Task& task, i32 clock, u64 event_address, u64 id_address) {
  PosixTimers::Request request;
  request.clock = TRY(timer_clock(clock));
  request.signal = signal::kAlarm;
  request.value_is_id = true;
  request.realtime = clock == kRealtime || clock == kAtomic;
  if (request.clock == PosixTimers::Clock::ThreadCpu) request.clock_task = Ref<Task>(task);
  if (event_address) {
    const auto event = TRY(task.user().read<SignalEvent>(event_address));
    if (event.notify == (SignalEvent::kSignal | SignalEvent::kThreadId)) {
      request.target = task.personality().processes().find_task(event.thread);
      if (!request.target || &request.target->process() != &task.process())
        return std::unexpected(Errno::Invalid);
    } else if (event.notify != SignalEvent::kSignal && event.notify != SignalEvent::kNone &&
               event.notify != SignalEvent::kThread) {
      return std::unexpected(Errno::Invalid);
    }
    const bool tells = event.notify != SignalEvent::kNone;
    if (tells && (event.signal <= 0 || event.signal > 64)) return std::unexpected(Errno::Invalid);
    request.signal = tells ? event.signal : 0;
    request.value = event.value;
    request.value_is_id = false;
  }
  auto& timers = TRY(TaskInternals::make_timers(task.process())).get().posix();
  const i32 id = TRY(timers.create(request));
  if (const auto told = task.user().write(id_address, id); !told) {
    (void)timers.remove(id);
    return std::unexpected(told.error());
  }
  return id;
}

LinuxResult<std::reference_wrapper<PosixTimers>> timers_of(Task& task) {
  auto* timers = TaskInternals::timers(task.process());
  if (!timers) return std::unexpected(Errno::Invalid);
  return std::ref(timers->posix());
}

LinuxResult<> set_timer(Task& task, i32 id, u64 flags, u64 new_address, u64 old_address) {
  constexpr u64 kAbsolute = 1;
  if (new_address == 0) return std::unexpected(Errno::Invalid);
  const auto wanted = TRY(task.user().read<TimerSpec>(new_address));
  if (!wanted.interval.valid() || !wanted.value.valid()) return std::unexpected(Errno::Invalid);
  const auto before =
      TRY(TRY(timers_of(task))
              .get()
              .set(id, {wanted.value.total(), wanted.interval.total()}, (flags & kAbsolute) != 0));
  if (old_address) TRY(task.user().write(old_address, TimerSpec::of(before)));
  return {};
}

LinuxResult<> get_timer(Task& task, i32 id, u64 address) {
  const auto setting = TRY(TRY(timers_of(task)).get().get(id));
  return task.user().write(address, TimerSpec::of(setting));
}

LinuxResult<> delete_timer(Task& task, i32 id) {
  return TRY(timers_of(task)).get().remove(id);
}

LinuxResult<i32> timer_overrun(Task& task, i32 id) {
  return TRY(timers_of(task)).get().overrun(id);
}

}  // namespace

i64 call_timer_create(Task& task, const Arguments& arguments) {
  const auto created = create_timer(task, static_cast<i32>(arguments.a[0]), arguments.a[1], arguments.a[2]);
  return created.has_value() ? 0 : failure(created.error());
}
i64 call_timer_settime(Task& task, const Arguments& arguments) {
  return to_return_value(
      set_timer(task, static_cast<i32>(arguments.a[0]), arguments.a[1], arguments.a[2], arguments.a[3]));
}
i64 call_timer_gettime(Task& task, const Arguments& arguments) {
  return to_return_value(get_timer(task, static_cast<i32>(arguments.a[0]), arguments.a[1]));
}
i64 call_timer_getoverrun(Task& task, const Arguments& arguments) {
  return to_return_value(timer_overrun(task, static_cast<i32>(arguments.a[0])));
}
i64 call_timer_delete(Task& task, const Arguments& arguments) {
  return to_return_value(delete_timer(task, static_cast<i32>(arguments.a[0])));
}

}  // namespace vari::linux
