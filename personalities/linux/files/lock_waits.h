// Who waits for whose record lock, so that a ring is refused with EDEADLK before it closes (fcntl(2)).
//
// An edge says "owner waits for holder". Whoever gives a lock up first takes away the edges that it was the
// reason of: a waiter that has not woken yet must not count as waiting. It looks again when it wakes.
#pragma once

#include <boost/intrusive/list.hpp>

#include "runtime/spinlock.h"

namespace vari::linux {

class FileLocks;

class LockWaits {
 public:
  /// On the waiter's stack.
  struct Edge {
    const void* owner = nullptr;
    const void* holder = nullptr;      // null: about to look again
    const FileLocks* locks = nullptr;  // where
    bool entered = false;
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook;
  };
  /// Enters the edge, or brings it up to date. False, and not entered: it would close a ring.
  bool enter(Edge& edge, const void* holder) EXCLUDES(lock_);
  void leave(Edge& edge) EXCLUDES(lock_);
  /// `holder` has given up what it had of `locks`, or a part.
  void released(const FileLocks& locks, const void* holder) EXCLUDES(lock_);

 private:
  /// Longer rings are not looked for, as in Linux: their owners wait until a signal comes.
  static constexpr unsigned kMaximumSteps = 10;
  using Edges =
      boost::intrusive::list<Edge, boost::intrusive::member_hook<Edge, decltype(Edge::hook), &Edge::hook>,
                             boost::intrusive::constant_time_size<false>>;
  const void* waits_for_locked(const void* owner) REQUIRES(lock_);

  runtime::SpinLock lock_;
  Edges edges_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
