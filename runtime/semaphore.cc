// Counting semaphore with hand-over: a signal goes to the first in line, if there is one, and is
// counted otherwise. Both sides take the queue's lock, always: so a waiter that has its signal may
// destroy the semaphore although the signaller has hardly left (a driver's request on the stack).
#include "runtime/scheduler.h"
#include "runtime/synchronization.h"
#include "runtime/wake_chain.h"

namespace vari::runtime {

bool Semaphore::try_wait() {
  InterruptsOff off;
  Guard guard(waiters_.lock());
  if (count_ == 0) return false;
  --count_;
  return true;
}

Result<> Semaphore::wait(Nanoseconds deadline, Cancellation cancellation) {
  Wait wait;
  WaitLink link(wait);
  {
    InterruptsOff off;
    Guard guard(waiters_.lock());
    if (count_ > 0) {
      --count_;
      return {};
    }
    waiters_.add_locked(link);
  }
  const Wait::Outcome outcome = wait.block(deadline, cancellation);
  waiters_.remove(link);
  if (outcome == Wait::Outcome::TimedOut) return std::unexpected(Error::TimedOut);
  if (outcome == Wait::Outcome::Cancelled) return std::unexpected(Error::Interrupted);
  return {};
}

void Semaphore::signal(u32 count) {
  InterruptsOff off;
  WakeChain chain;
  {
    Guard guard(waiters_.lock());
    for (; count > 0; --count) {
      const WaitQueue::Picked picked = waiters_.pick_locked();
      if (!picked.won) break;
      chain.add(picked.thread);
    }
    count_ += count;
  }
  WakeChain::wake(chain.first());
}

}  // namespace vari::runtime
