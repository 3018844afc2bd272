// A process: a thread group with one pid, its place in the tree of processes, and what its tasks share.
//
// Two locks. The ProcessTable's guards the tree: parent, children, group, session, life and death. The
// process's own guards its tasks and signals. Order: the table's first.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "base/annotations.h"
#include "personalities/linux/files/poll_queue.h"
#include "personalities/linux/process/job_control.h"
#include "personalities/linux/process/limits.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/handlers.h"
#include "personalities/linux/signals/pending.h"
#include "runtime/spinlock.h"
#include "runtime/wait.h"

namespace vari::linux {

class File;
class ProcessTimers;

/// What processes used, for times(), getrusage() and ps.
struct Usage {
  Nanoseconds user_ns = 0, system_ns = 0;
  u64 minor_faults = 0, major_faults = 0, peak_resident_kib = 0;
  void add(const Usage& other);
};

/// A consistent picture of a process for /proc/PID/stat and status.
struct ProcessSnapshot {
  i32 pid = 0, parent = 0, group = 0, session = 0, foreground_group = -1;
  u32 terminal = 0;  // major << 8 | minor
  char state = 'R';
  char name[16] = {};
  i32 nice = 0;
  u32 threads = 0;
  i32 tracer = 0;
  Usage usage, children;
  Nanoseconds start_ns = 0;
  u64 virtual_bytes = 0, resident_pages = 0;
  SignalSet pending = 0, blocked = 0, ignored = 0, caught = 0;
  i32 exit_status = 0;
  i32 last_cpu = 0;
  Identity identity;
};

/// What prctl(2), personality(2) and membarrier(2) keep of a process; a fork has the same.
struct ProcessSettings {
  u32 personality = 0;
  bool dumpable = true;
  bool huge_pages_disabled = false;
  u32 barriers = 0;  // the registrations of membarrier(2)
};

class Process final : public runtime::Managed, public GroupMember {
 public:
  enum class Life : u8 { Running, Zombie, Reaped };

  Process(Personality& personality, Ref<SignalHandlers> handlers);
  ~Process() override;

  i32 id() const { return id_; }
  Personality& personality() const { return personality_; }
  SignalHandlers& handlers() const { return *handlers_; }
  /// One limit, both values read together.
  Limit limit(Resource resource);
  u64 soft_limit(Resource resource) { return limit(resource).soft; }
  i32 nice() const { return __atomic_load_n(&nice_, __ATOMIC_RELAXED); }

  /// Any living task of the process; empty if there is none any more. The leader, while it lives.
  Ref<Task> any_task();
  /// The task with the smallest id above `after`, for /proc/PID/task.
  Ref<Task> next_task(i32 after);
  u32 task_count();
  ProcessSnapshot snapshot();
  /// Whose it is: its first task's identity, or that of the last one that it had. Root's for a process
  /// that never had a task (init).
  Identity identity();
  /// Waited for, and no longer to be found. No lock.
  bool is_reaped() const { return __atomic_load_n(&reaped_, __ATOMIC_ACQUIRE); }
  /// A zombie, or no more. No lock.
  bool has_ended() const { return __atomic_load_n(&ended_life_, __ATOMIC_ACQUIRE); }
  /// Others of its user may look into it.
  bool dumpable() const { return settings_.dumpable; }
  /// For /proc/PID/exe; may be empty.
  Ref<File> executable();
  /// Processor time of all tasks, dead ones included.
  Usage usage();
  /// Of all children that have been waited for.
  Usage children_usage();
  /// 0 for init. No lock.
  i32 parent_id() const { return __atomic_load_n(&parent_id_, __ATOMIC_RELAXED); }
  i32 group_id();
  i32 session_id();

 private:
  friend class Task;
  friend class ProcessTable;
  friend class JobControl;
  friend class Personality;
  friend class PidFile;
  friend struct TaskInternals;

  using Tasks = boost::intrusive::list<Task, Task::ProcessHook, boost::intrusive::constant_time_size<false>>;

  Usage usage_locked() const REQUIRES(lock_);
  void snapshot_tree(ProcessSnapshot& to);

  Personality& personality_;
  i32 id_ = 0;

  // Guarded by the table's lock.
  Life life_ = Life::Running;
  bool reaped_ = false;      // atomic: life_ is Reaped
  bool ended_life_ = false;  // atomic: life_ is not Running
  Process* parent_ = nullptr;
  i32 parent_id_ = 0;  // atomic: of parent_
  boost::intrusive::list_member_hook<> sibling_hook_;
  boost::intrusive::set_member_hook<> table_hook_;
  Ref<ProcessGroup> group_;
  int exit_signal_ = signal::kChild;
  i32 exit_status_ = 0;        // as wait() reports it
  bool executed_ = false;      // setpgid by the parent is no longer allowed
  bool stop_reported_ = true;  // the parent has been told of the last stop
  bool continue_reported_ = true;
  bool child_subreaper_ = false;
  bool withheld_ = false;  // a zombie that the parent is told of when the tracer has waited for it
  Usage children_usage_;
  Task* traced_leader_ = nullptr;  // whose tracer hears of the process's end
  u32 untold_ends_ = 0;            // of threads; before those, nobody hears of the process's

 public:
  using SiblingHook =
      boost::intrusive::member_hook<Process, boost::intrusive::list_member_hook<>, &Process::sibling_hook_>;
  using TableHook =
      boost::intrusive::member_hook<Process, boost::intrusive::set_member_hook<>, &Process::table_hook_>;

 private:
  boost::intrusive::list<Process, SiblingHook, boost::intrusive::constant_time_size<false>> children_;
  /// Tasks that this process traces, by their hooks; each entry holds a reference.
  using Tracees = boost::intrusive::list<Task, Task::TraceeHook, boost::intrusive::constant_time_size<false>>;
  Tracees tracees_;
  runtime::WaitQueue child_events_;  // woken when a child, or a task that is traced, changes state
  PollQueue ended_;                  // of pidfds: woken when life_ is no longer Running

  // Guarded by lock_.
  mutable runtime::SpinLock lock_;
  Tasks tasks_;
  u32 task_count_ = 0;
  u32 ending_tasks_ = 0;  // of these: on their way out
  PendingSignals pending_;
  bool exiting_ = false;       // all tasks are to end with exit_code_
  i32 exit_code_ = 0;          // as wait() reports it
  Task* executing_ = nullptr;  // the task whose exec wants to be alone
  int stop_signal_ = 0;        // not 0: tasks are to stop
  u32 stopped_tasks_ = 0;
  bool stopped_ = false;         // all of them have
  u64 stop_round_ = 0;           // counts continuations, so that a late sleeper sees its own
  bool stop_taken_ = false;      // a stop signal was taken out and not yet acted upon
  bool tell_continued_ = false;  // the parent is to hear that it goes on
  Limits limits_;
  Usage dead_tasks_;
  char last_name_[16] = {};  // of the task that ended last, for a zombie
  Ref<Credentials> last_credentials_;
  Ref<File> executable_;
  ProcessTimers* timers_ = nullptr;
  runtime::WaitQueue continued_;  // stopped tasks wait here
  runtime::WaitQueue alone_;      // the executing task waits here

  Ref<SignalHandlers> handlers_;  // replaced by exec when it is the only task
  i32 nice_ = 0;
  ProcessSettings settings_;  // each word read and written as a whole, by the process's own tasks
  Nanoseconds start_ns_ = 0;
};

}  // namespace vari::linux
