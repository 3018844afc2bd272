// What the calls that steer scheduling share: whom they mean, and whether the caller may.
#pragma once

#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"

namespace vari::linux {

/// The task that a pid argument names; 0 is the caller. Invalid, NoProcess.
inline LinuxResult<Ref<Task>> scheduled_task(Task& task, u64 pid) {
  const auto number = static_cast<i32>(pid);
  if (number < 0) return std::unexpected(Errno::Invalid);
  if (number == 0) return Ref<Task>(task);
  auto found = task.personality().processes().find_task(number);
  if (!found) return std::unexpected(Errno::NoProcess);
  return found;
}

/// Who may do it to any, or of the same user.
inline bool may_schedule(Task& task, Task& target) {
  const auto& own = task.identity();
  if (own.may(Capability::Nice) || &task.process() == &target.process()) return true;
  const auto other = target.process().identity();
  return own.effective_user == other.user || own.effective_user == other.effective_user;
}

/// A priority as ioprio_set(2) gets it. Invalid; Perm: the real-time class is root's.
LinuxResult<> check_io_priority(Task& task, u32 wanted);

}  // namespace vari::linux
