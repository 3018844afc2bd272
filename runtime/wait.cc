// The one-winner protocol (KOS paper, section 4.5; model: tests/models/wait.pml).
//
// Wait::state_ begins Pending. The blocking thread's successor on the core, running on another stack,
// moves it to Parked: from then on nothing of the thread is in use. A waker moves Pending or Parked to
// an outcome, at most once. From Parked: the waker makes the thread ready. From Pending: the thread, or
// its successor whose move to Parked fails, goes on by itself. Either way the waker touches the Wait no
// more, since its owner may return at any moment.
#include "runtime/wait.h"

#include "runtime/scheduler.h"
#include "runtime/wake_chain.h"

namespace vari::runtime {

Wait::Wait() : thread_(port::this_thread()) {}

Wait::~Wait() {
  ASSERT(!timer_queued_);
}

bool Wait::try_win(WaitState outcome, Thread*& woken) {
  Thread& thread = thread_;  // read before the claim; see above
  WaitState found;
  if (!claim(state_, outcome, found)) return false;
  woken = found == WaitState::Parked ? &thread : nullptr;
  return true;
}

bool Wait::win(Outcome outcome) {
  static constexpr WaitState kStates[] = {WaitState::Pending, WaitState::Signalled, WaitState::TimedOut,
                                          WaitState::Cancelled};
  ASSERT(outcome != Outcome::Pending);
  InterruptsOff off;
  Thread* woken = nullptr;
  if (!try_win(kStates[static_cast<u32>(outcome)], woken)) return false;
  if (woken) Scheduler::make_ready(*woken);
  return true;
}

Wait::Outcome Wait::outcome() const {
  switch (static_cast<WaitState>(__atomic_load_n(&state_, __ATOMIC_ACQUIRE))) {
    case WaitState::Parked:
    case WaitState::Pending: return Outcome::Pending;
    case WaitState::Signalled:
    case WaitState::SignalledByQueue: return Outcome::Signalled;
    case WaitState::TimedOut: return Outcome::TimedOut;
    case WaitState::Cancelled: return Outcome::Cancelled;
  }
  UNREACHABLE();
}

Wait::Outcome Wait::block(Nanoseconds deadline, Cancellation cancellation) {
  ASSERT(port::preemption_enabled());
  InterruptsOff off;
  const bool cancellable = cancellation == Cancellation::Respect && thread_.publish_for_cancel(*this);
  const bool timed = deadline != kForever && open();
  if (timed) port::this_scheduler().add_timer(*this, deadline);
  if (fastpath(open())) port::this_scheduler().park(*this);
  if (timed) timer_owner_->remove_timer(*this);
  if (cancellable) thread_.withdraw_from_cancel(*this);
  return outcome();
}

void WaitQueue::add_locked(WaitLink& link) {
  links_.push_back(link);
  link.queued_ = true;
}

void WaitQueue::remove_locked(WaitLink& link) {
  if (!link.queued_) return;
  links_.erase(links_.iterator_to(link));
  link.queued_ = false;
}

WaitQueue::Picked WaitQueue::pick_first_locked() {
  WaitLink& link = links_.front();
  links_.pop_front();
  link.queued_ = false;
  Picked picked;
  picked.won = link.wait_.try_win(WaitState::SignalledByQueue, picked.thread);
  return picked;
}

WaitQueue::Picked WaitQueue::pick_locked() {
  while (!links_.empty()) {
    if (const Picked picked = pick_first_locked(); picked.won) return picked;
  }
  return {};
}

void WaitQueue::wake_picked(Picked picked) {
  if (picked.thread) Scheduler::make_ready(*picked.thread);
}

void WaitQueue::wake_chain(Thread* first) {
  WakeChain::wake(first);
}

void WaitQueue::add(WaitLink& link) {
  InterruptsOff off;
  Guard guard(lock_);
  add_locked(link);
}

void WaitQueue::remove(WaitLink& link) {
  // If the one queue of this wait woke a parked thread, it did so after its last use of link and lock.
  // In all other cases a waker may still be at it: its lock tells when it is done.
  const Wait& wait = link.wait_;
  if (fastpath(wait.links_ == 1 && !wait.unparked_ &&
               __atomic_load_n(&wait.state_, __ATOMIC_ACQUIRE) ==
                   static_cast<u32>(WaitState::SignalledByQueue))) {
    return;
  }
  InterruptsOff off;
  Guard guard(lock_);
  remove_locked(link);
}

bool WaitQueue::wake_one() {
  InterruptsOff off;
  Picked picked;
  {
    Guard guard(lock_);
    picked = pick_locked();
  }
  wake_picked(picked);
  return picked.won;
}

u32 WaitQueue::wake(u32 count) {
  InterruptsOff off;
  WakeChain chain;
  u32 woken = 0;
  {
    Guard guard(lock_);
    for (; woken < count; ++woken) {
      const Picked picked = pick_locked();
      if (!picked.won) break;
      chain.add(picked.thread);
    }
  }
  wake_chain(chain.first());
  return woken;
}

void WaitQueue::wake_all() {
  wake(~u32{0});
}

u32 WaitQueue::wake_matching(u64 value, u32 count) {
  InterruptsOff off;
  WakeChain chain;
  u32 woken = 0;
  {
    Guard guard(lock_);
    for (auto next = links_.begin(); next != links_.end() && woken < count;) {
      WaitLink& link = *next++;
      if (link.value != value) continue;
      remove_locked(link);
      Thread* thread = nullptr;
      if (!link.wait_.try_win(WaitState::SignalledByQueue, thread)) continue;
      ++woken;
      chain.add(thread);
    }
  }
  wake_chain(chain.first());
  return woken;
}

bool WaitQueue::empty() {
  InterruptsOff off;
  Guard guard(lock_);
  return links_.empty();
}

}  // namespace vari::runtime
