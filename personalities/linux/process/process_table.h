// All processes and tasks of a personality by number, the tree that they form, their groups and sessions.
#pragma once

#include <boost/intrusive/set.hpp>

#include "personalities/linux/process/process.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class ProcessTable {
 public:
  ProcessTable() = default;
  ProcessTable(const ProcessTable&) = delete;

  static constexpr i32 kDefaultMaximum = 32768, kFirstReused = 300;

  // For anybody, without locks held.

  Ref<Process> find(i32 pid);
  Ref<Task> find_task(i32 tid);
  /// The living or zombie process with the smallest pid above `after`; empty at the end. A walk by it
  /// is safe against exits and sees every process that lived throughout.
  Ref<Process> next(i32 after);
  u32 process_count() const { return __atomic_load_n(&processes_count_, __ATOMIC_RELAXED); }
  u32 task_count() const { return __atomic_load_n(&tasks_count_, __ATOMIC_RELAXED); }
  /// Forks since start, and the youngest number, for /proc/stat and loadavg.
  u64 forks() const { return __atomic_load_n(&forks_, __ATOMIC_RELAXED); }
  i32 last_id() const { return __atomic_load_n(&last_id_, __ATOMIC_RELAXED); }
  i32 maximum_id() const { return __atomic_load_n(&maximum_, __ATOMIC_RELAXED); }

 private:
  friend class Process;
  friend class Task;
  friend class JobControl;
  friend class Personality;
  friend struct TaskInternals;

  struct ById {
    using type = i32;
    i32 operator()(const Process& process) const { return process.id_; }
    i32 operator()(const Task& task) const { return task.id(); }
    i32 operator()(const ProcessGroup& group) const { return group.id(); }
    i32 operator()(const Session& session) const { return session.id(); }
  };
  template <class T, class Hook>
  using Tree = boost::intrusive::set<T, Hook, boost::intrusive::key_of_value<ById>,
                                     boost::intrusive::constant_time_size<false>>;

  runtime::SpinLock lock_;
  Tree<Process, Process::TableHook> processes_ GUARDED_BY(lock_);
  Tree<Task, Task::TableHook> tasks_ GUARDED_BY(lock_);
  Tree<ProcessGroup, ProcessGroup::Hook> groups_ GUARDED_BY(lock_);
  Tree<Session, Session::Hook> sessions_ GUARDED_BY(lock_);
  Process* init_ GUARDED_BY(lock_) = nullptr;
  u32 processes_count_ = 0, tasks_count_ = 0;
  u64 forks_ = 0;
  i32 last_id_ = 0;
  i32 maximum_ = kDefaultMaximum;

  /// A number that no process, task, group or session bears. Again: there is none.
  LinuxResult<i32> unused_id() REQUIRES(lock_);
};

}  // namespace vari::linux
