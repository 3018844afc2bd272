// Who wants to know when a file's events change: poll, select and epoll. A file has a PollQueue for
// each set of events that change together, and calls wake() after it has made a change visible.
//
// Threads that sleep inside read() or write() of the file itself do not wait here but in a WaitQueue
// of the file's own, so that a pipe can wake one reader and yet all pollers.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/types.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class PollQueue;

/// Told of changes. Is in at most one queue.
class PollObserver {
 public:
  PollObserver() = default;
  PollObserver(const PollObserver&) = delete;
  PollObserver& operator=(const PollObserver&) = delete;

  /// Called under the queue's spinlock: must be short and must not block. `events` are those that may
  /// have become true (poll_event::…); 0: look for yourself. True: somebody who slept was woken.
  virtual bool on_events(u32 events) = 0;

 protected:
  virtual ~PollObserver() = default;  // the friend below could reach it, so g++ wants it virtual

  /// Of those that share, one that wakes somebody is enough (EPOLLEXCLUSIVE). Set before add().
  bool shares_ = false;

 private:
  friend class PollQueue;
  using Hook = boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  Hook hook_;
  PollQueue* queue_ = nullptr;
};

class PollQueue {
 public:
  PollQueue() = default;
  PollQueue(const PollQueue&) = delete;
  PollQueue& operator=(const PollQueue&) = delete;

  void add(PollObserver& observer) EXCLUDES(lock_);
  /// After return the observer is not being told and will not be. A no-op if it is not here.
  void remove(PollObserver& observer) EXCLUDES(lock_);
  /// Tells all observers. One load where there are none.
  /// Order: the fence pairs with the one in add(): either the observer, which looks at the file's state
  /// after add(), sees the change made before wake(), or wake() sees the observer.
  void wake(u32 events = 0) EXCLUDES(lock_) {
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&count_, __ATOMIC_RELAXED) != 0) [[unlikely]]
      wake_observers(events);
  }

 private:
  void wake_observers(u32 events) EXCLUDES(lock_);

  using Observers = boost::intrusive::list<
      PollObserver, boost::intrusive::member_hook<PollObserver, PollObserver::Hook, &PollObserver::hook_>,
      boost::intrusive::constant_time_size<false>>;
  runtime::SpinLock lock_;
  u32 count_ = 0;  // atomic; written under lock_
  Observers observers_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
