// ioprio_set and ioprio_get. No device here has a queue that would heed them; they are kept and told.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/schedule_helpers.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

constexpr u32 kClassShift = 13, kLevels = 8;
enum Class : u32 { kNone, kRealTime, kBestEffort, kIdle };

/// Visits each task that the kind and number name. NoProcess: there is none.
template <class Visit>
LinuxResult<> for_tasks(Task& task, u64 kind, i32 id, Visit visit) {
  constexpr u64 kProcess = 1, kGroup = 2, kUser = 3;
  if (kind == kProcess) return visit(*TRY(scheduled_task(task, static_cast<u32>(id))));
  if (kind != kGroup && kind != kUser) return std::unexpected(Errno::Invalid);
  if (kind == kGroup && id == 0) id = task.process().group_id();
  const u32 user = id == 0 ? task.identity().user : static_cast<u32>(id);
  bool any = false;
  auto& table = task.personality().processes();
  for (auto process = table.next(0); process; process = table.next(process->id())) {
    if (kind == kGroup ? process->group_id() != id : process->identity().user != user) continue;
    for (auto each = process->next_task(0); each; each = process->next_task(each->id())) {
      any = true;
      TRY(visit(*each));
    }
  }
  if (!any) return std::unexpected(Errno::NoProcess);
  return {};
}

LinuxResult<> set(Task& task, u64 kind, i32 id, u32 wanted) {
  TRY(check_io_priority(task, wanted));
  return for_tasks(task, kind, id, [&](Task& target) -> LinuxResult<> {
    if (!may_schedule(task, target)) return std::unexpected(Errno::Perm);
    auto scheduling = TaskInternals::scheduling(target);
    scheduling.io_priority = wanted;
    TaskInternals::set_scheduling(target, scheduling);
    return {};
  });
}

/// The best of those asked for: the lowest class that is one, then the lowest level.
LinuxResult<u32> get(Task& task, u64 kind, i32 id) {
  u32 best = 0;
  TRY(for_tasks(task, kind, id, [&](Task& target) -> LinuxResult<> {
    const u32 own = TaskInternals::scheduling(target).io_priority;
    if (own && (best == 0 || own < best)) best = own;
    return {};
  }));
  return best;
}

}  // namespace

LinuxResult<> check_io_priority(Task& task, u32 wanted) {
  const u32 level = wanted & ((1 << kClassShift) - 1);
  switch (wanted >> kClassShift) {
    case kRealTime:
      if (!task.may(Capability::Administration) && !task.may(Capability::Nice))
        return std::unexpected(Errno::Perm);
      [[fallthrough]];
    case kBestEffort:
      if (level >= kLevels) return std::unexpected(Errno::Invalid);
      return {};
    case kIdle: return {};
    case kNone:
      if (level) return std::unexpected(Errno::Invalid);
      return {};
    default: return std::unexpected(Errno::Invalid);
  }
}

i64 call_ioprio_set(Task& task, const Arguments& arguments) {
  return to_return_value(set(task, static_cast<u32>(arguments.a[0]), static_cast<i32>(arguments.a[1]),
                             static_cast<u32>(arguments.a[2])));
}
i64 call_ioprio_get(Task& task, const Arguments& arguments) {
  return to_return_value(get(task, static_cast<u32>(arguments.a[0]), static_cast<i32>(arguments.a[1])));
}

}  // namespace vari::linux
