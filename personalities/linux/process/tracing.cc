// See tracing.h. What happens on the traced side, and how tracers come and go; the call itself is in
// calls/trace_calls.cc.
#include "personalities/linux/process/tracing.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr i32 event_stop(u32 event, int number = signal::kTrap) {
  return number | static_cast<i32>(event << 8);
}

}  // namespace

/// Order: what is chosen from is set before.
void TaskInternals::choose_calls_locked(Task& task) {
  const Handlers* chosen = task.traced_calls_     ? task.traced_calls_
                           : task.filtered_calls_ ? task.filtered_calls_
                                                  : &task.personality_.parts().selection.calls;
  __atomic_store_n(&task.calls_, chosen, __ATOMIC_RELEASE);
}

const Handlers& TaskInternals::calls_below_tracer(const Task& task) {
  const auto* filtered = __atomic_load_n(&task.filtered_calls_, __ATOMIC_ACQUIRE);
  return filtered ? *filtered : task.personality_.parts().selection.calls;
}

void TaskInternals::tell_tracer_locked(Task& task, int code, int status) {
  auto& tracer = *task.trace_.tracer;
  const auto action = tracer.handlers_->get(signal::kChild);
  if (action.handler != SignalAction::kIgnore &&
      (code != child_code::kTrapped || !(action.flags & SignalAction::kNoChildStop))) {
    Guard<SpinLock> guard(tracer.lock_);
    (void)deliver_locked(tracer, nullptr,
                         {.number = signal::kChild, .code = code, .pid = task.id(), .status = status},
                         nullptr);
  }
  tracer.child_events_.wake_all();
}

/// Killed: it must not stay stopped.
bool TaskInternals::is_hurried(const Task& task) {
  return !task.trace_.leaving && (task.attention() & (Task::kKilled | Task::kEnding)) != 0;
}

/// The last thing that a task does while it still has its memory and its registers.
void TaskInternals::stop_at_exit(Task& task) {
  if (!wants_event(task, trace_event::kExit) || !task.context_) return;
  auto& process = *task.process_;
  i32 status = 0;
  {
    Guard<SpinLock> guard(process.lock_);
    status = process.exiting_ ? process.exit_code_ : task.exit_status_;
  }
  task.trace_.leaving = true;
  stop_at_event(task, trace_event::kExit, static_cast<u64>(status));
}

/// The calling task stops and tells its tracer; returns when it is resumed, killed, or no longer traced.
/// False: it did not stop, or was not resumed by its tracer.
bool TaskInternals::trace_stop(Task& task, i32 status, const SignalInfo& info, u64 message,
                               const u64* group_round) {
  auto& table = task.personality_.processes();
  auto& trace = task.trace_;
  (void)task.context_->all_registers();  // the tracer reads and edits them all
  const auto begin_locked = [&](i32 stop) REQUIRES(table.lock_) {
    trace.state = Trace::State::Stopped;
    trace.status = stop;
    trace.told = trace.listening = false;
    trace.signal = 0;
    tell_tracer_locked(task, child_code::kTrapped, stop & 0xff);
  };
  u64 round = 0;
  bool by_tracer = false;
  {
    Guard<SpinLock> guard(table.lock_);
    if (!trace.tracer || is_hurried(task)) return false;
    // Its group has been continued since: nobody would tell it again.
    if (group_round && stop_round(*task.process_) != *group_round) return false;
    trace.info = info;
    trace.message = message;
    round = stop_round(*task.process_);
    begin_locked(status);
  }
  for (bool resumed = false; !resumed;) {
    TraceErrand* errand = nullptr;
    (void)trace.queue.wait_until(
        [&] {
          Guard<SpinLock> guard(table.lock_);
          if (trace.errand) return true;
          if (trace.busy) return false;
          return trace.state != Trace::State::Stopped || is_hurried(task) || listener_is_called(task, round);
        },
        kForever, runtime::Cancellation::Respect);
    // A signal that came meanwhile has left its bit, and is acted upon after the stop.
    runtime::Thread::current().clear_cancel();
    {
      Guard<SpinLock> guard(table.lock_);
      errand = trace.errand;
      if (!errand && !trace.busy) {
        resumed = trace.state != Trace::State::Stopped || is_hurried(task);
        if (!resumed && listener_is_called(task, round)) {
          task.clear_attention(Task::kTraceStop);
          const u64 now = stop_round(*task.process_);
          // Interrupted, it is still in its group's stop, and says so.
          begin_locked(now == round ? status : event_stop(trace_event::kStop));
          round = now;
        }
        if (resumed) {
          // In this section: a tracer that finds it stopped may give it errands, and it must carry them out.
          by_tracer = trace.state == Trace::State::Running && !is_hurried(task);
          trace.state = Trace::State::Running;
          trace.told = true;
        }
      }
    }
    if (!errand) continue;
    errand->carry_out();
    Guard<SpinLock> guard(table.lock_);
    trace.errand = nullptr;
    trace.queue.wake_all();
  }
  if (by_tracer && trace.tracer && trace.resume == Trace::Resume::Step) {
    task.registers_->rflags |= Trace::kTrapFlag;
    trace.stepping = true;
  } else {
    (void)end_stepping(task);
  }
  return by_tracer;
}

/// PTRACE_LISTEN: it stays stopped, until its group goes on or its tracer interrupts it.
bool TaskInternals::listener_is_called(Task& task, u64 round) {
  return task.trace_.listening &&
         (stop_round(*task.process_) != round || (task.attention() & Task::kTraceStop) != 0);
}

/// After a stop within a call: what came during it must still end a wait that is to follow.
void TaskInternals::renew_cancel(Task& task) {
  if (signal_pending(task) || (task.attention() & (Task::kTraceStop | Task::kKilled)) != 0)
    runtime::Thread::current().cancel();
}

/// A handler begins under a tracer that steps: it is told at the handler's first instruction (SINGLESTEP).
void TaskInternals::stop_at_handler(Task& task) {
  (void)trace_stop(task, signal::kTrap, {.number = signal::kTrap, .code = signal::kTrap});
}

bool TaskInternals::end_stepping(Task& task) {
  if (!std::exchange(task.trace_.stepping, false)) return false;
  task.registers_->rflags &= ~Trace::kTrapFlag;
  return true;
}

void TaskInternals::end_step(Task& task, u64 at) {
  constexpr int kTrace = 2;  // TRAP_TRACE
  (void)end_stepping(task);
  force_signal(task, {.number = signal::kTrap, .code = kTrace, .value = at});
}

u64 TaskInternals::stop_round(Process& process) {
  Guard<SpinLock> guard(process.lock_);
  return process.stop_round_;
}

/// Before a signal is acted upon. False: the tracer took it away.
bool TaskInternals::stop_for_signal(Task& task, SignalInfo& info) {
  if (!trace_stop(task, info.number, info)) return true;
  const int wanted = task.trace_.signal;
  if (wanted == 0) return false;
  if (wanted == info.number) {
    info = task.trace_.info;  // PTRACE_SETSIGINFO
    info.number = wanted;
  } else {
    info = {.number = wanted, .code = SignalInfo::kUser};
    auto& process = *task.process_;
    Guard<SpinLock> guard(process.lock_);
    if (kStopSignals & set_of(wanted)) process.stop_taken_ = true;
  }
  if (!(set_of(wanted) & task.blocked_)) return true;
  send_signal(task, info);
  return false;
}

/// PTRACE_INTERRUPT, and the first stop of a task that was attached at its birth.
void TaskInternals::stop_for_tracer(Task& task) {
  bool seized = false;
  {
    Guard<SpinLock> guard(task.personality_.processes().lock_);
    if (!task.trace_.tracer) return;
    seized = task.trace_.seized;
  }
  (void)trace_stop(task, seized ? event_stop(trace_event::kStop) : signal::kStop,
                   {.number = signal::kTrap, .code = event_stop(trace_event::kStop)});
}

/// The stop of a traced task's group in that round, if it is not over by now.
void TaskInternals::stop_with_group(Task& task, int number, u64 round) {
  bool seized = false;
  {
    Guard<SpinLock> guard(task.personality_.processes().lock_);
    seized = task.trace_.seized;
  }
  (void)trace_stop(task, seized ? event_stop(trace_event::kStop, number) : number,
                   {.number = seized ? signal::kTrap : number,
                    .code = seized ? event_stop(trace_event::kStop, number) : 0},
                   0, &round);
}

bool TaskInternals::wants_event(Task& task, u32 event) {
  if (!task.is_traced()) return false;
  Guard<SpinLock> guard(task.personality_.processes().lock_);
  return task.trace_.tracer && (task.trace_.options & 1 << event);
}

void TaskInternals::stop_at_event(Task& task, u32 event, u64 message) {
  (void)trace_stop(task, event_stop(event), {.number = signal::kTrap, .code = event_stop(event)}, message);
  renew_cancel(task);
}

/// After exec, whether the tracer asked for the event or not: it hears of it.
void TaskInternals::tell_of_exec(Task& task, i32 old_id) {
  if (!task.is_traced()) return;
  if (wants_event(task, trace_event::kExecute)) {
    stop_at_event(task, trace_event::kExecute, static_cast<u64>(old_id));
    return;
  }
  bool seized = false;
  {
    Guard<SpinLock> guard(task.personality_.processes().lock_);
    seized = task.trace_.seized;
  }
  if (!seized) send_signal(task, {.number = signal::kTrap, .pid = task.process_->id_});
}

void TaskInternals::link_tracer_locked(Task& task, Process& tracer, const TraceStart& start) {
  auto& trace = task.trace_;
  trace.tracer = &tracer;
  trace.state = Trace::State::Running;
  trace.resume = Trace::Resume::Go;
  trace.seized = start.seized;
  trace.privileged = start.privileged;
  trace.options = start.options;
  trace.told = true;
  trace.status = 0;
  task.acquire();
  tracer.tracees_.push_back(task);
  auto& process = *task.process_;
  if (task.id() == process.id_) process.traced_leader_ = &task;
  Guard<SpinLock> guard(process.lock_);
  __atomic_store_n(&task.traced_calls_, start.calls, __ATOMIC_RELEASE);
  choose_calls_locked(task);
}

/// The record goes; its reference is the caller's to release without locks. A stopped task goes on.
Ref<Task> TaskInternals::unlink_tracer_locked(Task& task, int number) {
  auto& trace = task.trace_;
  auto& process = *task.process_;
  trace.tracer->tracees_.erase(trace.tracer->tracees_.iterator_to(task));
  trace.tracer = nullptr;
  trace.options = 0;
  trace.signal = number;
  trace.resume = Trace::Resume::Go;
  trace.listening = false;
  if (process.traced_leader_ == &task) {
    process.traced_leader_ = nullptr;
  } else if (trace.state == Trace::State::Dead && --process.untold_ends_ == 0) {
    if (process.traced_leader_) process.traced_leader_->trace_.tracer->child_events_.wake_all();
    if (process.parent_) process.parent_->child_events_.wake_all();
  }
  {
    Guard<SpinLock> guard(process.lock_);
    __atomic_store_n(&task.traced_calls_, static_cast<const Handlers*>(nullptr), __ATOMIC_RELEASE);
    choose_calls_locked(task);
  }
  if (trace.state == Trace::State::Stopped) {
    trace.state = Trace::State::Running;
    trace.queue.wake_all();
  }
  return Ref<Task>::adopt(&task);
}

/// A child of a traced task, where its tracer wants that; before it runs.
void TaskInternals::inherit_tracer(Task& parent, Task& child, u32 event, u64 flags) {
  if (!parent.is_traced() || (flags & CloneRequest::kUntraced)) return;
  auto& table = parent.personality_.processes();
  Guard<SpinLock> guard(table.lock_);
  const auto& trace = parent.trace_;
  // It can be found already: another may have attached to it.
  if (child.trace_.tracer || !trace.tracer || trace.tracer->life_ != Process::Life::Running) return;
  if (!(trace.options & 1 << event) && !(flags & CloneRequest::kTrace)) return;
  link_tracer_locked(child, *trace.tracer,
                     {parent.traced_calls_, trace.options, trace.seized, trace.privileged});
  child.set_attention(Task::kTraceStop | Task::kFiltered);
}

/// A thread that does not lead its process ends: its tracer hears of it.
void TaskInternals::tell_tracer_of_end_locked(Task& task, Process& process) {
  auto& trace = task.trace_;
  if (!trace.tracer || process.traced_leader_ == &task) return;
  {
    Guard<SpinLock> guard(process.lock_);
    trace.status = process.exiting_ ? process.exit_code_ : task.exit_status_;
  }
  trace.state = Trace::State::Dead;
  trace.told = false;
  ++process.untold_ends_;
  tell_tracer_locked(task, child_code::kExited, trace.status >> 8 & 0xff);
}

/// The process has died. True: another process traces it, and its parent is not told yet.
bool TaskInternals::withhold_death_locked(Process& process, Ref<Task>& record) {
  Task* leader = process.traced_leader_;
  if (!leader) return false;
  if (leader->trace_.tracer == process.parent_) {
    record = unlink_tracer_locked(*leader, 0);
    return false;
  }
  process.withheld_ = true;
  leader->trace_.state = Trace::State::Dead;
  leader->trace_.status = process.exit_status_;
  leader->trace_.told = false;
  tell_tracer_locked(*leader, child_code::kExited, process.exit_status_ >> 8 & 0xff);
  return true;
}

namespace {

bool matches_tracee(const WaitRequest& request, i32 id, i32 group) {
  switch (request.of) {
    case WaitRequest::Of::Process: return id == request.id;
    case WaitRequest::Of::Group: return group == request.id;
    case WaitRequest::Of::Any: break;
  }
  return true;
}

}  // namespace

/// One look through the tasks that `tracer` traces. True: something is reported.
bool TaskInternals::scan_tracees_locked(ProcessTable& table, Process& tracer, const WaitRequest& request,
                                        WaitResult& result, bool& any, Leavings& leavings) {
  constexpr i32 kStoppedMark = 0x7f;
  for (auto& task : tracer.tracees_) {
    auto& trace = task.trace_;
    auto& process = *task.process_;
    if (!matches_tracee(request, task.id(), process.group_ ? process.group_->id() : 0)) continue;
    any = true;
    if (trace.told) continue;
    const bool keep = (request.options & WaitRequest::kNoReap) != 0;
    const bool dead = trace.state == Trace::State::Dead;
    if (dead && !(request.options & WaitRequest::kExited)) continue;
    const bool whole = process.withheld_ && process.traced_leader_ == &task;
    if (whole && process.untold_ends_ != 0) continue;
    result.pid = task.id();
    result.user = task.credentials_ ? task.credentials_->identity().user : 0;
    result.status = dead ? trace.status : trace.status << 8 | kStoppedMark;
    result.traced = !dead;
    if (keep) return true;
    trace.told = true;
    if (!dead) return true;
    leavings.record = unlink_tracer_locked(task, 0);
    if (whole) {
      process.withheld_ = false;
      tell_parent_of_death_locked(table, process, leavings);
    }
    return true;
  }
  return false;
}

/// The tracer has ended: its tracees go on, or are killed where that was wanted.
void TaskInternals::release_tracees(Process& tracer) {
  auto& table = tracer.personality_.processes();
  for (bool more = true; more;) {
    Leavings leavings;
    {
      Guard<SpinLock> guard(table.lock_);
      more = !tracer.tracees_.empty();
      if (!more) return;
      auto& task = tracer.tracees_.front();
      auto& process = *task.process_;
      const bool kill = (task.trace_.options & TraceOptions::kKillWithTracer) != 0;
      const bool whole = process.withheld_ && process.traced_leader_ == &task;
      leavings.record = unlink_tracer_locked(task, 0);
      if (whole) {
        process.withheld_ = false;
        tell_parent_of_death_locked(table, process, leavings);
      } else if (kill) {
        begin_group_exit(process, signal::kKill);
      }
    }
  }
}

runtime::SpinLock& TaskInternals::table_lock(Task& task) {
  return task.personality_.processes().lock_;
}

Task* TaskInternals::tracee_locked(Process& tracer, i32 tid) {
  for (auto& task : tracer.tracees_) {
    if (task.id() == tid) return &task;
  }
  return nullptr;
}

bool TaskInternals::is_member(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  return task.process_hook_.is_linked();
}

/// Its stopped tasks look anew whether they are traced.
void TaskInternals::recall_stopped(Process& process) {
  process.continued_.wake_all();
}

void TaskInternals::disturb(Task& task, u32 attention) {
  Guard<SpinLock> guard(task.process_->lock_);
  if (task.process_hook_.is_linked()) task.alert(attention);
}

}  // namespace vari::linux
