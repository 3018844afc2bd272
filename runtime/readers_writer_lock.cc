// Readers-writer lock, first come, first served: who arrives while others queue, queues behind them.
// So a stream of readers can't starve a writer, nor writers a reader. Ownership is handed over: a
// waiter that is signalled holds the lock.
#include "runtime/scheduler.h"
#include "runtime/synchronization.h"
#include "runtime/wake_chain.h"

namespace vari::runtime {
namespace {
constexpr u64 kReader = 0, kWriter = 1;  // WaitLink::value
}

Thread* ReadersWriterLock::admit_locked() {
  WakeChain chain;
  while (!writing_ && !waiters_.empty_locked()) {
    const bool writer = waiters_.first_value_locked() == kWriter;
    if (writer && readers_ > 0) break;
    const WaitQueue::Picked picked = waiters_.pick_first_locked();
    if (!picked.won) continue;  // it gave up
    if (writer) {
      writing_ = true;
    } else {
      ++readers_;
    }
    chain.add(picked.thread);
  }
  return chain.first();
}

Result<> ReadersWriterLock::acquire(bool writer, Nanoseconds deadline, Cancellation cancellation) {
  Wait wait;
  WaitLink link(wait);
  link.value = writer ? kWriter : kReader;
  {
    InterruptsOff off;
    Guard guard(waiters_.lock());
    const bool free = !writing_ && waiters_.empty_locked() && (!writer || readers_ == 0);
    if (fastpath(free)) {
      if (writer) {
        writing_ = true;
      } else {
        ++readers_;
      }
      return {};
    }
    waiters_.add_locked(link);
  }
  const Wait::Outcome outcome = wait.block(deadline, cancellation);
  if (outcome == Wait::Outcome::Signalled) {
    waiters_.remove(link);
    return {};
  }
  // Who gives up may have stood before others who could go on.
  InterruptsOff off;
  Thread* admitted;
  {
    Guard guard(waiters_.lock());
    waiters_.remove_locked(link);
    admitted = admit_locked();
  }
  WakeChain::wake(admitted);
  return std::unexpected(outcome == Wait::Outcome::TimedOut ? Error::TimedOut : Error::Interrupted);
}

void ReadersWriterLock::release(bool writer) {
  InterruptsOff off;
  Thread* admitted;
  {
    Guard guard(waiters_.lock());
    if (writer) {
      ASSERT(writing_);
      writing_ = false;
    } else {
      ASSERT(readers_ > 0);
      --readers_;
    }
    admitted = admit_locked();
  }
  WakeChain::wake(admitted);
}

void ReadersWriterLock::lock() {
  (void)acquire(true, kForever, Cancellation::Ignore);
}
void ReadersWriterLock::unlock() {
  release(true);
}
void ReadersWriterLock::lock_shared() {
  (void)acquire(false, kForever, Cancellation::Ignore);
}
void ReadersWriterLock::unlock_shared() {
  release(false);
}
Result<> ReadersWriterLock::lock_until(Nanoseconds deadline, Cancellation cancellation) {
  return acquire(true, deadline, cancellation);
}
Result<> ReadersWriterLock::lock_shared_until(Nanoseconds deadline, Cancellation cancellation) {
  return acquire(false, deadline, cancellation);
}

}  // namespace vari::runtime
