// Timers that call back: one thread a personality sleeps until the earliest one. For interval timers,
// alarms and timerfd.
#pragma once

#include <boost/intrusive/set.hpp>

#include "base/types.h"
#include "runtime/spinlock.h"
#include "runtime/thread.h"
#include "runtime/wait.h"

namespace vari::linux {

/// One timer; embedded in whoever is called.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  /// Called by the timer thread, not under its lock. Returns the next deadline, or kForever to rest.
  virtual Nanoseconds on_timer(Nanoseconds now) = 0;

 protected:
  ~Timer() = default;

 private:
  friend class TimerService;
  Nanoseconds deadline_ = kForever;
  bool queued_ = false;
  boost::intrusive::set_member_hook<> hook_;

 public:
  struct Deadline {
    using type = Nanoseconds;
    Nanoseconds operator()(const Timer& timer) const { return timer.deadline_; }
  };
  using Hook = boost::intrusive::member_hook<Timer, boost::intrusive::set_member_hook<>, &Timer::hook_>;
};

class TimerService {
 public:
  TimerService() = default;
  TimerService(const TimerService&) = delete;
  /// Starts the thread.
  Result<> start();
  /// Sets or (kForever) stops a timer. Monotonic nanoseconds. The previous deadline.
  Nanoseconds set(Timer& timer, Nanoseconds deadline);
  /// Stops it; after return on_timer() is not running and will not be called. Blocks.
  void cancel(Timer& timer);

 private:
  void run();
  runtime::SpinLock lock_;
  boost::intrusive::multiset<Timer, Timer::Hook, boost::intrusive::key_of_value<Timer::Deadline>,
                             boost::intrusive::constant_time_size<false>>
      timers_ GUARDED_BY(lock_);
  Timer* running_ GUARDED_BY(lock_) = nullptr;
  bool rescheduled_ GUARDED_BY(lock_) = false;
  u64 changes_ = 0;  // atomic; counts earlier deadlines
  runtime::WaitQueue changed_, finished_;
  Ref<runtime::Thread> thread_;
};

}  // namespace vari::linux
