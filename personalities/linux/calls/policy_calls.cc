// Scheduling policies: sched_setscheduler and its family, sched_setattr. What a policy means here is in
// process/scheduling.h. SCHED_DEADLINE is refused as by a machine whose processors are spoken for.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/schedule_helpers.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

constexpr u32 kResetOnFork = 0x4000'0000;
constexpr Nanoseconds kRoundRobinSlice = 100 * kMillisecond, kOrdinarySlice = 4 * kMillisecond;

/// May the caller give the task this policy?
LinuxResult<> check_change(Task& task, Task& target, const Scheduling& now, const Scheduling& wanted) {
  if (wanted.is_real_time() ? wanted.priority < 1 || wanted.priority > Scheduling::kMostUrgent
                            : wanted.priority != 0)
    return std::unexpected(Errno::Invalid);
  if (task.may(Capability::Nice)) return {};
  if (!may_schedule(task, target)) return std::unexpected(Errno::Perm);
  if (now.reset_on_fork && !wanted.reset_on_fork) return std::unexpected(Errno::Perm);
  if (!wanted.is_real_time()) return {};
  const u64 limit = target.process().soft_limit(Resource::RealTimePriority);
  const bool new_policy = wanted.policy != now.policy;
  if (new_policy && limit == 0) return std::unexpected(Errno::Perm);
  const bool raised = wanted.priority > (now.is_real_time() ? now.priority : 0);
  if (raised && static_cast<u64>(wanted.priority) > limit) return std::unexpected(Errno::Perm);
  return {};
}

LinuxResult<> change(Task& task, Task& target, u32 policy, i32 priority, bool reset_on_fork) {
  const auto now = TaskInternals::scheduling(target);
  auto wanted = now;
  if (!Scheduling::is_known(policy)) return std::unexpected(Errno::Invalid);
  wanted.policy = policy;
  wanted.priority = priority;
  wanted.reset_on_fork = reset_on_fork;
  TRY(check_change(task, target, now, wanted));
  TaskInternals::set_scheduling(target, wanted);
  return {};
}

LinuxResult<> set_scheduler(Task& task, u64 pid, u32 policy, u64 parameters) {
  if (static_cast<i32>(policy) < 0 || parameters == 0 || static_cast<i32>(pid) < 0)
    return std::unexpected(Errno::Invalid);
  const auto priority = TRY(task.user().read<i32>(parameters));
  const auto target = TRY(scheduled_task(task, pid));
  return change(task, *target, policy & ~kResetOnFork, priority, (policy & kResetOnFork) != 0);
}

LinuxResult<> set_parameters(Task& task, u64 pid, u64 parameters) {
  if (parameters == 0 || static_cast<i32>(pid) < 0) return std::unexpected(Errno::Invalid);
  const auto priority = TRY(task.user().read<i32>(parameters));
  const auto target = TRY(scheduled_task(task, pid));
  const auto now = TaskInternals::scheduling(*target);
  return change(task, *target, now.policy, priority, now.reset_on_fork);
}

LinuxResult<> get_parameters(Task& task, u64 pid, u64 parameters) {
  if (parameters == 0) return std::unexpected(Errno::Invalid);
  const auto target = TRY(scheduled_task(task, pid));
  return task.user().write(parameters, TaskInternals::scheduling(*target).urgency());
}

/// struct sched_attr, with the clamps of its second version.
struct Attributes {
  static constexpr u32 kFirstVersion = 48;
  static constexpr u64 kResetOnFork = 1, kKeepPolicy = 8, kKeepParameters = 0x10, kClamps = 0x60,
                       kKnown = 0x7f;
  u32 size, policy;
  u64 flags;
  i32 nice;
  u32 priority;
  u64 runtime_ns, deadline_ns, period_ns;
  u32 least_clamp, most_clamp;
};
static_assert(sizeof(Attributes) == 56);

/// What the program gives, of whatever version; TooBig tells it the version that is known.
LinuxResult<Attributes> read_attributes(Task& task, u64 address) {
  Attributes given{};
  u32 size = TRY(task.user().read<u32>(address));
  if (size == 0) size = Attributes::kFirstVersion;
  bool too_big = size < Attributes::kFirstVersion || size > kPageBytes;
  for (u64 at = sizeof given; !too_big && at < size; ++at)
    too_big = TRY(task.user().read<u8>(address + at)) != 0;
  if (too_big) {
    (void)task.user().write(address, u32{sizeof given});
    return std::unexpected(Errno::TooBig);
  }
  TRY(task.user().copy_in(&given, address, std::min<u64>(size, sizeof given)));
  return given;
}

LinuxResult<> set_attributes(Task& task, u64 pid, u64 address, u64 flags) {
  if (address == 0 || static_cast<i32>(pid) < 0 || flags != 0) return std::unexpected(Errno::Invalid);
  auto given = TRY(read_attributes(task, address));
  if (static_cast<i32>(given.policy) < 0) return std::unexpected(Errno::Invalid);
  const auto target = TRY(scheduled_task(task, pid));
  const auto now = TaskInternals::scheduling(*target);
  if (given.flags & ~Attributes::kKnown) return std::unexpected(Errno::Invalid);
  if (given.flags & Attributes::kClamps) return std::unexpected(Errno::NotSupported);
  if (given.flags & Attributes::kKeepPolicy) given.policy = now.policy;
  if (given.flags & Attributes::kKeepParameters) {
    given.priority = static_cast<u32>(now.priority);
    given.nice = target->process().nice();
  }
  if (given.priority > static_cast<u32>(Scheduling::kMostUrgent)) return std::unexpected(Errno::Invalid);
  const i32 nice = std::clamp(given.nice, -20, 19);
  const bool ordinary = given.policy == Scheduling::kOther || given.policy == Scheduling::kBatch;
  if (ordinary && nice < target->process().nice() && !task.may(Capability::Nice) &&
      static_cast<u64>(20 - nice) > target->process().soft_limit(Resource::Nice))
    return std::unexpected(Errno::Perm);
  TRY(change(task, *target, given.policy, static_cast<i32>(given.priority),
             (given.flags & Attributes::kResetOnFork) != 0));
  if (ordinary) TaskInternals::set_nice(target->process(), nice);
  return {};
}

LinuxResult<> get_attributes(Task& task, u64 pid, u64 address, u64 size, u64 flags) {
  if (address == 0 || static_cast<i32>(pid) < 0 || flags != 0 || size < Attributes::kFirstVersion ||
      size > kPageBytes)
    return std::unexpected(Errno::Invalid);
  const auto target = TRY(scheduled_task(task, pid));
  const auto now = TaskInternals::scheduling(*target);
  Attributes told{};
  told.size = static_cast<u32>(std::min<u64>(size, sizeof told));
  told.policy = now.policy;
  told.flags = now.reset_on_fork ? Attributes::kResetOnFork : 0;
  told.nice = now.is_real_time() ? 0 : target->process().nice();
  told.priority = static_cast<u32>(now.urgency());
  told.most_clamp = 1024;
  return task.user().copy_out(address, &told, told.size);
}

LinuxResult<u64> range_end(u64 policy, u64 of_real_time) {
  if (policy == Scheduling::kDeadline) return 0;
  if (policy > UINT32_MAX || !Scheduling::is_known(static_cast<u32>(policy)))
    return std::unexpected(Errno::Invalid);
  return Scheduling::is_real_time(static_cast<u32>(policy)) ? of_real_time : 0;
}

LinuxResult<> get_interval(Task& task, u64 pid, u64 address) {
  const auto target = TRY(scheduled_task(task, pid));
  const auto now = TaskInternals::scheduling(*target);
  Nanoseconds slice = kOrdinarySlice;
  if (now.policy == Scheduling::kRoundRobin) slice = kRoundRobinSlice;
  if (now.policy == Scheduling::kFifo) slice = 0;
  return task.user().write(address, TimeSpec::of(slice));
}

}  // namespace

i64 call_sched_setscheduler(Task& task, const Arguments& arguments) {
  return to_return_value(
      set_scheduler(task, arguments.a[0], static_cast<u32>(arguments.a[1]), arguments.a[2]));
}
i64 call_sched_getscheduler(Task& task, const Arguments& arguments) {
  const auto target = scheduled_task(task, arguments.a[0]);
  if (!target.has_value()) return failure(target.error());
  const auto now = TaskInternals::scheduling(**target);
  return now.policy | (now.reset_on_fork ? kResetOnFork : 0);
}
i64 call_sched_setparam(Task& task, const Arguments& arguments) {
  return to_return_value(set_parameters(task, arguments.a[0], arguments.a[1]));
}
i64 call_sched_getparam(Task& task, const Arguments& arguments) {
  return to_return_value(get_parameters(task, arguments.a[0], arguments.a[1]));
}
i64 call_sched_setattr(Task& task, const Arguments& arguments) {
  return to_return_value(
      set_attributes(task, arguments.a[0], arguments.a[1], static_cast<u32>(arguments.a[2])));
}
i64 call_sched_getattr(Task& task, const Arguments& arguments) {
  return to_return_value(get_attributes(task, arguments.a[0], arguments.a[1],
                                        static_cast<u32>(arguments.a[2]), static_cast<u32>(arguments.a[3])));
}
i64 call_sched_get_priority_max(Task&, const Arguments& arguments) {
  return to_return_value(range_end(static_cast<u32>(arguments.a[0]), Scheduling::kMostUrgent));
}
i64 call_sched_get_priority_min(Task&, const Arguments& arguments) {
  return to_return_value(range_end(static_cast<u32>(arguments.a[0]), 1));
}
i64 call_sched_rr_get_interval(Task& task, const Arguments& arguments) {
  return to_return_value(get_interval(task, arguments.a[0], arguments.a[1]));
}

}  // namespace vari::linux
