// Deadlines of blocked threads. Invariant: a wait is in the tree if and only if timer_queued_, and
// both change under the lock only; so remove() waits for an expire() that is about to end this wait,
// and the wait's life may end after remove().
#include "runtime/timer_queue.h"

#include "runtime/wake_chain.h"

namespace vari::runtime {

void TimerQueue::note_first() {
  const Nanoseconds first = waits_.empty() ? kForever : waits_.begin()->deadline_;
  __atomic_store_n(&first_, first, __ATOMIC_RELAXED);
}

void TimerQueue::insert(Wait& wait) {
  Guard guard(lock_);
  waits_.insert(wait);
  wait.timer_queued_ = true;
  note_first();
}

void TimerQueue::remove(Wait& wait) {
  Guard guard(lock_);
  if (!wait.timer_queued_) return;
  waits_.erase(waits_.iterator_to(wait));
  wait.timer_queued_ = false;
  note_first();
}

Thread* TimerQueue::expire(Nanoseconds now) {
  WakeChain chain;
  Guard guard(lock_);
  while (!waits_.empty() && waits_.begin()->deadline_ <= now) {
    Wait& wait = *waits_.begin();
    waits_.erase(waits_.begin());
    wait.timer_queued_ = false;
    Thread* woken = nullptr;
    wait.try_win(WaitState::TimedOut, woken);
    chain.add(woken);
  }
  note_first();
  return chain.first();
}

}  // namespace vari::runtime
