// seccomp, also as prctl(PR_SET_SECCOMP): a task gives up system calls, for itself and its children. Filters
// that ask another process (SECCOMP_FILTER_FLAG_NEW_LISTENER) are not to be had.
//
// A task that is judged has another table of handlers: the others pay nothing.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

/// It does not end here, but before it returns to user code; the result is for nobody.
i64 kill_process(Task& task) {
  TaskInternals::begin_group_exit(task.process(), signal::kSystem);
  return failure(Errno::NoSys);
}
i64 kill_thread(Task& task, int number) {
  if (task.process().task_count() > 1) {
    TaskInternals::exit_one(task, number);
  } else {
    TaskInternals::begin_group_exit(task.process(), number);
  }
  return failure(Errno::NoSys);
}

/// SIGSYS; the handler finds the registers as the call found them.
i64 raise_trap(Task& task, const FilteredCall& call, u32 data) {
  force_signal(task, {.number = signal::kSystem,
                      .code = SignalInfo::kFilter,
                      .error = static_cast<int>(data),
                      .status = call.number,
                      .value = call.instruction});
  return static_cast<i64>(task.registers().rax);
}

i64 carry_out(Task& task, const Arguments& arguments) {
  const u64 index = std::min<u64>(task.registers().rax, kCallCount);
  return task.personality().parts().selection.calls[index](task, arguments);
}

bool is_allowed_strictly(i32 number) {
  return number == 0 || number == 1 || number == 15 || number == 60;  // read, write, rt_sigreturn, exit
}

i64 call_filtered(Task& task, const Arguments& arguments) {
  FilteredCall call{.number = static_cast<i32>(task.registers().rax), .instruction = task.registers().rip};
  std::ranges::copy(arguments.a, call.arguments);
  const auto* filter = TaskInternals::filter_of(task);
  if (!filter)
    return is_allowed_strictly(call.number) ? carry_out(task, arguments) : kill_thread(task, signal::kKill);
  const u32 verdict = filter->judge(call);
  const u32 data = verdict & ~filter_action::kMask;
  constexpr u32 kMostError = 4095;
  switch (verdict & filter_action::kMask) {
    case filter_action::kLog:
    case filter_action::kAllow: return carry_out(task, arguments);
    case filter_action::kError: {
      const auto error = static_cast<Errno>(std::min(data, kMostError));
      const bool restarts = error >= Errno::RestartIfHandlerSays && error <= Errno::RestartBlock;
      return failure(restarts ? Errno::Interrupted : error);
    }
    case filter_action::kTrap: return raise_trap(task, call, data);
    case filter_action::kNotify:
    case filter_action::kTrace: return failure(Errno::NoSys);  // there is nobody to ask
    case filter_action::kKillThread: return kill_thread(task, signal::kSystem);
    default: return kill_process(task);
  }
}

constexpr Handlers all_filtered() {
  Handlers handlers{};
  handlers.fill(&call_filtered);
  return handlers;
}
constexpr Handlers kFiltered = all_filtered();

struct UserProgram {
  u16 count = 0;
  u64 instructions = 0;
};
static_assert(sizeof(UserProgram) == 16);

LinuxResult<u64> set_strict(Task& task, u64 flags, u64 address) {
  if (flags || address || TaskInternals::filters(task).mode == FilterMode::Filter)
    return std::unexpected(Errno::Invalid);
  TaskInternals::filter_strictly(task);
  return 0;
}

LinuxResult<u64> set_filter(Task& task, u64 flags, u64 address) {
  constexpr u64 kAllTasks = 1, kLog = 2, kSpeculation = 4, kTellsNoTask = 16;
  if (flags & ~(kAllTasks | kLog | kSpeculation | kTellsNoTask)) return std::unexpected(Errno::Invalid);
  const auto program = TRY(task.user().read<UserProgram>(address));
  if (program.count == 0 || program.count > SystemCallFilter::kMostInstructions)
    return std::unexpected(Errno::Invalid);
  if (!TaskInternals::has_no_new_privileges(task) && !task.may(Capability::Administration))
    return std::unexpected(Errno::Access);
  auto filter = TRY(SystemCallFilter::create(program.count));
  const auto instructions = filter->instructions();
  TRY(task.user().copy_in(instructions.data(), program.instructions, instructions.size_bytes()));
  TRY(filter->check());
  const i32 cannot = TRY(TaskInternals::add_filter(task, std::move(filter), (flags & kAllTasks) != 0));
  if (cannot && (flags & kTellsNoTask)) return std::unexpected(Errno::NoProcess);
  return static_cast<u64>(cannot);
}

LinuxResult<u64> is_available(Task& task, u64 flags, u64 address) {
  using namespace filter_action;
  constexpr u32 kActions[] = {kKillProcess, kKillThread, kTrap, kError, kTrace, kLog, kAllow};
  if (flags) return std::unexpected(Errno::Invalid);
  const u32 action = TRY(task.user().read<u32>(address));
  if (std::ranges::find(kActions, action) == std::end(kActions)) return std::unexpected(Errno::NotSupported);
  return 0;
}

LinuxResult<u64> control(Task& task, const Arguments& a) {
  enum : u32 { kSetStrict = 0, kSetFilter = 1, kIsAvailable = 2 };
  switch (static_cast<u32>(a.a[0])) {
    case kSetStrict: return set_strict(task, static_cast<u32>(a.a[1]), a.a[2]);
    case kSetFilter: return set_filter(task, static_cast<u32>(a.a[1]), a.a[2]);
    case kIsAvailable: return is_available(task, static_cast<u32>(a.a[1]), a.a[2]);
    default: return std::unexpected(Errno::Invalid);
  }
}

}  // namespace

TaskInternals::Filters TaskInternals::filters(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  return {task.filter_mode_, task.filter_ ? task.filter_->count() : 0};
}

void TaskInternals::stop_fact_calls(Task& task) {
  task.context_->set_fact_calls({});
}

void TaskInternals::filter_strictly(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  task.filter_mode_ = FilterMode::Strict;
  stop_fact_calls(task);
  __atomic_store_n(&task.filtered_calls_, &kFiltered, __ATOMIC_RELEASE);
  choose_calls_locked(task);
}

// Order: the filter before the table that leads to it; see Task::judge_.
void TaskInternals::install_filter_locked(Task& task, Ref<SystemCallFilter> filter) {
  task.filter_mode_ = FilterMode::Filter;
  __atomic_store_n(&task.judge_, filter.get(), __ATOMIC_RELEASE);
  task.filter_ = std::move(filter);
  __atomic_store_n(&task.filtered_calls_, &kFiltered, __ATOMIC_RELEASE);
  choose_calls_locked(task);
}

LinuxResult<i32> TaskInternals::add_filter(Task& task, Ref<SystemCallFilter> filter, bool all) {
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  if (task.filter_mode_ == FilterMode::Strict) return std::unexpected(Errno::Invalid);
  for (auto& other : process.tasks_) {
    if (!all || other.filter_mode_ == FilterMode::Off) continue;
    const bool follows = other.filter_mode_ == FilterMode::Filter && task.filter_ &&
                         task.filter_->descends_from(other.filter_.get());
    if (!follows) return other.id();
  }
  TRY(filter->follow(task.filter_));
  for (auto& other : process.tasks_) {
    if (!all || &other == &task) continue;
    install_filter_locked(other, filter);
    if (has_no_new_privileges(task)) __atomic_store_n(&other.no_new_privileges_, true, __ATOMIC_RELAXED);
    other.alert(Task::kFiltered);
  }
  install_filter_locked(task, std::move(filter));
  stop_fact_calls(task);
  return 0;
}

const SystemCallFilter* TaskInternals::filter_of(const Task& task) {
  return __atomic_load_n(&task.judge_, __ATOMIC_ACQUIRE);
}

i64 call_seccomp(Task& task, const Arguments& a) {
  return to_return_value(control(task, a));
}

}  // namespace vari::linux
