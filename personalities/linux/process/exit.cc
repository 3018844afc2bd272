// How tasks and processes end. Nothing here allocates or fails: a task that could not end would keep its
// memory for ever.
#include "personalities/linux/files/file.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/ipc/system_v.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/robust_list.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

void TaskInternals::begin_group_exit(Process& process, i32 wait_status) {
  Guard<SpinLock> guard(process.lock_);
  begin_group_exit_locked(process, wait_status);
}

void TaskInternals::begin_group_exit_locked(Process& process, i32 wait_status) {
  if (process.exiting_) return;
  process.exiting_ = true;
  process.exit_code_ = wait_status;
  process.stop_signal_ = 0;
  process.stopped_ = false;
  ++process.stop_round_;
  for (auto& task : process.tasks_) task.alert(Task::kKilled);
  process.continued_.wake_all();
  process.alone_.wake_all();
}

void TaskInternals::exit_one(Task& task, i32 wait_status) {
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  // The leader's code is the process's, unless all were told to end with another.
  if (!process.exiting_ && task.id() == process.id_) process.exit_code_ = wait_status;
  task.exit_status_ = wait_status;
  task.set_attention(Task::kEnding);
}

/// What others wait for in the memory that this task leaves: robust futexes, its thread id, a vfork.
void TaskInternals::release_memory_users(Task& task) {
  if (task.memory_) {
    if (task.robust_list_) release_robust_futexes(task, task.robust_list_);
    task.robust_list_ = 0;
    task.personality_.futexes().owner_exits(task);
    const u64 word = std::exchange(task.clear_child_tid_, 0);
    if (word && task.memory_->references() > 1) {
      (void)task.user().write(word, u32{0});
      (void)task.personality_.futexes().wake(*task.memory_, word, 1, FutexTable::kAnyBits, false);
    }
  }
  complete_vfork(task);
}

void TaskInternals::release_resources(Task& task) {
  Ref<MemoryMap> memory;
  Ref<FileTable> files;
  Ref<FileSystemContext> file_system;
  Ref<File> executable;
  bool last = false;
  {
    Guard<SpinLock> guard(task.process_->lock_);
    last = ++task.process_->ending_tasks_ == task.process_->task_count_;
    // Before anybody is told of the end: who has waited for a program may write to it (no ETXTBSY).
    if (last) executable = std::move(task.process_->executable_);
    const u64 peak = task.memory_ ? task.memory_->peak_resident_pages() * kPageBytes / kKiB : 0;
    auto& dead = task.process_->dead_tasks_;
    if (peak > dead.peak_resident_kib) dead.peak_resident_kib = peak;
    memory = std::move(task.memory_);
    files = std::move(task.files_);
    file_system = std::move(task.file_system_);
  }
  // Closing may block and may send signals: no lock is held. Files before memory, as programs see it.
  files = {};
  file_system = {};
  memory = {};
  executable = {};
  if (last) task.personality_.system_v().process_ends(*task.process_);
}

void TaskInternals::leave_process(Task& task) {
  auto& table = task.personality_.processes();
  auto& process = *task.process_;
  Leavings leavings;
  int complete_stop = 0;
  bool last = false, was_tracer = false;
  {
    Guard<SpinLock> guard(table.lock_);
    {
      Guard<SpinLock> process_guard(process.lock_);
      process.dead_tasks_.add({.user_ns = task.used_ns(),
                               .minor_faults = task.minor_faults_,
                               .major_faults = task.major_faults_});
      process.tasks_.erase(process.tasks_.iterator_to(task));
      last = --process.task_count_ == 0;
      --process.ending_tasks_;
      leavings.thread = std::move(task.thread_);
      if (last) {
        __builtin_memcpy(process.last_name_, task.name_, sizeof task.name_);
        process.last_credentials_ = task.credentials_;
        leavings.timers = std::exchange(process.timers_, nullptr);
        process.pending_.discard(~SignalSet{0}, leavings.spent);
      } else {
        if (stop_is_complete_locked(process)) complete_stop = process.stop_signal_;
        // What was meant for this task alone is lost; what it was chosen for goes to another.
        for (SignalSet left = process.pending_.set() & ~task.blocked_; left; left &= left - 1)
          wake_for_locked(process, nullptr, __builtin_ctzll(left) + 1);
      }
      if (process.executing_) process.alone_.wake_all();
    }
    table.tasks_.erase(table.tasks_.iterator_to(task));
    __atomic_sub_fetch(&table.tasks_count_, 1, __ATOMIC_RELAXED);
    tell_tracer_of_end_locked(task, process);
    if (last) process_dies_locked(table, process, leavings);
    was_tracer = last && !process.tracees_.empty();
  }
  if (was_tracer) release_tracees(process);
  if (complete_stop) tell_stopped(process, complete_stop);
  if (leavings.terminal) leavings.terminal->session_ended();
  free_queue(leavings.spent);
  if (leavings.timers) leavings.timers->stop();
  delete leavings.timers;
}

/// The last task has gone: the process is a zombie, its children are another's, its parent is told.
void TaskInternals::process_dies_locked(ProcessTable& table, Process& process, Leavings& leavings) {
  process.life_ = Process::Life::Zombie;
  __atomic_store_n(&process.ended_life_, true, __ATOMIC_RELEASE);
  process.ended_.wake(poll_event::kIn | poll_event::kReadNormal);
  process.exit_status_ = process.exit_code_;
  leavings.terminal = JobControl::leader_exits_locked(table, process);
  reparent_children_locked(table, process);
  hang_up_if_orphaned_locked(table, process, process.parent_, &process);
  if (!withhold_death_locked(process, leavings.record)) tell_parent_of_death_locked(table, process, leavings);
}

void TaskInternals::tell_parent_of_death_locked(ProcessTable& table, Process& process, Leavings& leavings) {
  auto* parent = process.parent_;
  bool reap = parent == nullptr;
  if (parent) {
    const auto action = parent->handlers_->get(signal::kChild);
    const bool ignored = action.handler == SignalAction::kIgnore;
    const bool is_child_signal = process.exit_signal_ == signal::kChild;
    reap = is_child_signal && (ignored || (action.flags & SignalAction::kNoChildWait));
    if (process.exit_signal_ && !(is_child_signal && ignored)) tell_exit_locked(process, *parent);
    parent->child_events_.wake_all();
  }
  if (reap) leavings.process = unlink_locked(table, process, leavings.group);
}

void TaskInternals::tell_exit_locked(Process& process, Process& parent) {
  constexpr Nanoseconds kTick = kSecond / 100;
  const i32 status = process.exit_status_;
  SignalInfo info{.number = process.exit_signal_, .code = child_code::kExited, .pid = process.id_};
  info.uid = process.last_credentials_ ? process.last_credentials_->identity().user : 0;
  info.status = status >> 8 & 0xff;
  if (status & 0x7f) {
    info.code = status & 0x80 ? child_code::kDumped : child_code::kKilled;
    info.status = status & 0x7f;
  }
  info.value = process.dead_tasks_.user_ns / kTick << 32 | process.dead_tasks_.system_ns / kTick;
  Guard<SpinLock> guard(parent.lock_);
  (void)deliver_locked(parent, nullptr, info, nullptr);
}

void TaskInternals::set_parent_locked(Process& process, Process* parent) {
  process.parent_ = parent;
  const i32 id = parent ? parent->id_ : 0;
  __atomic_store_n(&process.parent_id_, id, __ATOMIC_RELAXED);
  Guard<SpinLock> guard(process.lock_);
  for (auto& task : process.tasks_) Facts::set(task.facts_.parent, id);
}

void TaskInternals::reparent_children_locked(ProcessTable& table, Process& process) {
  auto* reaper = process.parent_;
  while (reaper && reaper != table.init_ && !reaper->child_subreaper_) reaper = reaper->parent_;
  if (!reaper) reaper = table.init_;
  bool zombies = false;
  while (!process.children_.empty()) {
    auto& child = process.children_.front();
    process.children_.pop_front();
    set_parent_locked(child, reaper);
    reaper->children_.push_back(child);
    child.exit_signal_ = signal::kChild;
    if (child.life_ == Process::Life::Zombie) {
      if (child.withheld_) continue;  // the new parent is told later
      zombies = true;
      tell_exit_locked(child, *reaper);
    } else {
      Guard<SpinLock> guard(child.lock_);
      for (auto& task : child.tasks_) {
        if (task.parent_death_signal_ == 0) continue;
        (void)deliver_locked(
            child, nullptr,
            {.number = task.parent_death_signal_, .code = SignalInfo::kUser, .pid = process.id_}, nullptr);
      }
    }
    hang_up_if_orphaned_locked(table, child, &process, nullptr);
  }
  if (zombies) reaper->child_events_.wake_all();
}

/// A group is orphaned when no living member has a parent in another group of the same session.
bool TaskInternals::is_orphaned_locked(ProcessTable& table, const ProcessGroup& group,
                                       const Process* ignoring) {
  for (const auto& each : group.members_) {
    const auto& member = static_cast<const Process&>(each);
    const auto* parent = member.parent_;
    if (&member == ignoring || member.life_ != Process::Life::Running || !parent || parent == table.init_)
      continue;
    if (parent->group_.get() != &group && &parent->group_->session() == &group.session()) return false;
  }
  return true;
}

bool TaskInternals::has_stopped_member_locked(const ProcessGroup& group) {
  for (const auto& each : group.members_) {
    const auto& member = static_cast<const Process&>(each);
    Guard<SpinLock> guard(member.lock_);
    if (member.stopped_) return true;
  }
  return false;
}

/// Stopped members of a group that has just lost its last link to a shell are told and continued.
void TaskInternals::hang_up_if_orphaned_locked(ProcessTable& table, Process& member, Process* parent,
                                               const Process* ignoring) {
  auto& group = *member.group_;
  if (!parent || !parent->group_ || parent->group_.get() == &group ||
      &parent->group_->session() != &group.session())
    return;
  if (!is_orphaned_locked(table, group, ignoring) || !has_stopped_member_locked(group)) return;
  (void)signal_group_locked(group, SignalInfo::from_kernel(signal::kHangUp));
  (void)signal_group_locked(group, SignalInfo::from_kernel(signal::kContinue));
}

void TaskInternals::set_group_locked(ProcessTable& table, Process& process, Ref<ProcessGroup> group,
                                     Ref<ProcessGroup>& released) {
  auto old = std::exchange(process.group_, std::move(group));
  if (old) {
    old->members_.erase(old->members_.iterator_to(process));
    if (old->members_.empty()) {
      table.groups_.erase(table.groups_.iterator_to(*old));
      auto& session = old->session();
      if (--session.groups_ == 0) {
        table.sessions_.erase(table.sessions_.iterator_to(session));
        if (session.terminal_) session.terminal_->session_ = nullptr;
      }
    }
  }
  if (process.group_) process.group_->members_.push_back(process);
  released = std::move(old);  // its end may release a session and a terminal: without the lock
}

Ref<Process> TaskInternals::unlink_locked(ProcessTable& table, Process& process, Ref<ProcessGroup>& group) {
  process.life_ = Process::Life::Reaped;
  __atomic_store_n(&process.reaped_, true, __ATOMIC_RELEASE);
  if (process.parent_) {
    process.parent_->children_.erase(process.parent_->children_.iterator_to(process));
    set_parent_locked(process, nullptr);
  }
  set_group_locked(table, process, {}, group);
  table.processes_.erase(table.processes_.iterator_to(process));
  __atomic_sub_fetch(&table.processes_count_, 1, __ATOMIC_RELAXED);
  return Ref<Process>::adopt(&process);
}

void TaskInternals::end(Task& task) {
  auto& threads = task.personality_.threads_;
  stop_at_exit(task);
  release_memory_users(task);
  release_resources(task);
  leave_process(task);
  task.release();
  // Order: the last use of the personality; stop() may let it go from here on.
  __atomic_sub_fetch(&threads, 1, __ATOMIC_SEQ_CST);
  runtime::Thread::exit();
}

}  // namespace vari::linux
