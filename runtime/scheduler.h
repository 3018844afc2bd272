// One scheduler for each core: ready queues of a few priorities, the timer queue, and the switch
// from one thread to the next. Schedulers of one nucleus form a SchedulerGroup, within which threads
// are balanced; two groups share nothing.
//
// Life of a core: the port makes its this_scheduler() work, then, with interrupts disabled, calls
// adopt() on the stack that the core came up on, which becomes its idle thread, then
// run_idle_loop(). From then on the core's interrupt paths call on_timer() and on_notify() at
// interrupt level, and preempt() on the way out of any interrupt if preemption_pending() and
// preemption is enabled. See port.h.
#pragma once

#include "base/types.h"
#include "runtime/ready_queue.h"
#include "runtime/scheduler_group.h"
#include "runtime/spinlock.h"
#include "runtime/thread.h"
#include "runtime/timer_queue.h"

namespace vari::runtime {

struct SchedulerStatistics {
  u64 switches = 0;            // including those to and from the idle thread
  u64 preemptions = 0;         // of them, not asked for by the thread
  u64 wakeups = 0;             // threads made ready from this core
  u64 cross_core_wakeups = 0;  // of them, onto another core
  u64 notifies = 0;            // of them, that needed an interrupt there
  u64 steals = 0;              // threads taken from another core's queue
  u64 migrations = 0;          // threads given to a partner at preemption
  u64 timer_interrupts = 0;
  Nanoseconds idle_ns = 0;
};

class alignas(64) Scheduler {
 public:
  /// `port_data` is the port's own. The scheduler takes part in its group from adopt() on.
  Scheduler(SchedulerGroup& group, CpuId cpu, void* port_data = nullptr);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// The calling flow of control becomes this core's idle thread. Interrupts are disabled.
  /// `stack` is that of the caller, where the port wants it known.
  void adopt(port::Stack stack = {});
  /// Runs what is ready and waits where nothing is. Entered and left with interrupts disabled; left
  /// only after SchedulerGroup::stop().
  void run_idle_loop();

  /// Interrupt level: the time given to port::set_timer() has come.
  void on_timer();
  /// Interrupt level: another core called port::notify().
  void on_notify();
  /// True when the running thread should make way. Cheap; from its own core.
  bool preemption_pending() const { return __atomic_load_n(&preemption_pending_, __ATOMIC_RELAXED); }
  /// Switches to a thread that deserves the core more, if there is one. With preemption enabled;
  /// interrupts may be enabled or disabled, and are afterwards as before.
  void preempt();

  CpuId cpu() const { return cpu_; }
  SchedulerGroup& group() const { return group_; }
  void* port_data() const { return port_data_; }
  Thread& idle_thread() { return idle_; }
  /// The thread on this core; of another core, a snapshot.
  Thread* current() const { return __atomic_load_n(&current_, __ATOMIC_RELAXED); }
  u32 ready_count() const NO_THREAD_SAFETY_ANALYSIS { return ready_.count(); }
  bool is_idle() const { return __atomic_load_n(&running_level_, __ATOMIC_RELAXED) == kIdleLevel; }
  /// A snapshot.
  SchedulerStatistics statistics() const;

  // For Thread and Wait. Interrupts are disabled.
  /// Blocks the current thread in `wait` and runs another.
  void park(Wait& wait);
  /// Makes a thread ready that no one else can make ready: its waker has won. Chooses the core.
  static void make_ready(Thread& thread);
  /// A thread that has never run: on the core with the least to do.
  static void make_ready_first(Thread& thread);
  void yield();
  /// How long `thread` has been running here; 0 if another is.
  Nanoseconds running_for_ns(const Thread& thread) const;
  [[noreturn]] void end_current();
  /// The new thread's half of the switch that started it.
  static void finish_first_switch() { port::this_scheduler().finish_switch(); }
  void add_timer(Wait& wait, Nanoseconds deadline);
  void remove_timer(Wait& wait);
  static void set_priority(Thread& thread, Priority priority) NO_THREAD_SAFETY_ANALYSIS;
  static void set_affinity(Thread& thread, const CpuSet& affinity) NO_THREAD_SAFETY_ANALYSIS;

 private:
  static constexpr u32 kIdleLevel = kPriorities;
  enum class Departure : u8 { Idle, Parked, Ready, Ended };

  /// What the core runs next, of a level above `limit`: it is current() from now on, though not yet
  /// switched to. If there is nothing: `otherwise`, the idle thread, or null, and then nothing changes.
  Thread* pick(u32 limit, Thread* otherwise = nullptr);
  void set_current_locked(Thread& thread, u32 level) REQUIRES(lock_);
  void switch_to(Thread& next, Departure how, Wait* wait);
  void finish_switch();
  /// Queues the thread here and tells the core, if it must know. `here` is the caller's scheduler.
  void deliver(Thread& thread, Scheduler& here);
  void preempt_current();
  /// Sets the machine's timer to what comes first: the slice's end or a deadline.
  void arm();

  // Balancing: balance.cc
  Scheduler& place(Thread& thread);
  Scheduler& place_at_preemption(Thread& thread);
  Scheduler& least_loaded(const Thread& thread);
  Thread* steal();
  /// The scheduler that the thread belongs to at this moment, locked.
  static Scheduler& lock_scheduler_of(Thread& thread) NO_THREAD_SAFETY_ANALYSIS;
  bool allows(const Thread& thread) const {
    return fastpath(!__atomic_load_n(&thread.restricted_, __ATOMIC_RELAXED)) ||
           thread.affinity_.contains(cpu_);
  }

  // Written by any core, under lock_.
  CoreLock lock_;
  u32 running_level_ = kIdleLevel;   // atomic: level of the running thread; read without the lock, too
  bool preemption_pending_ = false;  // atomic
  bool slice_wanted_ = false;        // atomic: a thread of the running level waits
  ReadyQueue ready_ GUARDED_BY(lock_);
  Thread* current_ = nullptr;  // atomic; null before adopt()

  // This core's own; no other writes here.
  alignas(64) Thread* departing_ = nullptr;
  Wait* departing_wait_ = nullptr;
  Departure departure_ = Departure::Idle;
  u32 partner_ = 0;
  Nanoseconds switched_at_ = 0;
  Nanoseconds slice_end_ = kForever;
  Nanoseconds armed_ = kForever;  // what the machine's timer is set to
  SchedulerStatistics statistics_;
  TimerQueue timers_;  // has its own lock: a wait may end on another core

  SchedulerGroup& group_;
  const CpuId cpu_;
  void* const port_data_;
  Thread idle_;
};

}  // namespace vari::runtime
