// Mutex: one atomic exchange when nobody else wants it, hand-over in order of arrival when somebody
// does.
//
// state_: kFree, kHeld, or kContended (held, and somebody may be queued). kHeld becomes kContended
// under the queue's lock only, just before a waiter queues itself; so an unlock that finds kHeld has
// nobody to wake. A waiter that is signalled owns the mutex: state_ never went through kFree.
// Invariant: unlock()'s last touch of the mutex is the exchange to kFree, or comes before the new owner
// is made ready; so the one who then locks it may also destroy it.
#include "runtime/scheduler.h"
#include "runtime/synchronization.h"

namespace vari::runtime {
namespace {
constexpr u32 kFree = 0, kHeld = 1, kContended = 2;

bool exchange_if(u32& word, u32 expected, u32 desired, int success) {
  return success == __ATOMIC_ACQUIRE ? __atomic_compare_exchange_n(&word, &expected, desired, false,
                                                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
                                     : __atomic_compare_exchange_n(&word, &expected, desired, false,
                                                                   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
}  // namespace

bool Mutex::try_lock() {
  return exchange_if(state_, kFree, kHeld, __ATOMIC_ACQUIRE);
}

void Mutex::lock() {
  if (fastpath(try_lock())) return;
  // Without deadline or cancellation it can't fail.
  (void)lock_slowly(kForever, Cancellation::Ignore);
}

Result<> Mutex::lock_until(Nanoseconds deadline, Cancellation cancellation) {
  if (fastpath(try_lock())) return {};
  return lock_slowly(deadline, cancellation);
}

Result<> Mutex::lock_slowly(Nanoseconds deadline, Cancellation cancellation) {
  Wait wait;
  WaitLink link(wait);
  {
    InterruptsOff off;
    Guard guard(waiters_.lock());
    for (;;) {
      if (exchange_if(state_, kFree, kHeld, __ATOMIC_ACQUIRE)) return {};
      if (__atomic_load_n(&state_, __ATOMIC_RELAXED) == kContended) break;
      if (exchange_if(state_, kHeld, kContended, __ATOMIC_ACQUIRE)) break;
    }
    waiters_.add_locked(link);
  }
  const Wait::Outcome outcome = wait.block(deadline, cancellation);
  waiters_.remove(link);
  if (outcome == Wait::Outcome::TimedOut) return std::unexpected(Error::TimedOut);
  if (outcome == Wait::Outcome::Cancelled) return std::unexpected(Error::Interrupted);
  return {};
}

void Mutex::unlock() {
  while (slowpath(!exchange_if(state_, kHeld, kFree, __ATOMIC_RELEASE))) {
    InterruptsOff off;
    WaitQueue::Picked picked;
    {
      Guard guard(waiters_.lock());
      ASSERT(__atomic_load_n(&state_, __ATOMIC_RELAXED) == kContended);
      picked = waiters_.pick_locked();
      // With nobody left in line the next unlock is cheap again; with nobody found, it is ours.
      if (waiters_.empty_locked()) __atomic_store_n(&state_, kHeld, __ATOMIC_RELAXED);
    }
    if (picked.won) return WaitQueue::wake_picked(picked);
  }
}

}  // namespace vari::runtime
