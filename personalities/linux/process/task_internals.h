// What the parts of a task's life do to tasks and processes behind their public faces: clone, exec, exit,
// wait, signals. One struct, so that friendship is granted once; each group of functions has a file of
// its own, named beside it.
#pragma once

#include <functional>

#include "personalities/linux/process/process.h"
#include "personalities/linux/process/process_table.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

struct CloneRequest {
  static constexpr u64 kMemory = 0x100, kFileSystem = 0x200, kFiles = 0x400, kHandlers = 0x800,
                       kPidDescriptor = 0x1000, kTrace = 0x2000, kVfork = 0x4000, kParent = 0x8000,
                       kThread = 0x10000, kNewMounts = 0x20000, kSystemVSemaphores = 0x40000,
                       kSetTls = 0x80000, kParentSetTid = 0x100000, kChildClearTid = 0x200000,
                       kDetached = 0x400000, kUntraced = 0x800000, kChildSetTid = 0x1000000,
                       kClearHandlers = 0x100000000, kNamespaces = 0x7e000000 | kNewMounts;
  u64 flags = 0;
  u64 stack = 0;  // 0: the parent's
  u64 parent_tid = 0, child_tid = 0, tls = 0;
  int exit_signal = 0;
  u64 pid_descriptor = 0;  // where its number is to be written (kPidDescriptor)
};

struct WaitRequest {
  static constexpr u32 kNoHang = 1, kStopped = 2, kExited = 4, kContinued = 8, kNoReap = 0x0100'0000,
                       kNoThread = 0x2000'0000, kAll = 0x4000'0000, kClone = 0x8000'0000;
  enum class Of : u8 { Any, Process, Group } of = Of::Any;
  i32 id = 0;
  u32 options = 0;
};
struct WaitResult {
  i32 pid = 0;  // 0: none has anything to report (kNoHang)
  u32 user = 0;
  i32 status = 0;  // as wait4 reports it
  Usage usage;
  bool traced = false;  // a stop that is told to a tracer
};

/// How a task becomes traced.
struct TraceStart {
  const Handlers* calls;  // what its calls go through
  u32 options;
  bool seized;
  bool privileged;  // who wanted it may trace any (Capability::Trace)
};

/// The parent of a vforked child sleeps on this until the child needs its memory no longer.
class VforkCompletion {
 public:
  void complete() {
    __atomic_store_n(&done_, true, __ATOMIC_SEQ_CST);
    queue_.wake_all();
  }
  bool done() const { return __atomic_load_n(&done_, __ATOMIC_SEQ_CST); }
  runtime::WaitQueue& queue() { return queue_; }

 private:
  bool done_ = false;
  runtime::WaitQueue queue_;
};

class ProgramImage;

struct TaskInternals {
  // clone.cc
  static LinuxResult<i32> clone(Task& parent, const CloneRequest& request);
  /// A task with no program yet, in a process of its own; for init and the first program.
  static LinuxResult<Ref<Task>> create_bare(Personality& personality, std::string_view name);
  /// Makes it findable, as a child of `parent`; Again: no number is left.
  static LinuxResult<i32> publish(Task& task, Task* creator, Process* parent, const CloneRequest& request);
  static void unpublish(Task& task);
  static void adopt_thread(Task& task);
  /// The calling task gets a descriptor table of its own.
  static LinuxResult<> unshare_files(Task& task);
  static LinuxResult<> share_or_copy(Task& parent, Task& child, const CloneRequest& request);
  static void inherit_filter_locked(const Task& parent, Task& child);
  static LinuxResult<Ref<Process>> process_for_child(Task& parent, const CloneRequest& request);
  static void await_vfork(Task& parent, VforkCompletion& completion);
  static void complete_vfork(Task& task);
  static bool detach_vfork(Task& parent, VforkCompletion& completion);
  static LinuxResult<> start_thread(Task& task, runtime::Thread::Entry entry, Task* creator = nullptr);

  static LinuxResult<i32> add_pid_file(Task& parent, Process& child, const CloneRequest& request);
  static LinuxResult<> unshare(Task& task, u64 flags);

  // exit.cc
  /// All tasks of the process are to end; the first code counts. As wait() reports it.
  static void begin_group_exit(Process& process, i32 wait_status);
  static void begin_group_exit_locked(Process& process, i32 wait_status);
  /// The calling task alone is to end, when its call returns.
  static void exit_one(Task& task, i32 wait_status);
  /// The calling task ends; what it held is released. Never returns, never allocates.
  [[noreturn]] static void end(Task& task);
  static void release_memory_users(Task& task);
  static void release_resources(Task& task);
  static void leave_process(Task& task);
  /// What is to be released once no lock is held.
  struct Leavings {
    Ref<runtime::Thread> thread;
    Ref<ControllingTerminal> terminal;
    Ref<Process> process;
    Ref<ProcessGroup> group;
    Ref<Task> record;
    ProcessTimers* timers = nullptr;
    SignalQueue spent;
  };
  static void tell_parent_of_death_locked(ProcessTable& table, Process& process, Leavings& leavings)
      REQUIRES(table.lock_);
  static void process_dies_locked(ProcessTable& table, Process& process, Leavings& leavings)
      REQUIRES(table.lock_);
  static void tell_exit_locked(Process& process, Process& parent);
  static void set_parent_locked(Process& process, Process* parent);
  static void reparent_children_locked(ProcessTable& table, Process& process) REQUIRES(table.lock_);
  static bool is_orphaned_locked(ProcessTable& table, const ProcessGroup& group, const Process* ignoring)
      REQUIRES(table.lock_);
  static bool has_stopped_member_locked(const ProcessGroup& group);
  static void hang_up_if_orphaned_locked(ProcessTable& table, Process& member, Process* parent,
                                         const Process* ignoring) REQUIRES(table.lock_);
  /// Takes a dead process out of the tables; the table's reference is the caller's to release.
  [[nodiscard]] static Ref<Process> unlink_locked(ProcessTable& table, Process& process,
                                                  Ref<ProcessGroup>& group) REQUIRES(table.lock_);
  static void set_group_locked(ProcessTable& table, Process& process, Ref<ProcessGroup> group,
                               Ref<ProcessGroup>& released) REQUIRES(table.lock_);
  // out_of_memory.cc
  /// The calling task could not get a page: somebody must go. Returns when the fault may be tried again.
  static void out_of_memory(Task& task);
  static bool is_exiting(Process& process);

  // calls/task_calls.cc
  static void set_clear_child_tid(Task& task, u64 address);
  static u64& robust_list(Task& task);
  static LinuxResult<u64> control(Task& task, const Arguments& arguments);
  static LinuxResult<u64> control_process(Task& task, u32 option, u64 value);
  static LinuxResult<u64> control_capabilities(Task& task, const Arguments& arguments);
  static ProcessSettings& settings(Process& process);
  static Usage usage_of(Task& task);
  static bool has_no_new_privileges(const Task& task) {
    return __atomic_load_n(&task.no_new_privileges_, __ATOMIC_RELAXED);
  }
  // calls/filter_calls.cc
  struct Filters {
    FilterMode mode = FilterMode::Off;
    u32 count = 0;
  };
  static Filters filters(Task& task);
  static void filter_strictly(Task& task);
  /// `all`: the process's other tasks, too; the id of one that can't follow, or 0.
  static LinuxResult<i32> add_filter(Task& task, Ref<SystemCallFilter> filter, bool all);
  static void install_filter_locked(Task& task, Ref<SystemCallFilter> filter);
  /// Null where a task that is judged has none: it is judged strictly.
  static const SystemCallFilter* filter_of(const Task& task);
  /// Calls that the place answers itself are judged, too.
  static void stop_fact_calls(Task& task);
  // calls/time_calls.cc
  static ProcessTimers* timers(Process& process);
  /// The signal waits, for that task or (null) for the process.
  static bool is_pending(Process& process, Task* task, int number);
  static LinuxResult<std::reference_wrapper<ProcessTimers>> make_timers(Process& process);
  // calls/identity_calls.cc
  static LinuxResult<> set_identity(Task& task, const Identity& identity);
  // calls/resource_calls.cc, schedule_calls.cc
  static LinuxResult<Limit> change_limit(Process& process, Resource resource, const Limit* wanted,
                                         bool privileged);
  static void set_nice(Process& process, i32 nice);
  static Scheduling scheduling(Task& task);
  static void set_scheduling(Task& task, const Scheduling& wanted);
  static i32 urgency(Task& task);
  /// Lets `owner` run as urgently as `waiter`, until it gives that back.
  static void lend_priority(Task& waiter, Task& owner);
  static void give_priority_back(Task& task);
  static LinuxResult<> set_affinity(Task& task, const runtime::CpuSet& set);
  static runtime::CpuSet affinity(Task& task);

  // wait.cc
  static LinuxResult<WaitResult> wait(Task& caller, const WaitRequest& request);
  static bool scan_children(Process& parent, const WaitRequest& request, WaitResult& result, bool& any);
  static bool report_child_locked(Process& child, const WaitRequest& request, WaitResult& result);

  // tracing.cc
  static void choose_calls_locked(Task& task);
  /// What a traced task's calls are carried out by.
  static const Handlers& calls_below_tracer(const Task& task);
  static void tell_tracer_locked(Task& task, int code, int status);
  /// With `group_round`: the stop of the task's group in that round, which may be over.
  static bool trace_stop(Task& task, i32 status, const SignalInfo& info, u64 message = 0,
                         const u64* group_round = nullptr);
  static bool listener_is_called(Task& task, u64 round);
  static void renew_cancel(Task& task);
  static void stop_at_handler(Task& task);
  static bool end_stepping(Task& task);
  static bool is_member(Task& task);
  static void recall_stopped(Process& process);
  static u64 stop_round(Process& process);
  static bool is_hurried(const Task& task);
  static void stop_at_exit(Task& task);
  static bool stop_for_signal(Task& task, SignalInfo& info);
  static void stop_for_tracer(Task& task);
  /// A single step, a tracer's or the program's own, is done.
  static void end_step(Task& task, u64 at);
  static void stop_with_group(Task& task, int number, u64 round);
  static bool wants_event(Task& task, u32 event);
  static void stop_at_event(Task& task, u32 event, u64 message);
  static void tell_of_exec(Task& task, i32 old_id);
  static void link_tracer_locked(Task& task, Process& tracer, const TraceStart& start);
  [[nodiscard]] static Ref<Task> unlink_tracer_locked(Task& task, int number);
  static void inherit_tracer(Task& parent, Task& child, u32 event, u64 flags);
  static void tell_tracer_of_end_locked(Task& task, Process& process);
  static bool withhold_death_locked(Process& process, Ref<Task>& record);
  static bool scan_tracees_locked(ProcessTable& table, Process& tracer, const WaitRequest& request,
                                  WaitResult& result, bool& any, Leavings& leavings) REQUIRES(table.lock_);
  static void release_tracees(Process& tracer);
  // calls/trace_calls.cc
  static Trace& trace(Task& task) { return task.trace_; }
  static runtime::SpinLock& table_lock(Task& task);
  static Process* parent_locked(Process& process) { return process.parent_; }
  /// Null: that process does not trace such a task.
  static Task* tracee_locked(Process& tracer, i32 tid);
  /// Makes the task see an attention bit, if it lives.
  static void disturb(Task& task, u32 attention);
  // calls/traced_calls.cc
  static const Handlers& traced_calls();
  // process/traced_registers.cc
  static i64 current_call(const Task& task);
  static void set_current_call(Task& task, i64 number);

  // init.cc
  static LinuxResult<> start_init(Personality& personality);
  static void stop_init(Personality& personality);
  [[noreturn]] static void init_main(Task& init);
  [[noreturn]] static void first_main(Task& task);
  static LinuxResult<> start_first_program(Task& init);
  static LinuxResult<> prepare_first_program(Task& task);

  // shutdown.cc
  /// A signal to init: notes it if it asks for a shutdown; all others vanish.
  static void ask_for_shutdown_locked(Process& init, int number);
  /// The signal that asked, or 0. It is forgotten.
  static int take_shutdown(Process& init);
  /// Ends all programs and leaves the machine as the signal says. Returns if the machine does not obey.
  static void shut_down(Task& init, int number);

  // execute.cc
  static LinuxResult<> execute(Task& task, ProgramImage& image);
  static LinuxResult<> become_only_task(Task& task);

  // signals/send.cc
  static bool deliver_locked(Process& process, Task* task, const SignalInfo& info, QueuedSignal* entry);
  static LinuxResult<> queue(Process& process, Task* task, const SignalInfo& info);
  static void force(Task& task, const SignalInfo& info);
  static u32 signal_group(ProcessTable& table, i32 group_id, const SignalInfo& info);
  static u32 signal_group_locked(ProcessGroup& group, const SignalInfo& info);
  static void wake_for_locked(Process& process, Task* task, int number);
  static void prepare_locked(Process& process, int number);
  static void notify_parent_locked(Process& process, int code, int status);
  static void discard_ignored(Process& process, SignalSet signals);
  /// Under the process's lock: the signals that the task could act upon now.
  static SignalSet deliverable_locked(const Task& task);
  static void set_mask(Task& task, SignalSet mask);
  static void replace_mask_until_return(Task& task, SignalSet mask);
  static void set_waited(Task& task, SignalSet signals);
  static SignalSet pending(Task& task);
  static LinuxResult<> set_alternate_stack(Task& task, u64 stack_address, u64 old_address);

  // signals/deliver.cc
  static bool act_on_signals(Task& task, bool& handler_ran);
  static bool take_signal(Task& task, SignalSet wanted, SignalInfo& info);
  static void restart_interrupted_call(Task& task);
  static void settle_interrupted_call(Task& task, const SignalAction& action);
  // signals/stop.cc
  static bool begin_stop(Task& task, int number);
  static void stay_stopped(Task& task);
  static void leave_stop(Task& task, u64 round);
  static bool stop_is_complete_locked(Process& process);
  static void tell_stopped(Process& process, int number);

  // signals/frame.cc
  static LinuxResult<> push_frame(Task& task, const SignalInfo& info, const SignalAction& action);
  static LinuxResult<> pop_frame(Task& task);
};

}  // namespace vari::linux
