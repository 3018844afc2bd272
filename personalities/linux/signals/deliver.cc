// What a task does about its signals before it returns to user code: ignore, stop, die, or lay out a
// handler's frame; and whether the call that a signal ended is run again.
#include <string_view>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/signals/fault_report.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr u64 kRestartSystemCall = 219;
constexpr u64 kCallInstructionBytes = 2;

}  // namespace

/// No handler ran: all restart codes mean "again".
void TaskInternals::restart_interrupted_call(Task& task) {
  auto& registers = *task.registers_;
  registers.rip -= kCallInstructionBytes;
  registers.rax = static_cast<Errno>(-task.restart_code_) == Errno::RestartBlock
                      ? kRestartSystemCall
                      : static_cast<u64>(task.interrupted_call_);
  task.interrupted_call_ = -1;
}

/// A handler is about to run: the action and the code decide.
void TaskInternals::settle_interrupted_call(Task& task, const SignalAction& action) {
  if (task.interrupted_call_ < 0) return;
  auto& registers = *task.registers_;
  const auto code = static_cast<Errno>(-task.restart_code_);
  const bool again = code == Errno::RestartAlways ||
                     (code == Errno::RestartIfHandlerSays && (action.flags & SignalAction::kRestart));
  if (again) {
    registers.rip -= kCallInstructionBytes;
    registers.rax = static_cast<u64>(task.interrupted_call_);
  } else {
    registers.rax = static_cast<u64>(failure(Errno::Interrupted));
  }
  task.interrupted_call_ = -1;
}

/// Takes out the next of the wanted signals; false: there is none.
bool TaskInternals::take_signal(Task& task, SignalSet wanted, SignalInfo& info) {
  SignalQueue spent;
  ProcessTimers* timers = nullptr;  // stays: only the process's last task takes them away
  auto& process = *task.process_;
  {
    Guard<SpinLock> guard(process.lock_);
    timers = process.timers_;
    if (task.pending_.set() & wanted) {
      info = task.pending_.take(wanted, spent);
    } else if (process.pending_.set() & wanted) {
      info = process.pending_.take(wanted, spent);
    } else {
      return false;
    }
    if (kStopSignals & set_of(info.number)) process.stop_taken_ = true;
  }
  free_queue(spent);
  if (info.code == SignalInfo::kTimer && timers) timers->posix().delivered(info);
  return true;
}

/// False: the task is to end.
bool TaskInternals::act_on_signals(Task& task, bool& handler_ran) {
  auto& process = *task.process_;
  SignalInfo info;
  while (take_signal(task, ~task.blocked_, info)) {
    if (slowpath(task.is_traced()) && info.number != signal::kKill && !stop_for_signal(task, info)) continue;
    const auto bit = set_of(info.number);
    const auto action = process.handlers_->get(info.number);
    if (action.handler == SignalAction::kIgnore) continue;
    if (action.handler == SignalAction::kDefault) {
      if (bit & kIgnoredByDefault) continue;
      if (bit & kStopSignals) {
        if (begin_stop(task, info.number)) return true;  // the caller looks at kStop
        continue;
      }
      report_fault(task, info);
      begin_group_exit(process, info.number);
      return false;
    }
    settle_interrupted_call(task, action);
    // The tracer's trap flag must not be in the frame: sigreturn would set it again.
    const bool stepped = end_stepping(task);
    if (action.flags & SignalAction::kResetHandler) process.handlers_->set(info.number, {});
    if (!push_frame(task, info, action).has_value()) {
      if (info.number == signal::kSegmentation) {
        begin_group_exit(process, signal::kSegmentation);
        return false;
      }
      force(task, SignalInfo::from_kernel(signal::kSegmentation));
      continue;
    }
    handler_ran = true;
    task.restore_mask_ = false;
    SignalSet mask = task.blocked_ | action.mask;
    if (!(action.flags & SignalAction::kNoDefer)) mask |= bit;
    set_mask(task, mask);
    if (slowpath(stepped)) stop_at_handler(task);
  }
  return true;
}

/// All that can keep a task from its user code. False: it is to end.
bool Task::attend() {
  bool handler_ran = false;
  for (;;) {
    // Order: forget cancellations first, then look: a signal that comes in between leaves its bit.
    runtime::Thread::current().clear_cancel();
    const u32 bits =
        __atomic_fetch_and(&attention_, ~(kSignal | kRestart | kFiltered | kTraceStop), __ATOMIC_SEQ_CST);
    if (bits & (kKilled | kEnding)) return false;
    if (bits & kFiltered) TaskInternals::stop_fact_calls(*this);
    if (bits & kTraceStop) TaskInternals::stop_for_tracer(*this);
    if (bits & kStop) TaskInternals::stay_stopped(*this);
    if ((bits & kSignal) && !TaskInternals::act_on_signals(*this, handler_ran)) return false;
    if (attention() != 0) continue;
    if (!restore_mask_) break;
    restore_mask_ = false;
    TaskInternals::set_mask(*this, restored_mask_);
  }
  if (interrupted_call_ >= 0 && !handler_ran) TaskInternals::restart_interrupted_call(*this);
  interrupted_call_ = -1;
  return true;
}

}  // namespace vari::linux
