// What others ask of a process.
#include "personalities/linux/process/process.h"

#include <algorithm>

#include "personalities/linux/files/file.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

void Usage::add(const Usage& other) {
  user_ns += other.user_ns;
  system_ns += other.system_ns;
  minor_faults += other.minor_faults;
  major_faults += other.major_faults;
  peak_resident_kib = std::max(peak_resident_kib, other.peak_resident_kib);
}

Process::Process(Personality& personality, Ref<SignalHandlers> handlers)
    : personality_(personality),
      limits_(Limits::defaults()),
      handlers_(std::move(handlers)),
      start_ns_(personality.place().monotonic_ns()) {}

Process::~Process() {
  delete timers_;
}

Limits Limits::defaults() {
  Limits limits;
  limits[Resource::StackBytes] = {8 * kMiB, kUnlimited};
  limits[Resource::CoreBytes] = {0, kUnlimited};
  limits[Resource::OpenFiles] = {1024, 4096};
  limits[Resource::LockedBytes] = {8 * kMiB, 8 * kMiB};
  limits[Resource::PendingSignals] = {1024, 1024};
  limits[Resource::QueueBytes] = {819200, 819200};
  limits[Resource::Nice] = {0, 0};
  limits[Resource::RealTimePriority] = {0, 0};
  return limits;
}

Limit Process::limit(Resource resource) {
  Guard<SpinLock> guard(lock_);
  return limits_[resource];
}

Ref<Task> Process::any_task() {
  Guard<SpinLock> guard(lock_);
  return tasks_.empty() ? Ref<Task>() : Ref<Task>(tasks_.front());
}

Ref<Task> Process::next_task(i32 after) {
  Guard<SpinLock> guard(lock_);
  Task* best = nullptr;
  for (auto& task : tasks_) {
    if (task.id() > after && (!best || task.id() < best->id())) best = &task;
  }
  return best ? Ref<Task>(*best) : Ref<Task>();
}

u32 Process::task_count() {
  Guard<SpinLock> guard(lock_);
  return task_count_;
}

Ref<File> Process::executable() {
  Guard<SpinLock> guard(lock_);
  return executable_;
}

Usage TaskInternals::usage_of(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  Usage usage{.minor_faults = task.minor_faults_, .major_faults = task.major_faults_};
  usage.user_ns = task.used_ns();
  if (task.memory_) usage.peak_resident_kib = task.memory_->peak_resident_pages() * kPageBytes / kKiB;
  return usage;
}

Usage Process::usage_locked() const {
  Usage sum = dead_tasks_;
  for (const auto& task : tasks_) {
    if (task.thread_) sum.user_ns += task.used_ns();
    sum.minor_faults += task.minor_faults_;
    sum.major_faults += task.major_faults_;
  }
  return sum;
}

Usage Process::usage() {
  Ref<MemoryMap> memory;
  Usage sum;
  {
    Guard<SpinLock> guard(lock_);
    sum = usage_locked();
    if (!tasks_.empty()) memory = tasks_.front().memory_;
  }
  if (memory)
    sum.peak_resident_kib =
        std::max(sum.peak_resident_kib, memory->peak_resident_pages() * kPageBytes / kKiB);
  return sum;
}

Usage Process::children_usage() {
  Guard<SpinLock> guard(personality_.processes().lock_);
  return children_usage_;
}

i32 Process::group_id() {
  Guard<SpinLock> guard(personality_.processes().lock_);
  return group_ ? group_->id() : 0;
}
i32 Process::session_id() {
  Guard<SpinLock> guard(personality_.processes().lock_);
  return group_ ? group_->session().id() : 0;
}

void Process::snapshot_tree(ProcessSnapshot& to) {
  Guard<SpinLock> guard(personality_.processes().lock_);
  to.pid = id_;
  to.parent = parent_ ? parent_->id_ : 0;
  if (group_) {
    to.group = group_->id();
    to.session = group_->session().id();
    JobControl::describe_locked(group_->session(), to.terminal, to.foreground_group);
  }
  to.children = children_usage_;
  to.exit_status = exit_status_;
  if (traced_leader_) {
    to.tracer = traced_leader_->trace_.tracer->id_;
    if (traced_leader_->trace_.state == Trace::State::Stopped) to.state = 't';
  }
  if (life_ != Life::Running) to.state = 'Z';
}

Identity Process::identity() {
  Guard<SpinLock> guard(lock_);
  const auto& credentials = tasks_.empty() ? last_credentials_ : tasks_.front().credentials_;
  return credentials ? credentials->identity() : Identity();
}

ProcessSnapshot Process::snapshot() {
  ProcessSnapshot to;
  Ref<MemoryMap> memory;
  Ref<Credentials> credentials;
  {
    Guard<SpinLock> guard(lock_);
    to.threads = task_count_;
    to.usage = usage_locked();
    to.start_ns = start_ns_;
    to.nice = nice_;
    to.pending = pending_.set();
    to.ignored = handlers_->explicitly_ignored();
    to.caught = handlers_->handled();
    credentials = last_credentials_;
    __builtin_memcpy(to.name, last_name_, sizeof to.name);
    if (!tasks_.empty()) {
      auto& task = tasks_.front();
      memory = task.memory_;
      credentials = task.credentials_;
      to.blocked = task.blocked_;
      to.pending |= task.pending_.set();
      __builtin_memcpy(to.name, task.name_, sizeof to.name);
      to.state = stopped_ ? 'T' : 'S';
      for (const auto& each : tasks_) {
        if (!stopped_ && id_ != 1 && (!each.thread_ || !each.thread_->is_blocked())) to.state = 'R';
      }
      if (task.thread_) to.last_cpu = static_cast<i32>(task.thread_->last_cpu().value);
    }
  }
  if (memory) {
    to.virtual_bytes = memory->virtual_bytes();
    to.resident_pages = memory->resident_pages();
  }
  if (credentials) to.identity = credentials->identity();
  snapshot_tree(to);
  return to;
}

}  // namespace vari::linux
