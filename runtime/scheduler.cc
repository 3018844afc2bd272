// The switch from thread to thread on one core, and what leads to it: blocking, yielding, preemption,
// a thread's end, the idle loop. Where a thread goes that becomes ready is in balance.cc.
//
// Invariant: a thread is queued, or current on one core, or parked in a Wait, or in the hands of one
// flow of control that is about to queue it. A thread that leaves its core is put where it belongs by
// its successor (finish_switch), on the successor's stack: before that its own stack is still in use.
#include "runtime/scheduler.h"

#include "runtime/wake_chain.h"

namespace vari::runtime {
namespace {

/// Statistics are written by their own core, and may be read by any.
void count(u64& counter, u64 more = 1) {
  __atomic_store_n(&counter, counter + more, __ATOMIC_RELAXED);
}

ThreadOptions idle_options(CpuId cpu) {
  ThreadOptions options;
  options.name = "idle";
  options.priority = Priority::Idle;
  options.affinity = CpuSet::only(cpu);
  return options;
}

}  // namespace

Scheduler::Scheduler(SchedulerGroup& group, CpuId cpu, void* port_data)
    : partner_(cpu.value),
      group_(group),
      cpu_(cpu),
      port_data_(port_data),
      idle_(nullptr, nullptr, idle_options(cpu)) {
  idle_.scheduler_ = this;
}

void Scheduler::adopt(port::Stack stack) {
  idle_.stack_ = stack;
  idle_.id_ = group_.next_thread_id();
  {
    Guard guard(lock_);
    set_current_locked(idle_, kIdleLevel);
  }
  __atomic_store_n(&switched_at_, port::now_ns(), __ATOMIC_RELAXED);
  port::set_this_thread(idle_);
  group_.join(*this, cpu_);
}

void Scheduler::run_idle_loop() {
  while (!group_.stopping()) {
    Thread* next = pick(kIdleLevel);
    if (!next) {
      // Order: first become visible as idle, then look once more. See scheduler_group.cc.
      group_.enter_idle(cpu_);
      next = pick(kIdleLevel);
      if (!next) next = steal();
      if (!next) port::idle();
    }
    if (next) switch_to(*next, Departure::Idle, nullptr);
  }
  group_.leave_idle(cpu_);
}

Thread* Scheduler::pick(u32 limit, Thread* otherwise) {
  for (;;) {
    Thread* next;
    {
      Guard guard(lock_);
      next = ready_.pop(limit);
      if (fastpath(!next || allows(*next))) {
        if (!next) next = otherwise;
        if (next) set_current_locked(*next, next == &idle_ ? kIdleLevel : next->level());
        __atomic_store_n(&preemption_pending_, false, __ATOMIC_RELAXED);
        __atomic_store_n(&slice_wanted_, running_level_ != kIdleLevel && ready_.any_above(running_level_ + 1),
                         __ATOMIC_RELAXED);
        return next;
      }
    }
    make_ready(*next);  // its affinity changed while it was on the way here
  }
}

void Scheduler::set_current_locked(Thread& thread, u32 level) {
  __atomic_store_n(&current_, &thread, __ATOMIC_RELAXED);
  __atomic_store_n(&running_level_, level, __ATOMIC_RELAXED);
}

void Scheduler::switch_to(Thread& next, Departure how, Wait* wait) {
  Thread& previous = port::this_thread();
  const Nanoseconds now = port::now_ns();
  count(previous.run_time_, now - switched_at_);
  count(statistics_.switches);
  __atomic_store_n(&switched_at_, now, __ATOMIC_RELAXED);
  slice_end_ = now + group_.policy().slice_ns;
  if (how == Departure::Idle) group_.leave_idle(cpu_);
  if (slowpath(__atomic_load_n(&slice_wanted_, __ATOMIC_RELAXED))) arm();

  departing_ = &previous;
  departing_wait_ = wait;
  departure_ = how;
  __atomic_store_n(&next.scheduler_, this, __ATOMIC_RELAXED);
  port::before_switch(previous, next);
  port::set_this_thread(next);
  port::switch_stacks(&previous.stack_pointer_, next.stack_pointer_);
  // Back, perhaps on another core: `this` is the one that was left.
  port::this_scheduler().finish_switch();
}

void Scheduler::finish_switch() {
  Thread& previous = *departing_;
  switch (departure_) {
    case Departure::Idle: return;
    case Departure::Parked: {
      // Order: release, so that whoever wins from Parked sees the saved registers.
      Wait& wait = *departing_wait_;
      u32 expected = static_cast<u32>(WaitState::Pending);
      if (fastpath(__atomic_compare_exchange_n(&wait.state_, &expected, static_cast<u32>(WaitState::Parked),
                                               false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))) {
        return;  // from here on the wait and the thread are the winner's
      }
      wait.unparked_ = true;
      return deliver(previous, *this);
    }
    case Departure::Ready: return place_at_preemption(previous).deliver(previous, *this);
    case Departure::Ended:
      port::on_thread_end(previous);
      port::free_stack(previous.stack_);
      group_.count_thread(-1);
      return previous.release();
  }
}

void Scheduler::park(Wait& wait) {
  wait.unparked_ = false;
  switch_to(*pick(kIdleLevel, &idle_), Departure::Parked, &wait);
}

void Scheduler::end_current() {
  port::this_thread().leaves_for_good_ = true;
  switch_to(*pick(kIdleLevel, &idle_), Departure::Ended, nullptr);
  UNREACHABLE();
}

void Scheduler::yield() {
  Thread& me = port::this_thread();
  if (!allows(me)) return preempt_current();
  if (Thread* next = pick(me.level() + 1)) switch_to(*next, Departure::Ready, nullptr);
}

void Scheduler::preempt() {
  InterruptsOff off;
  port::this_scheduler().preempt_current();  // the caller may have moved before this point
}

void Scheduler::preempt_current() {
  Thread& me = port::this_thread();
  const bool idle = &me == &idle_;
  const bool displaced = !idle && !allows(me);
  u32 limit = idle || displaced ? kIdleLevel : me.level();
  // Others of the same level come only when the slice is used up.
  if (limit < kIdleLevel && port::now_ns() >= slice_end_) ++limit;
  Thread* next = pick(limit, displaced ? &idle_ : nullptr);
  if (!next) return arm();
  count(statistics_.preemptions);
  switch_to(*next, idle ? Departure::Idle : Departure::Ready, nullptr);
}

void Scheduler::deliver(Thread& thread, Scheduler& here) {
  bool tell = false;
  {
    Guard guard(lock_);
    __atomic_store_n(&thread.scheduler_, this, __ATOMIC_RELAXED);
    ready_.push_back(thread);
    const u32 level = thread.level();
    if (level < running_level_) {
      tell = !preemption_pending_ && current_;
      __atomic_store_n(&preemption_pending_, current_ != nullptr, __ATOMIC_RELAXED);
    } else if (level == running_level_) {
      tell = !slice_wanted_;
      __atomic_store_n(&slice_wanted_, true, __ATOMIC_RELAXED);
    }
  }
  if (fastpath(!tell)) return;
  // The own core looks at a pending preemption when it unmasks interrupts, or on the way out of one.
  if (this == &here) return arm();
  count(here.statistics_.notifies);
  port::notify(*this);
}

void Scheduler::on_notify() {
  arm();
}

void Scheduler::on_timer() {
  armed_ = kForever;
  count(statistics_.timer_interrupts);
  const Nanoseconds now = port::now_ns();
  if (timers_.first() <= now) WakeChain::wake(timers_.expire(now));
  if (__atomic_load_n(&slice_wanted_, __ATOMIC_RELAXED) && now >= slice_end_) {
    Guard guard(lock_);
    __atomic_store_n(&preemption_pending_, true, __ATOMIC_RELAXED);
    __atomic_store_n(&slice_wanted_, false, __ATOMIC_RELAXED);  // pick() decides anew
  }
  arm();
}

void Scheduler::arm() {
  Nanoseconds wanted = timers_.first();
  if (__atomic_load_n(&slice_wanted_, __ATOMIC_RELAXED) && slice_end_ < wanted) wanted = slice_end_;
  // An earlier setting stays: it costs one needless interrupt, and saves a write to the timer for each
  // switch or wake-up.
  if (wanted >= armed_) return;
  armed_ = wanted;
  port::set_timer(wanted);
}

void Scheduler::add_timer(Wait& wait, Nanoseconds deadline) {
  wait.deadline_ = deadline;
  wait.timer_owner_ = this;
  timers_.insert(wait);
  arm();
}

void Scheduler::remove_timer(Wait& wait) {
  timers_.remove(wait);
}

Nanoseconds Scheduler::running_for_ns(const Thread& thread) const {
  if (current() != &thread) return 0;
  const Nanoseconds since = __atomic_load_n(&switched_at_, __ATOMIC_RELAXED);
  const Nanoseconds now = port::now_ns();
  return now > since ? now - since : 0;
}

SchedulerStatistics Scheduler::statistics() const {
  const auto read = [](const u64& value) { return __atomic_load_n(&value, __ATOMIC_RELAXED); };
  SchedulerStatistics copy;
  copy.switches = read(statistics_.switches);
  copy.preemptions = read(statistics_.preemptions);
  copy.wakeups = read(statistics_.wakeups);
  copy.cross_core_wakeups = read(statistics_.cross_core_wakeups);
  copy.notifies = read(statistics_.notifies);
  copy.steals = read(statistics_.steals);
  copy.migrations = read(statistics_.migrations);
  copy.timer_interrupts = read(statistics_.timer_interrupts);
  copy.idle_ns = idle_.run_time_ns();
  return copy;
}

}  // namespace vari::runtime
