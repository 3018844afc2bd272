// See send.h. What a signal does before anyone sees it: SIGCONT continues, SIGKILL ends, ignored ones
// vanish, others are noted and wake a task that does not block them.
#include "personalities/linux/signals/send.h"

#include "personalities/linux/files/signal_file.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

SignalSet TaskInternals::deliverable_locked(const Task& task) {
  return (task.pending_.set() | task.process_->pending_.set()) & ~task.blocked_;
}

/// Stop and continue cancel one another, whether or not the signal is blocked or ignored.
void TaskInternals::prepare_locked(Process& process, int number) {
  const bool stops = (kStopSignals & set_of(number)) != 0;
  if (!stops && number != signal::kContinue) return;
  const SignalSet unwanted = stops ? set_of(signal::kContinue) : kStopSignals;
  SignalQueue spent;  // stays empty: these are classic signals
  process.pending_.discard(unwanted, spent);
  for (auto& task : process.tasks_) task.pending_.discard(unwanted, spent);
  if (stops) return;
  process.stop_taken_ = false;
  if (process.stop_signal_ == 0) return;
  process.tell_continued_ = process.stopped_;
  process.stop_signal_ = 0;
  process.stopped_ = false;
  process.stopped_tasks_ = 0;
  ++process.stop_round_;
  process.continued_.wake_all();
  for (auto& task : process.tasks_) {
    if (task.is_traced()) task.trace_.queue.wake_all();  // PTRACE_LISTEN
  }
}

void TaskInternals::wake_for_locked(Process& process, Task* task, int number) {
  const auto bit = set_of(number);
  if (task) {
    if (!(task->blocked_ & ~task->waited_ & bit)) task->alert(Task::kSignal);
    return;
  }
  for (auto& candidate : process.tasks_) {
    if (candidate.blocked_ & ~candidate.waited_ & bit) continue;
    candidate.alert(Task::kSignal);
    return;
  }
}

/// Notes the signal for `task`, or for the process where that is null. False: it was not wanted, and
/// `entry` is still the caller's.
bool TaskInternals::deliver_locked(Process& process, Task* task, const SignalInfo& info,
                                   QueuedSignal* entry) {
  const int number = info.number;
  if (process.exiting_ || process.tasks_.empty()) return false;
  if (process.id_ == 1) {
    ask_for_shutdown_locked(process, number);
    return false;
  }
  prepare_locked(process, number);
  if (number == signal::kKill) {
    begin_group_exit_locked(process, signal::kKill);
    return false;
  }
  const auto bit = set_of(number);
  const auto& judge = task ? *task : process.tasks_.front();
  // A tracer is to see what its tracee ignores.
  if ((process.handlers_->ignored() & bit) && !(judge.blocked_ & bit) && !judge.is_traced()) return false;
  auto& pending = task ? task->pending_ : process.pending_;
  if (number < signal::kFirstRealTime && (pending.set() & bit)) return false;
  pending.add(info, entry);
  process.personality_.signal_arrivals().note();
  wake_for_locked(process, task, number);
  return number >= signal::kFirstRealTime;
}

namespace {

LinuxResult<runtime::Owner<QueuedSignal>> make_entry(int number) {
  runtime::Owner<QueuedSignal> entry;
  if (number >= signal::kFirstRealTime) {
    entry = runtime::Owner<QueuedSignal>(new (runtime::kFallible) QueuedSignal);
    if (!entry) return std::unexpected(Errno::Again);
  }
  return entry;
}

}  // namespace

void send_signal(Process& target, const SignalInfo& info) {
  (void)queue_signal(target, info);
}
void send_signal(Task& target, const SignalInfo& info) {
  (void)queue_signal(target, info);
}

LinuxResult<> queue_signal(Process& target, const SignalInfo& info) {
  return TaskInternals::queue(target, nullptr, info);
}
LinuxResult<> queue_signal(Task& target, const SignalInfo& info) {
  return TaskInternals::queue(target.process(), &target, info);
}

LinuxResult<> TaskInternals::queue(Process& process, Task* task, const SignalInfo& info) {
  auto entry = TRY(make_entry(info.number));
  Guard<SpinLock> guard(process.lock_);
  if (task && !task->process_hook_.is_linked()) return {};  // it has left
  const auto& pending = task ? task->pending_ : process.pending_;
  if (entry && pending.queued() >= process.limits_[Resource::PendingSignals].soft)
    return std::unexpected(Errno::Again);
  if (deliver_locked(process, task, info, entry.get())) (void)entry.leak();
  return {};
}

bool TaskInternals::is_pending(Process& process, Task* task, int number) {
  Guard<SpinLock> guard(process.lock_);
  const auto& pending = task ? task->pending_ : process.pending_;
  return (pending.set() & set_of(number)) != 0;
}

void force_signal(Task& current, const SignalInfo& info) {
  TaskInternals::force(current, info);
}

void TaskInternals::force(Task& task, const SignalInfo& info) {
  const auto bit = set_of(info.number);
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  const bool blocked = (task.blocked_ & bit) != 0;
  if (blocked || (process.handlers_->explicitly_ignored() & bit)) {
    process.handlers_->set(info.number, {});
    task.blocked_ &= ~bit;
  }
  task.pending_.add(info);
  task.set_attention(Task::kSignal);
}

u32 signal_group(Personality& personality, i32 group_id, const SignalInfo& info) {
  return TaskInternals::signal_group(personality.processes(), group_id, info);
}

u32 TaskInternals::signal_group(ProcessTable& table, i32 group_id, const SignalInfo& info) {
  Guard<SpinLock> guard(table.lock_);
  const auto group = table.groups_.find(group_id);
  return group == table.groups_.end() ? 0 : signal_group_locked(*group, info);
}

u32 TaskInternals::signal_group_locked(ProcessGroup& group, const SignalInfo& info) {
  u32 count = 0;
  for (auto& member : group.members_) {
    auto& process = static_cast<Process&>(member);
    Guard<SpinLock> process_guard(process.lock_);
    (void)deliver_locked(process, nullptr, info, nullptr);
    ++count;
  }
  return count;
}

void raise_pipe_signal(Task& current) {
  send_signal(current, {.number = signal::kPipe,
                        .code = SignalInfo::kUser,
                        .pid = current.process().id(),
                        .uid = current.identity().user});
}

bool signal_pending(const Task& current) {
  return (current.attention() & (Task::kSignal | Task::kKilled | Task::kStop | Task::kEnding)) != 0;
}
bool fatal_signal_pending(const Task& current) {
  return (current.attention() & (Task::kKilled | Task::kEnding)) != 0;
}
bool is_blocked_or_ignored(const Task& current, int number) {
  return ((current.blocked_signals() | current.process().handlers().ignored()) & set_of(number)) != 0;
}

/// A new mask for the calling task; signals that it lets through are acted upon before user code runs.
void TaskInternals::set_mask(Task& task, SignalSet mask) {
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  task.blocked_ = mask & ~kUnblockable;
  if (deliverable_locked(task)) task.set_attention(Task::kSignal);
  // What this task now blocks may be another's to take.
  for (SignalSet left = process.pending_.set() & task.blocked_; left; left &= left - 1)
    wake_for_locked(process, nullptr, __builtin_ctzll(left) + 1);
}

/// After an action became "ignore": what already waits is dropped.
void TaskInternals::discard_ignored(Process& process, SignalSet signals) {
  SignalQueue spent;
  {
    Guard<SpinLock> guard(process.lock_);
    process.pending_.discard(signals, spent);
    for (auto& task : process.tasks_) task.pending_.discard(signals, spent);
  }
  free_queue(spent);
}

/// Tells the parent that a child stopped or goes on. Under the table's lock.
void TaskInternals::notify_parent_locked(Process& process, int code, int status) {
  auto* parent = process.parent_;
  if (!parent) return;
  const auto flags = parent->handlers_->get(signal::kChild).flags;
  if (!(flags & SignalAction::kNoChildStop)) {
    Guard<SpinLock> guard(parent->lock_);
    (void)deliver_locked(*parent, nullptr,
                         {.number = signal::kChild, .code = code, .pid = process.id_, .status = status},
                         nullptr);
  }
  parent->child_events_.wake_all();
}

}  // namespace vari::linux
