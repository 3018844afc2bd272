// Scheduling as far as programs may steer it: giving way, affinity, niceness. Policies are in
// policy_calls.cc.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/schedule_helpers.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr i32 kLeastNice = -20, kMostNice = 19;

/// The low bits of a set of processors that exist.
u64 existing(u32 cpus, u32 word) {
  if (cpus <= word * 64) return 0;
  const u32 left = cpus - word * 64;
  return left >= 64 ? ~u64{0} : (u64{1} << left) - 1;
}

LinuxResult<u64> get_affinity(Task& task, u64 pid, u64 bytes, u64 address) {
  const u32 cpus = task.personality().place().cpu_count();
  if (bytes * 8 < cpus || bytes % sizeof(u64)) return std::unexpected(Errno::Invalid);
  const auto target = TRY(scheduled_task(task, pid));
  auto set = TaskInternals::affinity(*target);
  for (u32 i = 0; i < std::size(set.words); ++i) set.words[i] &= existing(cpus, i);
  const u64 count = std::min<u64>(bytes, align_up((cpus + 7) / 8, sizeof(u64)));
  TRY(task.user().copy_out(address, set.words, count));
  return count;
}

LinuxResult<> set_affinity(Task& task, u64 pid, u64 bytes, u64 address) {
  runtime::CpuSet set{{0, 0, 0, 0}};
  TRY(task.user().copy_in(set.words, address, std::min<u64>(bytes, sizeof set.words)));
  const auto target = TRY(scheduled_task(task, pid));
  u64 any = 0;
  for (u32 i = 0; i < std::size(set.words); ++i)
    any |= set.words[i] &= existing(task.personality().place().cpu_count(), i);
  if (!may_schedule(task, *target)) return std::unexpected(Errno::Perm);
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
    const auto target = TRY(scheduled_task(task, static_cast<u32>(id)));
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
    if (task.thread_) task.thread_->set_priority(task.scheduling_.level(nice));
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
                                         if (!task.may(Capability::Nice)) {
                                           if (process.identity().user != task.identity().effective_user)
                                             return std::unexpected(Errno::Perm);
                                           const u64 least = process.soft_limit(Resource::Nice);
                                           if (nice < process.nice() && static_cast<u64>(20 - nice) > least)
                                             return std::unexpected(Errno::Access);
                                         }
                                         TaskInternals::set_nice(process, nice);
                                         return {};
                                       }));
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
