// Which core a thread goes to: when it is woken, when it is preempted, when a core has nothing to do,
// and when its affinity or priority changes.
//
// A woken thread returns to its last core, where its data is cached, unless that core is busy and
// another idles. A preempted thread moves to a partner that has clearly less to do (KOS:
// partner.ready + 2 < ready). An idle core looks once at the others' queues before it waits. No two
// schedulers' locks are ever held together.
#include "runtime/scheduler.h"

namespace vari::runtime {

Scheduler& Scheduler::place(Thread& thread) {
  Scheduler& last = thread.scheduler();
  const bool may_stay = last.allows(thread);
  if (may_stay && (!group_.policy().migrate || !group_.any_idle() || group_.claim(last.cpu_))) return last;
  if (Scheduler* idle = group_.claim_idle(thread.affinity_)) return *idle;
  return may_stay ? last : last.least_loaded(thread);
}

Scheduler& Scheduler::place_at_preemption(Thread& thread) {
  if (slowpath(!allows(thread))) return place(thread);
  if (!group_.policy().migrate) return *this;
  if (slowpath(group_.any_idle())) {
    if (Scheduler* idle = group_.claim_idle(thread.affinity_)) return *idle;
  }
  const u32 ready = ready_count();
  if (fastpath(ready <= 2)) return *this;
  partner_ = partner_ + 1 >= group_.limit() ? 0 : partner_ + 1;
  Scheduler* const partner = group_.at(CpuId{partner_});
  if (!partner || !partner->allows(thread) || partner->ready_count() + 2 >= ready) return *this;
  __atomic_store_n(&statistics_.migrations, statistics_.migrations + 1, __ATOMIC_RELAXED);
  return *partner;
}

Scheduler& Scheduler::least_loaded(const Thread& thread) {
  Scheduler* best = nullptr;
  u32 best_load = 0;
  for (u32 i = 0; i < group_.limit(); ++i) {
    // From this core on, so that ties do not all fall on core 0.
    u32 cpu = cpu_.value + i;
    if (cpu >= group_.limit()) cpu -= group_.limit();
    Scheduler* const candidate = group_.at(CpuId{cpu});
    if (!candidate || !candidate->allows(thread)) continue;
    const u32 load = candidate->ready_count() + (candidate->is_idle() ? 0 : 1);
    if (!best || load < best_load) {
      best = candidate;
      best_load = load;
    }
  }
  return best ? *best : *this;
}

void Scheduler::make_ready(Thread& thread) {
  Scheduler& here = port::this_scheduler();
  Scheduler& target = here.place(thread);
  SchedulerStatistics& statistics = here.statistics_;
  __atomic_store_n(&statistics.wakeups, statistics.wakeups + 1, __ATOMIC_RELAXED);
  if (&target != &here) {
    __atomic_store_n(&statistics.cross_core_wakeups, statistics.cross_core_wakeups + 1, __ATOMIC_RELAXED);
  }
  target.deliver(thread, here);
}

void Scheduler::make_ready_first(Thread& thread) {
  Scheduler& here = port::this_scheduler();
  const bool may_stay = here.allows(thread);
  Scheduler& target = here.group_.policy().migrate || !may_stay ? here.least_loaded(thread) : here;
  here.group_.claim(target.cpu_);
  target.deliver(thread, here);
}

Thread* Scheduler::steal() {
  if (!group_.policy().migrate) return nullptr;
  const u32 limit = group_.limit();
  for (u32 i = 1; i < limit; ++i) {
    u32 cpu = cpu_.value + i;
    if (cpu >= limit) cpu -= limit;
    Scheduler* const victim = group_.at(CpuId{cpu});
    if (!victim || victim->ready_count() == 0) continue;
    Thread* stolen;
    {
      Guard guard(victim->lock_);
      stolen = victim->ready_.pop_for(cpu_);
    }
    if (!stolen) continue;
    __atomic_store_n(&statistics_.steals, statistics_.steals + 1, __ATOMIC_RELAXED);
    // Through the own queue, so that a better thread that has come meanwhile goes first.
    deliver(*stolen, *this);
    return pick(kIdleLevel);
  }
  return nullptr;
}

Scheduler& Scheduler::lock_scheduler_of(Thread& thread) {
  for (;;) {
    Scheduler& scheduler = thread.scheduler();
    scheduler.lock_.lock();
    if (&thread.scheduler() == &scheduler) return scheduler;
    scheduler.lock_.unlock();
  }
}

void Scheduler::set_priority(Thread& thread, Priority priority) {
  const auto level = static_cast<u8>(priority);
  Scheduler& here = port::this_scheduler();
  Scheduler& scheduler = lock_scheduler_of(thread);
  const bool queued = thread.queued();
  if (queued) scheduler.ready_.remove(thread);
  __atomic_store_n(&thread.priority_, level, __ATOMIC_RELAXED);
  const bool running = scheduler.current_ == &thread;
  if (running) {
    scheduler.set_current_locked(thread, level);
    __atomic_store_n(&scheduler.preemption_pending_, true, __ATOMIC_RELAXED);  // preempt() will see
  }
  scheduler.lock_.unlock();
  if (queued) scheduler.deliver(thread, here);
  if (running && &scheduler != &here) port::notify(scheduler);
}

void Scheduler::set_affinity(Thread& thread, const CpuSet& affinity) {
  Scheduler& here = port::this_scheduler();
  thread.store_affinity(affinity);
  Scheduler& scheduler = lock_scheduler_of(thread);
  const bool misplaced = !scheduler.allows(thread);
  const bool queued = misplaced && thread.queued();
  if (queued) scheduler.ready_.remove(thread);
  const bool running = misplaced && scheduler.current_ == &thread;
  if (running) __atomic_store_n(&scheduler.preemption_pending_, true, __ATOMIC_RELAXED);
  scheduler.lock_.unlock();
  if (queued) make_ready(thread);
  if (running && &scheduler != &here) port::notify(scheduler);
}

}  // namespace vari::runtime
