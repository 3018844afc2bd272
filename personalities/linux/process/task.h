// A task: one thread of a program. A runtime thread that loops over run and decide, with all that
// belongs to it alone. What it shares with the other threads of its program is in process/process.h.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "interfaces/place.h"
#include "personalities/linux/calls/table.h"
#include "personalities/linux/memory/user_memory.h"
#include "personalities/linux/process/credentials.h"
#include "personalities/linux/process/facts.h"
#include "personalities/linux/process/scheduling.h"
#include "personalities/linux/process/system_call_filter.h"
#include "personalities/linux/process/tracing.h"
#include "personalities/linux/signals/pending.h"
#include "runtime/memory.h"
#include "runtime/thread.h"
#include "runtime/wait.h"

namespace vari::linux {

class FileSystemContext;  // files/file_system_context.h
class FileTable;          // files/file_table.h
class MemoryMap;          // memory/memory_map.h
class Personality;        // personality.h
class Process;
class VforkCompletion;

enum class FilterMode : u8 { Off, Strict, Filter };

/// How a call goes on that a signal interrupted and that no handler saw (restart_syscall).
struct RestartBlock {
  i64 (*resume)(Task&, const RestartBlock&) = nullptr;
  u64 values[6] = {};
};

/// sigaltstack's stack_t.
struct AlternateStack {
  static constexpr u32 kOnStack = 1, kDisabled = 2, kAutoDisarm = 0x8000'0000;
  u64 base = 0;
  u32 flags = kDisabled;
  u32 padding = 0;
  u64 bytes = 0;
};

class Task final : public runtime::Managed {
 public:
  /// Bits of the attention word: why a task must not simply return to user code.
  static constexpr u32 kSignal = 1, kKilled = 2, kStop = 4, kEnding = 8, kRestart = 16, kFiltered = 32,
                       kTraceStop = 64;

  Task(Personality& personality, Ref<Process> process);
  ~Task() override;

  /// gettid()'s number.
  i32 id() const { return __atomic_load_n(&id_, __ATOMIC_RELAXED); }
  Personality& personality() const { return personality_; }
  Process& process() const { return *process_; }
  /// The task that the calling thread is; the caller knows that it is one.
  static Task& current() { return *static_cast<Task*>(runtime::Thread::current().personality()); }

  // Of the task itself, while it runs: no lock.
  MemoryMap& memory() const { return *memory_; }
  UserMemory user() const { return UserMemory(*memory_); }
  FileTable& files() const { return *files_; }
  FileSystemContext& file_system() const { return *file_system_; }
  const Identity& identity() const { return credentials_->identity(); }
  bool may(Capability one) const { return identity().may(one); }
  Context& context() const { return *context_; }
  Registers& registers() const { return *registers_; }
  SignalSet blocked_signals() const { return blocked_; }
  /// No lock: true from attach to detach.
  bool is_traced() const { return __atomic_load_n(&traced_calls_, __ATOMIC_RELAXED) != nullptr; }
  RestartBlock& restart_block() { return restart_; }

  // For others (procfs, kill): references taken under the process's lock; empty after exit.
  Ref<MemoryMap> memory_of_other();
  Ref<FileTable> files_of_other();
  Ref<FileSystemContext> file_system_of_other();
  Ref<Credentials> credentials_of_other();
  /// The name for ps and /proc/PID/comm: at most 15 characters, then a zero.
  void copy_name(char (&to)[16]) const;
  void set_name(std::string_view name);
  /// R, S, T, Z: as /proc/PID/stat has it.
  char state() const;
  Nanoseconds run_time_ns() const;

  /// Sets attention bits and makes the task see them: ends its wait, or its run of user code.
  void alert(u32 attention);
  u32 attention() const { return __atomic_load_n(&attention_, __ATOMIC_SEQ_CST); }

  /// The body of the task's thread; never returns.
  [[noreturn]] void live();

 private:
  friend class Process;
  friend class ProcessTable;
  friend class JobControl;
  friend class Personality;
  friend struct TaskInternals;  // process/task_internals.h: clone, exec, exit, signals

  void dispatch_call(Registers& from);
  void handle_trap(TrapKind kind);
  void handle_page_fault(const Trap& trap);
  void handle_exception(const Trap& trap);
  [[gnu::noinline]] void note_interrupted_call(u64 number, i64 result);
  bool attend();
  void set_attention(u32 bits) { __atomic_fetch_or(&attention_, bits, __ATOMIC_SEQ_CST); }
  void clear_attention(u32 bits) { __atomic_fetch_and(&attention_, ~bits, __ATOMIC_SEQ_CST); }

  /// On a core, and beside it. Under the process's lock.
  Nanoseconds used_ns() const {
    return (thread_ ? thread_->run_time_ns() : 0) + (context_ ? context_->time_beside_ns() : 0);
  }

  // What the fast path touches, together.
  Ref<Context> context_;
  u32 attention_ = 0;               // atomic
  Registers* registers_ = nullptr;  // of context_
  const Handlers* calls_;           // atomic: the kernel's selection, or what judges calls first
  i32 id_ = 0;                      // changed once, by exec of a thread that did not lead
  Personality& personality_;
  Ref<Process> process_;
  Ref<MemoryMap> memory_;  // replaced by the task itself, under the process's lock
  Ref<FileTable> files_;   // likewise
  Ref<FileSystemContext> file_system_;
  Ref<Credentials> credentials_;
  Facts facts_;
  Ref<runtime::Thread> thread_;  // set by the thread itself before it first runs user code
  char name_[16] = {};

  // Signals; guarded by the process's lock, the masks written by the task alone.
  PendingSignals pending_;
  SignalSet blocked_ = 0;
  SignalSet waited_ = 0;  // sigtimedwait sleeps for these, though they are blocked
  SignalSet restored_mask_ = 0;
  bool restore_mask_ = false;  // sigsuspend and friends: take restored_mask_ on the way out
  AlternateStack alternate_stack_;
  RestartBlock restart_;
  i64 interrupted_call_ = -1;  // the number of the call that returned a restart code
  i64 restart_code_ = 0;       // and that code
  bool stopped_ = false;       // waits in stay_stopped(); guarded by the process's lock

  u64 clear_child_tid_ = 0, robust_list_ = 0, set_child_tid_ = 0;
  i32 parent_death_signal_ = 0;
  bool no_new_privileges_ = false;  // prctl(2): atomic, never cleared
  i32 exit_status_ = 0;             // as wait() has it, where it ends alone
  // What calls_ is chosen from: under the process's lock.
  const Handlers* traced_calls_ = nullptr;    // atomic; of a traced task
  const Handlers* filtered_calls_ = nullptr;  // atomic; of one with a filter
  Trace trace_;
  // seccomp(2): what its calls are judged by. Changed under the process's lock, by the task or (threads that
  // are brought into line) by another.
  Ref<SystemCallFilter> filter_;
  const SystemCallFilter* judge_ = nullptr;  // atomic; of filter_, or of an earlier one that filter_ holds
  FilterMode filter_mode_ = FilterMode::Off;
  Scheduling scheduling_;             // guarded by the process's lock
  VforkCompletion* vfork_ = nullptr;  // the parent waits there until exec or exit
  Nanoseconds start_ns_ = 0;
  u64 minor_faults_ = 0, major_faults_ = 0;

  boost::intrusive::set_member_hook<> table_hook_;     // ProcessTable, by id
  boost::intrusive::list_member_hook<> process_hook_;  // Process::tasks_
  boost::intrusive::list_member_hook<> tracee_hook_;   // Process::tracees_ of the tracer

 public:
  using TableHook =
      boost::intrusive::member_hook<Task, boost::intrusive::set_member_hook<>, &Task::table_hook_>;
  using ProcessHook =
      boost::intrusive::member_hook<Task, boost::intrusive::list_member_hook<>, &Task::process_hook_>;
  using TraceeHook =
      boost::intrusive::member_hook<Task, boost::intrusive::list_member_hook<>, &Task::tracee_hook_>;
};

}  // namespace vari::linux
