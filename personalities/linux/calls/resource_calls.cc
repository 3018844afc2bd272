// Limits and usage.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

ResourceUsage ResourceUsage::of(const Usage& usage) {
  ResourceUsage to;
  to.user = TimeValue::of(usage.user_ns);
  to.system = TimeValue::of(usage.system_ns);
  to.peak_resident_kib = static_cast<i64>(usage.peak_resident_kib);
  to.minor_faults = static_cast<i64>(usage.minor_faults);
  to.major_faults = static_cast<i64>(usage.major_faults);
  return to;
}

LinuxResult<Limit> TaskInternals::change_limit(Process& process, Resource resource, const Limit* wanted,
                                               bool privileged) {
  constexpr u64 kMostFiles = 1 << 20;
  Guard<SpinLock> guard(process.lock_);
  auto& limit = process.limits_[resource];
  const Limit old = limit;
  if (!wanted) return old;
  if (wanted->soft > wanted->hard) return std::unexpected(Errno::Invalid);
  if (resource == Resource::OpenFiles && wanted->hard > kMostFiles) return std::unexpected(Errno::Perm);
  if (wanted->hard > old.hard && !privileged) return std::unexpected(Errno::Perm);
  limit = *wanted;
  return old;
}

namespace {

LinuxResult<> exchange_limit(Task& task, Process& process, u32 resource, u64 new_address, u64 old_address) {
  if (resource >= kResources) return std::unexpected(Errno::Invalid);
  Limit wanted;
  if (new_address) wanted = TRY(task.user().read<Limit>(new_address));
  const auto which = static_cast<Resource>(resource);
  const auto old = TRY(TaskInternals::change_limit(process, which, new_address ? &wanted : nullptr,
                                                   task.may(Capability::Resources)));
  if (new_address && &process == &task.process() &&
      (which == Resource::StackBytes || which == Resource::AddressSpace))
    task.memory().set_limits(process.soft_limit(Resource::StackBytes),
                             process.soft_limit(Resource::AddressSpace));
  if (new_address && which == Resource::CpuSeconds)
    TRY(TaskInternals::make_timers(process)).get().watch_limit();
  if (old_address) TRY(task.user().write(old_address, old));
  return {};
}

LinuxResult<> process_limit(Task& task, const Arguments& arguments) {
  const auto [pid, resource, new_address, old_address, u4, u5] = arguments.a;
  const auto number = static_cast<i32>(pid);
  if (number == 0 || number == task.process().id())
    return exchange_limit(task, task.process(), static_cast<u32>(resource), new_address, old_address);
  const auto process = task.personality().processes().find(number);
  if (!process) return std::unexpected(Errno::NoProcess);
  if (!task.may(Capability::Resources) && process->identity().user != task.identity().user)
    return std::unexpected(Errno::Perm);
  return exchange_limit(task, *process, static_cast<u32>(resource), new_address, old_address);
}

}  // namespace

i64 call_getrlimit(Task& task, const Arguments& arguments) {
  return to_return_value(
      exchange_limit(task, task.process(), static_cast<u32>(arguments.a[0]), 0, arguments.a[1]));
}
i64 call_setrlimit(Task& task, const Arguments& arguments) {
  if (arguments.a[1] == 0) return failure(Errno::Fault);
  return to_return_value(
      exchange_limit(task, task.process(), static_cast<u32>(arguments.a[0]), arguments.a[1], 0));
}
i64 call_prlimit64(Task& task, const Arguments& arguments) {
  return to_return_value(process_limit(task, arguments));
}

i64 call_getrusage(Task& task, const Arguments& arguments) {
  constexpr i32 kSelf = 0, kChildren = -1, kThread = 1;
  Usage usage;
  switch (static_cast<i32>(arguments.a[0])) {
    case kSelf: usage = task.process().usage(); break;
    case kChildren: usage = task.process().children_usage(); break;
    case kThread: usage = TaskInternals::usage_of(task); break;
    default: return failure(Errno::Invalid);
  }
  return to_return_value(task.user().write(arguments.a[1], ResourceUsage::of(usage)));
}

i64 call_times(Task& task, const Arguments& arguments) {
  constexpr Nanoseconds kTick = kSecond / 100;
  if (arguments.a[0]) {
    const auto own = task.process().usage();
    const auto children = task.process().children_usage();
    const i64 ticks[4] = {static_cast<i64>(own.user_ns / kTick), static_cast<i64>(own.system_ns / kTick),
                          static_cast<i64>(children.user_ns / kTick),
                          static_cast<i64>(children.system_ns / kTick)};
    if (!task.user().write(arguments.a[0], ticks).has_value()) return failure(Errno::Fault);
  }
  return static_cast<i64>(task.personality().place().monotonic_ns() / kTick);
}

}  // namespace vari::linux
