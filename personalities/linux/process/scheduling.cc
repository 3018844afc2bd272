// See scheduling.h.
#include "personalities/linux/process/scheduling.h"

#include <algorithm>

#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

Scheduling TaskInternals::scheduling(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  return task.scheduling_;
}

void TaskInternals::set_scheduling(Task& task, const Scheduling& wanted) {
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  task.scheduling_ = wanted;
  if (task.thread_) task.thread_->set_priority(wanted.level(process.nice_));
}

/// Without a lock: it is asked under those of futexes, and a stale answer is only a little unfair.
i32 TaskInternals::urgency(Task& task) {
  const bool real_time =
      Scheduling::is_real_time(__atomic_load_n(&task.scheduling_.policy, __ATOMIC_RELAXED));
  return real_time ? __atomic_load_n(&task.scheduling_.priority, __ATOMIC_RELAXED) : 0;
}

void TaskInternals::lend_priority(Task& waiter, Task& owner) {
  const auto wanted = runtime::Thread::current().priority();
  Guard<SpinLock> guard(owner.process_->lock_);
  if (&waiter != &owner && owner.thread_ && owner.thread_->priority() > wanted)
    owner.thread_->set_priority(wanted);
}

void TaskInternals::give_priority_back(Task& task) {
  auto& process = *task.process_;
  Guard<SpinLock> guard(process.lock_);
  const auto own = task.scheduling_.level(process.nice_);
  if (task.thread_ && task.thread_->priority() != own) task.thread_->set_priority(own);
}

}  // namespace vari::linux
