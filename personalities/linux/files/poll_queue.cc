// See poll_queue.h.
#include "personalities/linux/files/poll_queue.h"

#include "base/assert.h"

namespace vari::linux {

void PollQueue::add(PollObserver& observer) {
  runtime::Guard guard(lock_);
  ASSERT(!observer.queue_);
  observer.queue_ = this;
  observers_.push_back(observer);
  __atomic_store_n(&count_, count_ + 1, __ATOMIC_RELAXED);
  // Order: pairs with the fence in wake().
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void PollQueue::remove(PollObserver& observer) {
  runtime::Guard guard(lock_);
  if (observer.queue_ != this) return;
  observers_.erase(observers_.iterator_to(observer));
  observer.queue_ = nullptr;
  __atomic_store_n(&count_, count_ - 1, __ATOMIC_RELAXED);
}

void PollQueue::wake_observers(u32 events) {
  runtime::Guard guard(lock_);
  bool shared = false;  // one of those that share has it
  for (auto& observer : observers_) {
    if (observer.shares_ && shared) continue;
    const bool woken = observer.on_events(events);
    shared |= observer.shares_ && woken;
  }
}

}  // namespace vari::linux
