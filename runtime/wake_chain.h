// Threads on the way to a ready queue: collected under a lock, made ready after it. Intrusive, in
// order, and so short-lived that one pointer in each thread is enough.
#pragma once

#include "runtime/scheduler.h"
#include "runtime/thread.h"

namespace vari::runtime {

class WakeChain {
 public:
  WakeChain() = default;
  WakeChain(const WakeChain&) = delete;
  WakeChain& operator=(const WakeChain&) = delete;

  /// Null is no thread: its waker has won, but the thread never left its processor.
  void add(Thread* thread) {
    if (!thread) return;
    thread->next_woken_ = nullptr;
    *last_ = thread;
    last_ = &thread->next_woken_;
  }
  Thread* first() const { return first_; }
  /// Interrupts are disabled. The link is read before the thread can run and end.
  static void wake(Thread* thread) {
    while (thread) {
      Thread* const next = thread->next_woken_;
      Scheduler::make_ready(*thread);
      thread = next;
    }
  }

 private:
  Thread* first_ = nullptr;
  Thread** last_ = &first_;
};

}  // namespace vari::runtime
