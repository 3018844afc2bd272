// The signal calls: actions, masks, sending, waiting.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/signal_helpers.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/signals/frame.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

bool may_signal(Task& task, Process& target, int number) {
  const auto& own = task.identity();
  if (own.may(Capability::Kill) || &task.process() == &target) return true;
  if (number == signal::kContinue && task.process().session_id() == target.session_id()) return true;
  const auto other = target.identity();
  return own.effective_user == other.user || own.effective_user == other.saved_user ||
         own.user == other.user || own.user == other.saved_user;
}

SignalInfo signal_info_from(Task& task, int number, int code) {
  return {.number = number, .code = code, .pid = task.process().id(), .uid = task.identity().user};
}

LinuxResult<SignalInfo> signal_info_of_user(Task& task, int number, u64 address, bool to_itself) {
  const auto given = TRY(task.user().read<frame::Info>(address));
  if (!to_itself && (given.code >= 0 || given.code == SignalInfo::kThread))
    return std::unexpected(Errno::Perm);
  return SignalInfo{.number = number,
                    .code = given.code,
                    .error = given.error,
                    .pid = given.user.pid,
                    .uid = given.user.uid,
                    .value = given.user.value};
}

namespace {

constexpr u64 kSetBytes = sizeof(SignalSet);

LinuxResult<> set_action(Task& task, int number, u64 action_address, u64 old_address) {
  auto& process = task.process();
  auto& handlers = process.handlers();
  SignalAction action;  // the new one, then the previous one
  if (action_address) {
    TRY(task.user().copy_in(&action, action_address, sizeof action));
    if (set_of(number) & kUnblockable) return std::unexpected(Errno::Invalid);
    action.mask &= ~kUnblockable;
    handlers.exchange(number, action);
    if (handlers.ignored() & set_of(number)) TaskInternals::discard_ignored(process, set_of(number));
  } else {
    action = handlers.get(number);
  }
  if (old_address) TRY(task.user().write(old_address, action));
  return {};
}

LinuxResult<> change_mask(Task& task, u64 how, u64 set_address, u64 old_address) {
  const SignalSet old = task.blocked_signals();
  if (set_address) {
    const auto set = TRY(task.user().read<SignalSet>(set_address));
    switch (how) {
      case 0: TaskInternals::set_mask(task, old | set); break;
      case 1: TaskInternals::set_mask(task, old & ~set); break;
      case 2: TaskInternals::set_mask(task, set); break;
      default: return std::unexpected(Errno::Invalid);
    }
  }
  if (old_address) TRY(task.user().write(old_address, old));
  return {};
}

/// Signals each process that `chosen` accepts; as kill() does for many.
template <class Chosen>
LinuxResult<> signal_many(Task& task, const SignalInfo& info, Chosen chosen) {
  bool found = false, allowed = false;
  auto& table = task.personality().processes();
  for (i32 at = 1;;) {
    const auto process = table.next(at);
    if (!process) break;
    at = process->id();
    if (!chosen(*process)) continue;
    found = true;
    if (!may_signal(task, *process, info.number)) continue;
    allowed = true;
    if (info.number) send_signal(*process, info);
  }
  if (!found) return std::unexpected(Errno::NoProcess);
  if (!allowed) return std::unexpected(Errno::Perm);
  return {};
}

LinuxResult<> signal_processes(Task& task, i32 pid, const SignalInfo& info) {
  if (info.number < 0 || info.number > signal::kCount) return std::unexpected(Errno::Invalid);
  if (pid > 0) {
    const auto process = task.personality().processes().find(pid);
    if (!process) return std::unexpected(Errno::NoProcess);
    if (!may_signal(task, *process, info.number)) return std::unexpected(Errno::Perm);
    if (info.number == 0) return {};
    return queue_signal(*process, info);
  }
  if (pid == -1)
    return signal_many(task, info, [&](Process& process) { return &process != &task.process(); });
  if (pid == INT32_MIN) return std::unexpected(Errno::NoProcess);
  const i32 group = pid == 0 ? task.process().group_id() : -pid;
  // The signals of who may signal all to a group go to all at once; others' need a look at each member.
  if (task.may(Capability::Kill) && info.number) {
    if (signal_group(task.personality(), group, info) == 0) return std::unexpected(Errno::NoProcess);
    return {};
  }
  return signal_many(task, info, [&](Process& process) { return process.group_id() == group; });
}

LinuxResult<> signal_task(Task& task, i32 group, i32 tid, const SignalInfo& info) {
  if (tid <= 0 || info.number < 0 || info.number > signal::kCount) return std::unexpected(Errno::Invalid);
  const auto target = task.personality().processes().find_task(tid);
  if (!target || (group && target->process().id() != group)) return std::unexpected(Errno::NoProcess);
  if (!may_signal(task, target->process(), info.number)) return std::unexpected(Errno::Perm);
  if (info.number == 0) return {};
  return queue_signal(*target, info);
}

LinuxResult<u64> wait_for_signal(Task& task, u64 set_address, u64 info_address, u64 timeout_address) {
  auto wanted = TRY(task.user().read<SignalSet>(set_address)) & ~kUnblockable;
  Nanoseconds deadline = kForever;
  if (timeout_address) {
    const auto timeout = TRY(task.user().read<TimeSpec>(timeout_address));
    if (!timeout.valid()) return std::unexpected(Errno::Invalid);
    deadline = task.personality().place().monotonic_ns() + timeout.total();
  }
  SignalInfo info;
  if (!TaskInternals::take_signal(task, wanted, info)) {
    if (timeout_address && deadline <= task.personality().place().monotonic_ns())
      return std::unexpected(Errno::Again);
    // Still blocked, but senders wake this task for them.
    TaskInternals::set_waited(task, wanted);
    runtime::WaitQueue nobody;
    bool got = TaskInternals::take_signal(task, wanted, info);
    Result<> slept;
    if (!got) {
      slept = nobody.wait_until([] { return false; }, deadline, runtime::Cancellation::Respect);
      got = TaskInternals::take_signal(task, wanted, info);
    }
    TaskInternals::set_waited(task, 0);
    if (!got)
      return std::unexpected(slept.error() == Error::TimedOut ? Errno::Again : Errno::RestartUnlessHandler);
  }
  if (info_address) TRY(task.user().write(info_address, frame::encode(info)));
  return static_cast<u64>(info.number);
}

}  // namespace

LinuxResult<> set_temporary_mask(Task& task, u64 address, u64 bytes) {
  if (!address) return {};
  if (bytes != sizeof(SignalSet)) return std::unexpected(Errno::Invalid);
  TaskInternals::replace_mask_until_return(task, TRY(task.user().read<SignalSet>(address)));
  return {};
}

LinuxResult<> set_temporary_mask_at(Task& task, u64 pair) {
  struct Mask {
    u64 address, bytes;
  };
  if (!pair) return {};
  const auto mask = TRY(task.user().read<Mask>(pair));
  return set_temporary_mask(task, mask.address, mask.bytes);
}

i64 call_rt_sigaction(Task& task, const Arguments& arguments) {
  const auto number = static_cast<int>(arguments.a[0]);
  if (arguments.a[3] != kSetBytes || !signal::valid(number)) return failure(Errno::Invalid);
  return to_return_value(set_action(task, number, arguments.a[1], arguments.a[2]));
}

i64 call_rt_sigprocmask(Task& task, const Arguments& arguments) {
  if (arguments.a[3] != kSetBytes) return failure(Errno::Invalid);
  return to_return_value(change_mask(task, static_cast<u32>(arguments.a[0]), arguments.a[1], arguments.a[2]));
}

/// The result is what the interrupted code had in rax.
i64 call_rt_sigreturn(Task& task, const Arguments&) {
  if (!TaskInternals::pop_frame(task).has_value())
    force_signal(task, SignalInfo::from_kernel(signal::kSegmentation));
  return static_cast<i64>(task.registers().rax);
}

i64 call_restart_syscall(Task& task, const Arguments&) {
  const auto block = std::exchange(task.restart_block(), RestartBlock{});
  return block.resume ? block.resume(task, block) : failure(Errno::Interrupted);
}

i64 call_pause(Task&, const Arguments&) {
  runtime::WaitQueue nobody;
  (void)nobody.wait_until([] { return false; }, kForever, runtime::Cancellation::Respect);
  return failure(Errno::RestartUnlessHandler);
}

i64 call_rt_sigsuspend(Task& task, const Arguments& arguments) {
  if (arguments.a[1] != kSetBytes) return failure(Errno::Invalid);
  const auto mask = task.user().read<SignalSet>(arguments.a[0]);
  if (!mask.has_value()) return failure(Errno::Fault);
  TaskInternals::replace_mask_until_return(task, *mask);
  runtime::WaitQueue nobody;
  (void)nobody.wait_until([&] { return signal_pending(task); }, kForever, runtime::Cancellation::Respect);
  return failure(Errno::RestartUnlessHandler);
}

i64 call_rt_sigpending(Task& task, const Arguments& arguments) {
  if (arguments.a[1] > kSetBytes) return failure(Errno::Invalid);
  const SignalSet pending = TaskInternals::pending(task) & task.blocked_signals();
  return to_return_value(task.user().copy_out(arguments.a[0], &pending, arguments.a[1]));
}

i64 call_rt_sigtimedwait(Task& task, const Arguments& arguments) {
  if (arguments.a[3] != kSetBytes) return failure(Errno::Invalid);
  return to_return_value(wait_for_signal(task, arguments.a[0], arguments.a[1], arguments.a[2]));
}

i64 call_kill(Task& task, const Arguments& arguments) {
  const auto number = static_cast<int>(arguments.a[1]);
  return to_return_value(signal_processes(task, static_cast<i32>(arguments.a[0]),
                                          signal_info_from(task, number, SignalInfo::kUser)));
}

i64 call_tkill(Task& task, const Arguments& arguments) {
  const auto number = static_cast<int>(arguments.a[1]);
  return to_return_value(signal_task(task, 0, static_cast<i32>(arguments.a[0]),
                                     signal_info_from(task, number, SignalInfo::kThread)));
}

i64 call_tgkill(Task& task, const Arguments& arguments) {
  const auto number = static_cast<int>(arguments.a[2]);
  if (static_cast<i32>(arguments.a[0]) <= 0) return failure(Errno::Invalid);
  return to_return_value(signal_task(task, static_cast<i32>(arguments.a[0]), static_cast<i32>(arguments.a[1]),
                                     signal_info_from(task, number, SignalInfo::kThread)));
}

i64 call_rt_sigqueueinfo(Task& task, const Arguments& arguments) {
  const auto pid = static_cast<i32>(arguments.a[0]);
  const auto info =
      signal_info_of_user(task, static_cast<int>(arguments.a[1]), arguments.a[2], pid == task.process().id());
  if (!info.has_value()) return failure(info.error());
  if (pid <= 0) return failure(Errno::NoProcess);
  return to_return_value(signal_processes(task, pid, *info));
}

i64 call_rt_tgsigqueueinfo(Task& task, const Arguments& arguments) {
  const auto group = static_cast<i32>(arguments.a[0]), tid = static_cast<i32>(arguments.a[1]);
  if (group <= 0) return failure(Errno::Invalid);
  const auto info = signal_info_of_user(task, static_cast<int>(arguments.a[2]), arguments.a[3],
                                        group == task.process().id());
  if (!info.has_value()) return failure(info.error());
  return to_return_value(signal_task(task, group, tid, *info));
}

i64 call_sigaltstack(Task& task, const Arguments& arguments) {
  return to_return_value(TaskInternals::set_alternate_stack(task, arguments.a[0], arguments.a[1]));
}

LinuxResult<> TaskInternals::set_alternate_stack(Task& task, u64 stack_address, u64 old_address) {
  constexpr u64 kLeastBytes = 2048;
  auto& current = task.alternate_stack_;
  const u64 rsp = task.registers().rsp;
  const bool in_use = !(current.flags & AlternateStack::kDisabled) &&
                      !(current.flags & AlternateStack::kAutoDisarm) && rsp > current.base &&
                      rsp - current.base <= current.bytes;
  AlternateStack old = current;
  if (in_use) old.flags |= AlternateStack::kOnStack;
  if (stack_address) {
    auto wanted = TRY(task.user().read<AlternateStack>(stack_address));
    const u32 mode = wanted.flags & ~AlternateStack::kAutoDisarm;
    if (in_use) return std::unexpected(Errno::Perm);
    if (mode != 0 && mode != AlternateStack::kOnStack && mode != AlternateStack::kDisabled)
      return std::unexpected(Errno::Invalid);
    if (mode == AlternateStack::kDisabled) {
      wanted = {};
    } else if (wanted.bytes < kLeastBytes) {
      return std::unexpected(Errno::NoMemory);
    }
    wanted.flags &= ~AlternateStack::kOnStack;
    wanted.padding = 0;
    current = wanted;
  }
  if (old_address) TRY(task.user().write(old_address, old));
  return {};
}

void TaskInternals::set_waited(Task& task, SignalSet signals) {
  Guard<SpinLock> guard(task.process_->lock_);
  task.waited_ = signals;
}

SignalSet TaskInternals::pending(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  return task.pending_.set() | task.process_->pending_.set();
}

void replace_mask_until_return(Task& current, SignalSet mask) {
  TaskInternals::replace_mask_until_return(current, mask);
}

void TaskInternals::replace_mask_until_return(Task& task, SignalSet mask) {
  task.restored_mask_ = task.blocked_;
  task.restore_mask_ = true;
  // The way out must come by attend(), which takes the old mask back.
  task.set_attention(Task::kRestart);
  set_mask(task, mask);
  // A signal that waited for this mask ends the wait that is to come.
  if (signal_pending(task)) runtime::Thread::current().cancel();
}

}  // namespace vari::linux
