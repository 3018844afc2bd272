// The waits of one core that have a deadline, by deadline. Intrusive: a wait carries its own tree
// node, so that blocking with a timeout allocates nothing.
#pragma once

#include <boost/intrusive/set.hpp>

#include "runtime/spinlock.h"
#include "runtime/wait.h"

namespace vari::runtime {

/// Interrupts are disabled in all calls.
class TimerQueue {
 public:
  /// The wait's deadline_ is set.
  void insert(Wait& wait) EXCLUDES(lock_);
  /// A no-op if the wait has expired meanwhile. After return the queue does not know the wait.
  void remove(Wait& wait) EXCLUDES(lock_);
  /// Ends all waits whose deadline is not after `now`; the chain of threads to make ready.
  Thread* expire(Nanoseconds now) EXCLUDES(lock_);
  /// The earliest deadline. Without the lock.
  Nanoseconds first() const { return __atomic_load_n(&first_, __ATOMIC_RELAXED); }

 private:
  struct ByDeadline {
    using type = Nanoseconds;
    Nanoseconds operator()(const Wait& wait) const { return wait.deadline_; }
  };
  using Waits = boost::intrusive::multiset<
      Wait, boost::intrusive::member_hook<Wait, Wait::TimerHook, &Wait::timer_hook_>,
      boost::intrusive::key_of_value<ByDeadline>, boost::intrusive::constant_time_size<false>>;
  void note_first() REQUIRES(lock_);

  CoreLock lock_;
  Nanoseconds first_ = kForever;  // atomic
  Waits waits_ GUARDED_BY(lock_);
};

}  // namespace vari::runtime
