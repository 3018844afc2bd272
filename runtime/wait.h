// How a thread blocks: the one-winner protocol (KOS paper 4.5; model: tests/models/wait.pml).
//
// A thread that is about to block publishes a Wait, an object on its own stack, in one or more
// WaitQueues (by a WaitLink each), in the timer queue, and in its own Thread (for cancellation).
// Whoever wants to wake it, a signaller, the timer or a canceller, must first win one atomic exchange
// on Wait::outcome_. Exactly one wins; only the winner makes the thread ready; the thread itself then
// takes its other publications back. So no wake-up is lost and none comes twice.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/annotations.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/spinlock.h"

namespace vari::runtime {

class Thread;
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
  Thread& thread_;
  u32 outcome_ = 0;   // atomic; exchanged by whoever wants to win
  u32 parked_ = 0;    // atomic; see block()
};

/// The membership of a Wait in one queue. `value` is the waker's and the waiter's to agree upon.
class WaitLink {
 public:
  explicit WaitLink(Wait& wait) : wait_(wait) {}
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
  /// so it may take locks of its own; a waker makes it true first and then calls wake.
  template <class Predicate>
  Result<> wait_until(Predicate&& predicate, Nanoseconds deadline = kForever,
                      Cancellation cancellation = Cancellation::Ignore) {
    while (!predicate()) {
      Wait wait;
      WaitLink link(wait);
      add(link);
      auto outcome = Wait::Outcome::Signalled;
      if (!predicate()) outcome = wait.block(deadline, cancellation);
      remove(link);
      if (outcome == Wait::Outcome::TimedOut) {
        if (predicate()) break;
        return std::unexpected(Error::TimedOut);
      }
      if (outcome == Wait::Outcome::Cancelled) return std::unexpected(Error::Interrupted);
    }
    return {};
  }

 private:
  using Links = boost::intrusive::list<
      WaitLink,
      boost::intrusive::member_hook<
          WaitLink, boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>,
          &WaitLink::hook_>,
      boost::intrusive::constant_time_size<false>>;
  IrqSpinLock lock_;
  Links links_ GUARDED_BY(lock_);
};

}  // namespace vari::runtime
