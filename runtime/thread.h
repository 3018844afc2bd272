// Threads: a stack, a place in one scheduler, a few words of state.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/result.h"
#include "base/types.h"
#include "runtime/memory.h"
#include "runtime/port.h"
#include "runtime/wait.h"

namespace vari::runtime {

/// Few levels, strictly ordered; round robin within one.
enum class Priority : u8 { Interrupt, High, Normal, Low, Idle };
inline constexpr unsigned kPriorities = 5;

/// The set of cores on which a thread may run.
struct CpuSet {
  u64 words[kMaximumCpus / 64] = {~u64{0}, ~u64{0}, ~u64{0}, ~u64{0}};
  bool contains(CpuId cpu) const {
    return __atomic_load_n(&words[cpu.value / 64], __ATOMIC_RELAXED) >> (cpu.value % 64) & 1;
  }
  static CpuSet only(CpuId cpu) {
    CpuSet set{{0, 0, 0, 0}};
    set.words[cpu.value / 64] = u64{1} << (cpu.value % 64);
    return set;
  }
};

struct ThreadOptions {
  const char* name = "thread";
  Priority priority = Priority::Normal;
  CpuSet affinity = {};
  std::size_t stack_bytes = 16 * kKiB;
  void* personality = nullptr;  // the client's own; Thread::personality()
};

/// A runtime thread. Reference-counted: its creator's reference and its own.
class Thread : public Managed {
 public:
  using Entry = void (*)(void*);
  /// Starts a thread that runs entry(argument) and ends when it returns. OutOfMemory.
  static Result<Ref<Thread>> start(Entry entry, void* argument, const ThreadOptions& options = {});
  static Thread& current() { return port::this_thread(); }

  /// Ends the calling thread. Never allocates; its stack is freed by its successor.
  [[noreturn]] static void exit();
  /// Lets others of the same priority run.
  static void yield();
  /// Blocks until the deadline. Interrupted if cancelled.
  static Result<> sleep_until(Nanoseconds deadline, Cancellation cancellation = Cancellation::Ignore);

  /// Blocks until the thread has ended.
  void join();
  /// Ends its present cancellable wait, or its next one if there is none; see clear_cancel().
  void cancel();
  /// Forgets a cancel() that has not ended a wait yet. Of the current thread only.
  void clear_cancel();
  bool cancel_pending() const;
  /// True while it sleeps in a wait that cancel() can end. A snapshot, for reports.
  bool is_blocked() const { return __atomic_load_n(&cancel_, __ATOMIC_RELAXED) > kCancelBusy; }

  /// May move it at its next switch. InvalidArgument: no such core.
  Result<> set_affinity(const CpuSet& affinity);
  CpuSet affinity() const;
  void set_priority(Priority priority);
  Priority priority() const;
  CpuId last_cpu() const;
  u64 id() const;
  const char* name() const;
  void* personality() const;
  /// Processor time used so far.
  Nanoseconds run_time_ns() const;

  /// Of the scheduler that runs or last ran it. Stable only while the thread is current and
  /// preemption is disabled.
  Scheduler& scheduler() const { return *__atomic_load_n(&scheduler_, __ATOMIC_RELAXED); }
  /// Empty for the thread that a processor had when it joined.
  port::Stack stack() const { return stack_; }
  /// True once its entry function has returned or it has called exit().
  bool ended() const { return __atomic_load_n(&ended_, __ATOMIC_ACQUIRE); }
  /// True from the switch on that it does not come back from. For the port.
  bool leaves_for_good() const { return leaves_for_good_; }
  port::ThreadState& port_state() { return port_state_; }

 private:
  friend class Scheduler;
  friend class ReadyQueue;
  friend class Wait;
  friend class WaitQueue;
  friend class WakeChain;
  using ReadyHook =
      boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;

  // cancel_ holds one of these or the address of the Wait that a cancel() may end.
  static constexpr u64 kNoCancel = 0, kCancelPending = 1, kCancelBusy = 2;

  Thread(Entry entry, void* argument, const ThreadOptions& options);
  ~Thread() override = default;
  static void main(void* thread);
  u32 level() const { return __atomic_load_n(&priority_, __ATOMIC_RELAXED); }
  bool queued() const { return __atomic_load_n(&queued_, __ATOMIC_RELAXED); }
  void set_queued(bool queued) { __atomic_store_n(&queued_, queued, __ATOMIC_RELAXED); }
  void store_affinity(const CpuSet& affinity);
  /// False: a cancel() was pending, and has been consumed to end the wait.
  bool publish_for_cancel(Wait& wait);
  void withdraw_from_cancel(Wait& wait);

  // What a switch touches, together.
  void* stack_pointer_ = nullptr;
  Scheduler* scheduler_ = nullptr;  // written by the core that queues or runs it
  ReadyHook ready_hook_;
  Thread* next_woken_ = nullptr;  // a chain of threads on the way to a ready queue
  Nanoseconds run_time_ = 0;
  u64 cancel_ = kNoCancel;
  u8 priority_;              // atomic; changed under its scheduler's lock while queued
  bool queued_ = false;      // atomic; changed under its scheduler's lock
  bool ended_ = false;       // atomic
  bool restricted_ = false;  // atomic: affinity_ is not "everywhere"
  bool leaves_for_good_ = false;
  port::ThreadState port_state_;

  port::Stack stack_;
  Entry entry_;
  void* argument_;
  void* personality_;
  u64 id_ = 0;
  CpuSet affinity_;  // words are atomic
  WaitQueue joiners_;
  char name_[16];
};

}  // namespace vari::runtime
