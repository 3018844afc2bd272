// See timer_service.h.
#include "personalities/linux/time/timer_service.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

void TimerService::stop() {
  if (!thread_) return;
  __atomic_store_n(&stopping_, true, __ATOMIC_SEQ_CST);
  changed_.wake_all();
  thread_->join();
  thread_ = {};
}

Result<> TimerService::start() {
  thread_ = TRY(runtime::Thread::start(&main, this, {.name = "timers", .priority = runtime::Priority::High}));
  return {};
}

Nanoseconds TimerService::set_locked(TimerNode& timer, Nanoseconds deadline) {
  const Nanoseconds previous = timer.queued ? timer.deadline : kForever;
  if (timer.queued) timers_.erase(timers_.iterator_to(timer));
  timer.queued = deadline != kForever;
  timer.deadline = deadline;
  if (timer.queued) timers_.insert(timer);
  return previous;
}

Nanoseconds TimerService::set(Timer& timer, Nanoseconds deadline) {
  Nanoseconds previous;
  bool first;
  {
    Guard<SpinLock> guard(lock_);
    previous = set_locked(timer, deadline);
    first = timer.queued && &*timers_.begin() == &timer;
  }
  if (first) {
    __atomic_add_fetch(&changes_, 1, __ATOMIC_SEQ_CST);
    changed_.wake_all();
  }
  return previous;
}

void TimerService::cancel(Timer& timer) {
  {
    Guard<SpinLock> guard(lock_);
    set_locked(timer, kForever);
  }
  (void)finished_.wait_until([&] {
    Guard<SpinLock> guard(lock_);
    if (running_ == &timer) return false;
    set_locked(timer, kForever);  // it may have set itself again while it ran
    return true;
  });
}

void TimerService::main(void* service) {
  static_cast<TimerService*>(service)->run();
}

void TimerService::run() {
  while (!__atomic_load_n(&stopping_, __ATOMIC_SEQ_CST)) {
    const u64 seen = __atomic_load_n(&changes_, __ATOMIC_SEQ_CST);
    const Nanoseconds now = runtime::port::now_ns();
    TimerNode* due = nullptr;
    Nanoseconds next = kForever;
    {
      Guard<SpinLock> guard(lock_);
      if (!timers_.empty()) next = timers_.begin()->deadline;
      if (next <= now) {
        due = &*timers_.begin();
        set_locked(*due, kForever);
        running_ = due;
      }
    }
    if (due) {
      const Nanoseconds again = static_cast<Timer*>(due)->on_timer(now);
      {
        Guard<SpinLock> guard(lock_);
        if (again != kForever && !due->queued) set_locked(*due, again);
        running_ = nullptr;
      }
      finished_.wake_all();
      continue;
    }
    (void)changed_.wait_until(
        [&] {
          return __atomic_load_n(&changes_, __ATOMIC_SEQ_CST) != seen ||
                 __atomic_load_n(&stopping_, __ATOMIC_SEQ_CST);
        },
        next);
  }
}

}  // namespace vari::linux
