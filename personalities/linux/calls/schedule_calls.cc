// Scheduling as far as programs may steer it: giving way, affinity, niceness. All programs run in one
// class (SCHED_OTHER); niceness above 0 means the runtime's low priority.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr i32 kLeastNice = -20, kMostNice = 19;

/// The task that a pid argument names; 0 is the caller.
LinuxResult<Ref<Task>> target_of(Task& task, u64 pid) {
  const auto number = static_cast<i32>(pid);
  if (number < 0) return std::unexpected(Errno::Invalid);
  if (number == 0) return Ref<Task>(task);
  auto found = task.personality().processes().find_task(number);
  if (!found) return std::unexpected(Errno::NoProcess);
  return found;
}

/// The low bits of a set of processors that exist.
u64 existing(u32 cpus, u32 word) {
  if (cpus <= word * 64) return 0;
  const u32 left = cpus - word * 64;
  return left >= 64 ? ~u64{0} : (u64{1} << left) - 1;
}

LinuxResult<u64> get_affinity(Task& task, u64 pid, u64 bytes, u64 address) {
  const u32 cpus = task.personality().place().cpu_count();
  if (bytes * 8 < cpus || bytes % sizeof(u64)) return std::unexpected(Errno::Invalid);
  const auto target = TRY(target_of(task, pid));
  auto set = TaskInternals::affinity(*target);
  for (u32 i = 0; i < std::size(set.words); ++i) set.words[i] &= existing(cpus, i);
  const u64 count = std::min<u64>(bytes, align_up((cpus + 7) / 8, sizeof(u64)));
  TRY(task.user().copy_out(address, set.words, count));
  return count;
}

LinuxResult<> set_affinity(Task& task, u64 pid, u64 bytes, u64 address) {
  runtime::CpuSet set{{0, 0, 0, 0}};
  TRY(task.user().copy_in(set.words, address, std::min<u64>(bytes, sizeof set.words)));
  const auto target = TRY(target_of(task, pid));
  u64 any = 0;
  for (u32 i = 0; i < std::size(set.words); ++i)
    any |= set.words[i] &= existing(task.personality().place().cpu_count(), i);
  if (any == 0) return std::unexpected(Errno::Invalid);
  return TaskInternals::set_affinity(*target, set);
}

/// Applies to each process that getpriority's kind and id name; NoProcess: none.
template <class Visit>
LinuxResult<> for_processes(Task& task, u64 kind, i32 id, Visit visit) {
  constexpr u64 kProcess = 0, kGroup = 1, kUser = 2;
  if (kind > kUser) return std::unexpected(Errno::Invalid);
  auto& table = task.personality().processes();
  if (kind == kProcess) {
    const auto target = TRY(target_of(task, static_cast<u32>(id)));
    return visit(target->process());
  }
  if (kind == kGroup && id == 0) id = task.process().group_id();
  const u32 user = id == 0 ? task.identity().user : static_cast<u32>(id);
  bool any = false;
  for (i32 at = 0;;) {
    const auto process = table.next(at);
    if (!process) break;
    at = process->id();
    if (kind == kGroup ? process->group_id() != id : process->identity().user != user) continue;
    any = true;
    TRY(visit(*process));
  }
  if (!any) return std::unexpected(Errno::NoProcess);
  return {};
}

}  // namespace

runtime::CpuSet TaskInternals::affinity(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  return task.thread_ ? task.thread_->affinity() : runtime::CpuSet{};
}

LinuxResult<> TaskInternals::set_affinity(Task& task, const runtime::CpuSet& set) {
  Ref<runtime::Thread> thread;
  {
    Guard<SpinLock> guard(task.process_->lock_);
    thread = task.thread_;
  }
  if (!thread) return std::unexpected(Errno::NoProcess);
  TRY(thread->set_affinity(set));
  if (thread.get() == &runtime::Thread::current()) runtime::Thread::yield();
  return {};
}

void TaskInternals::set_nice(Process& process, i32 nice) {
  Guard<SpinLock> guard(process.lock_);
  __atomic_store_n(&process.nice_, nice, __ATOMIC_RELAXED);
  for (auto& task : process.tasks_) {
    if (task.thread_)
      task.thread_->set_priority(nice > 0 ? runtime::Priority::Low : runtime::Priority::Normal);
  }
}

i64 call_sched_yield(Task&, const Arguments&) {
  runtime::Thread::yield();
  return 0;
}

/// 20 - nice, so that the result is never negative.
i64 call_getpriority(Task& task, const Arguments& arguments) {
  i32 best = kMostNice;
  const auto found = for_processes(task, arguments.a[0], static_cast<i32>(arguments.a[1]),
                                   [&](Process& process) -> LinuxResult<> {
                                     best = std::min(best, process.nice());
                                     return {};
                                   });
  return found.has_value() ? 20 - best : failure(found.error());
}

i64 call_setpriority(Task& task, const Arguments& arguments) {
  const i32 nice = std::clamp(static_cast<i32>(arguments.a[2]), kLeastNice, kMostNice);
  return to_return_value(for_processes(task, arguments.a[0], static_cast<i32>(arguments.a[1]),
                                       [&](Process& process) -> LinuxResult<> {
                                         if (!task.identity().privileged()) {
                                           if (process.identity().user != task.identity().effective_user)
                                             return std::unexpected(Errno::Perm);
                                           if (nice < process.nice()) return std::unexpected(Errno::Access);
                                         }
                                         TaskInternals::set_nice(process, nice);
                                         return {};
                                       }));
}

i64 call_sched_setparam(Task& task, const Arguments& arguments) {
  const auto priority = task.user().read<i32>(arguments.a[1]);
  if (!priority.has_value()) return failure(Errno::Fault);
  const auto target = target_of(task, arguments.a[0]);
  if (!target.has_value()) return failure(target.error());
  return *priority == 0 ? 0 : failure(Errno::Invalid);
}
i64 call_sched_getparam(Task& task, const Arguments& arguments) {
  const auto target = target_of(task, arguments.a[0]);
  if (!target.has_value()) return failure(target.error());
  return to_return_value(task.user().write(arguments.a[1], i32{0}));
}

namespace {
constexpr u64 kOther = 0, kFifo = 1, kRoundRobin = 2, kBatch = 3, kIdle = 5;
}

i64 call_sched_setscheduler(Task& task, const Arguments& arguments) {
  const u64 policy = arguments.a[1] & ~u64{0x4000'0000};
  const auto priority = task.user().read<i32>(arguments.a[2]);
  if (!priority.has_value()) return failure(Errno::Fault);
  const auto target = target_of(task, arguments.a[0]);
  if (!target.has_value()) return failure(target.error());
  if (policy == kFifo || policy == kRoundRobin) return failure(Errno::Perm);
  if ((policy != kOther && policy != kBatch && policy != kIdle) || *priority != 0)
    return failure(Errno::Invalid);
  return 0;
}
i64 call_sched_getscheduler(Task& task, const Arguments& arguments) {
  const auto target = target_of(task, arguments.a[0]);
  return target.has_value() ? static_cast<i64>(kOther) : failure(target.error());
}
i64 call_sched_get_priority_max(Task&, const Arguments& arguments) {
  const u64 policy = arguments.a[0];
  if (policy == kFifo || policy == kRoundRobin) return 99;
  return policy == kOther || policy == kBatch || policy == kIdle ? 0 : failure(Errno::Invalid);
}
i64 call_sched_get_priority_min(Task&, const Arguments& arguments) {
  const u64 policy = arguments.a[0];
  if (policy == kFifo || policy == kRoundRobin) return 1;
  return policy == kOther || policy == kBatch || policy == kIdle ? 0 : failure(Errno::Invalid);
}
i64 call_sched_rr_get_interval(Task& task, const Arguments& arguments) {
  const auto target = target_of(task, arguments.a[0]);
  if (!target.has_value()) return failure(target.error());
  return to_return_value(task.user().write(arguments.a[1], TimeSpec{}));
}

i64 call_sched_setaffinity(Task& task, const Arguments& arguments) {
  return to_return_value(
      set_affinity(task, arguments.a[0], static_cast<u32>(arguments.a[1]), arguments.a[2]));
}
i64 call_sched_getaffinity(Task& task, const Arguments& arguments) {
  return to_return_value(
      get_affinity(task, arguments.a[0], static_cast<u32>(arguments.a[1]), arguments.a[2]));
}

i64 call_getcpu(Task& task, const Arguments& arguments) {
  const u32 cpu = runtime::Thread::current().last_cpu().value;
  if (arguments.a[0] && !task.user().write(arguments.a[0], cpu).has_value()) return failure(Errno::Fault);
  if (arguments.a[1] && !task.user().write(arguments.a[1], u32{0}).has_value()) return failure(Errno::Fault);
  return 0;
}

}  // namespace vari::linux
