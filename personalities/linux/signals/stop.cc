// Job control's stop and continue. A stop signal makes all tasks of the process come here; the last one
// to arrive tells the parent. Whoever sends SIGCONT starts a new round and wakes them (send.cc).
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

/// True: the process is to stop. False: nobody could continue it (its group is orphaned), or a SIGCONT
/// came since the signal was taken.
bool TaskInternals::begin_stop(Task& task, int number) {
  auto& process = *task.process_;
  auto& table = task.personality_.processes();
  if (number != signal::kStop) {
    Guard<SpinLock> guard(table.lock_);
    if (is_orphaned_locked(table, *process.group_, nullptr)) return false;
  }
  Guard<SpinLock> guard(process.lock_);
  if (!process.stop_taken_ || process.exiting_) return false;
  process.stop_taken_ = false;
  if (process.stop_signal_ == 0) {
    process.stop_signal_ = number;
    process.stopped_tasks_ = 0;
    process.tell_continued_ = false;
  }
  for (auto& other : process.tasks_) {
    if (&other != &task) other.alert(Task::kStop);
  }
  task.set_attention(Task::kStop);
  return true;
}

/// Under the process's lock: true if the task that just stopped or left makes the stop complete.
bool TaskInternals::stop_is_complete_locked(Process& process) {
  if (process.stop_signal_ == 0 || process.stopped_ || process.task_count_ == 0 ||
      process.stopped_tasks_ != process.task_count_)
    return false;
  process.stopped_ = true;
  return true;
}

void TaskInternals::tell_stopped(Process& process, int number) {
  auto& table = process.personality_.processes();
  Guard<SpinLock> guard(table.lock_);
  process.stop_reported_ = false;
  process.continue_reported_ = true;
  notify_parent_locked(process, child_code::kStopped, number);
}

/// A tracer lets the task run while its group stays stopped.
void TaskInternals::leave_stop(Task& task, u64 round) {
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  task.stopped_ = false;
  process.tell_continued_ = false;
  if (process.stop_round_ != round || process.stop_signal_ == 0) return;
  process.stopped_ = false;
  if (--process.stopped_tasks_ == 0) process.stop_signal_ = 0;
}

void TaskInternals::stay_stopped(Task& task) {
  auto& process = *task.process_;
  auto& table = task.personality_.processes();
  u64 round = 0;
  int complete = 0, number = 0;
  {
    Guard<SpinLock> guard(process.lock_);
    task.clear_attention(Task::kStop);
    if (process.stop_signal_ == 0 || process.exiting_) return;
    round = process.stop_round_;
    number = process.stop_signal_;
    ++process.stopped_tasks_;
    task.stopped_ = true;
    if (stop_is_complete_locked(process)) complete = process.stop_signal_;
  }
  if (complete) tell_stopped(process, complete);
  do {
    if (task.is_traced()) {  // before, or attached to while it was stopped
      stop_with_group(task, number, round);
      if (task.is_traced()) return leave_stop(task, round);
    }
    (void)process.continued_.wait_until([&] {
      Guard<SpinLock> guard(process.lock_);
      return process.stop_round_ != round || process.exiting_ || (task.attention() & Task::kEnding) ||
             task.is_traced();
    });
  } while (task.is_traced());
  bool tell = false;
  {
    Guard<SpinLock> guard(process.lock_);
    task.stopped_ = false;
    tell = std::exchange(process.tell_continued_, false) && !process.exiting_;
  }
  if (!tell) return;
  Guard<SpinLock> guard(table.lock_);
  process.stop_reported_ = true;
  process.continue_reported_ = false;
  notify_parent_locked(process, child_code::kContinued, signal::kContinue);
}

}  // namespace vari::linux
