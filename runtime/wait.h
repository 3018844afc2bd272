// How a thread blocks: the one-winner protocol (KOS paper 4.5; model: tests/models/wait.pml).
//
// A thread that is about to block publishes a Wait, an object on its own stack, in one or more
// WaitQueues (by a WaitLink each), in the timer queue, and in its own Thread (for cancellation).
// Whoever wants to wake it, a signaller, the timer or a canceller, must first win one atomic exchange
// on Wait::state_. Exactly one wins; only the winner makes the thread ready; the thread itself then
// takes its other publications back. So no wake-up is lost and none comes twice.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set_hook.hpp>

#include "base/annotations.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/claim.h"
#include "runtime/spinlock.h"

namespace vari::runtime {

class Scheduler;
class Thread;
class TimerQueue;
class WaitQueue;

enum class Cancellation : u8 {
  Ignore,   // nothing but the event or the deadline ends the wait
  Respect,  // Thread::cancel() ends it with Error::Interrupted
};

/// One blocking operation of the current thread. Lives on its stack.
class Wait {
 public:
  enum class Outcome : u32 { Pending, Signalled, TimedOut, Cancelled };
  Wait();
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  /// Blocks until one waker has won. At once if one already has. With Respect, a cancel() that came
  /// earlier and was not consumed ends it, too.
  Outcome block(Nanoseconds deadline = kForever, Cancellation cancellation = Cancellation::Ignore);
  /// For wakers: true for the one that wins; the thread is then made ready. Any thread or interrupt.
  bool win(Outcome outcome);

 private:
  friend class Scheduler;
  friend class Thread;
  friend class TimerQueue;
  friend class WaitLink;
  friend class WaitQueue;
  using TimerHook =
      boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                        boost::intrusive::optimize_size<true>>;

  /// As win(), but leaves it to the caller to make `woken` (if not null) ready, after its locks.
  bool try_win(WaitState outcome, Thread*& woken);
  bool open() const {
    return __atomic_load_n(&state_, __ATOMIC_ACQUIRE) <= static_cast<u32>(WaitState::Pending);
  }
  Outcome outcome() const;

  Thread& thread_;
  u32 state_ = static_cast<u32>(WaitState::Pending);
  u16 links_ = 0;              // how many WaitLinks were made for it
  bool unparked_ = true;       // the thread did not sleep in it: see WaitQueue::remove()
  bool timer_queued_ = false;  // guarded by the timer queue's lock
  Scheduler* timer_owner_ = nullptr;
  Nanoseconds deadline_ = kForever;
  TimerHook timer_hook_;
};

/// The membership of a Wait in one queue. `value` is the waker's and the waiter's to agree upon.
class WaitLink {
 public:
  explicit WaitLink(Wait& wait) : wait_(wait) { ++wait.links_; }
  u64 value = 0;

 private:
  friend class WaitQueue;
  Wait& wait_;
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook_;
  bool queued_ = false;
};

/// Threads that wait for one thing, in order of arrival.
class WaitQueue {
 public:
  /// Publishes. The caller checks its condition *after* this and before Wait::block().
  void add(WaitLink& link) EXCLUDES(lock_);
  /// Takes back; a no-op if a waker has taken it out. Must be called before the link's life ends.
  void remove(WaitLink& link) EXCLUDES(lock_);
  /// Wakes the first that can be won (skipping those that lost to timer or canceller).
  bool wake_one() EXCLUDES(lock_);
  /// Wakes up to `count`; how many.
  u32 wake(u32 count) EXCLUDES(lock_);
  void wake_all() EXCLUDES(lock_);
  /// Wakes up to `count` whose `value` matches.
  u32 wake_matching(u64 value, u32 count) EXCLUDES(lock_);
  bool empty() EXCLUDES(lock_);

  /// Blocks until predicate() holds. It is evaluated by the waiting thread without the queue's lock,
  /// so it may take locks of its own; a waker makes it true first and then calls wake. It is never asked
  /// again once it has held, so it may also take what it finds.
  template <class Predicate>
  Result<> wait_until(Predicate&& predicate, Nanoseconds deadline = kForever,
                      Cancellation cancellation = Cancellation::Ignore) {
    if (predicate()) return {};
    for (;;) {
      Wait wait;
      WaitLink link(wait);
      add(link);
      const bool held = predicate();
      const auto outcome = held ? Wait::Outcome::Signalled : wait.block(deadline, cancellation);
      remove(link);
      if (held) return {};
      if (outcome == Wait::Outcome::Cancelled) return std::unexpected(Error::Interrupted);
      if (predicate()) return {};
      if (outcome == Wait::Outcome::TimedOut) return std::unexpected(Error::TimedOut);
    }
  }

  // For synchronisation objects that decide under the queue's lock. Interrupts are disabled. What
  // pick_locked() returns is made ready by wake_picked() after the lock is released.
  struct Picked {
    bool won = false;
    Thread* thread = nullptr;  // null although won: it has not left its processor and goes on there
  };
  CoreLock& lock() RETURN_CAPABILITY(lock_) { return lock_; }
  void add_locked(WaitLink& link) REQUIRES(lock_);
  void remove_locked(WaitLink& link) REQUIRES(lock_);
  bool empty_locked() const REQUIRES(lock_) { return links_.empty(); }
  /// The value of the first in the queue, which is not empty.
  u64 first_value_locked() const REQUIRES(lock_) { return links_.front().value; }
  /// Takes out the first, whether it can be won or not. The queue is not empty.
  Picked pick_first_locked() REQUIRES(lock_);
  /// Takes out the first that can be won.
  Picked pick_locked() REQUIRES(lock_);
  static void wake_picked(Picked picked);

 private:
  /// The end of a series of wake-ups: makes the threads ready, in order.
  static void wake_chain(Thread* first);

  using Links = boost::intrusive::list<
      WaitLink,
      boost::intrusive::member_hook<
          WaitLink,
          boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>,
          &WaitLink::hook_>,
      boost::intrusive::constant_time_size<false>>;
  CoreLock lock_;
  Links links_ GUARDED_BY(lock_);
};

}  // namespace vari::runtime
