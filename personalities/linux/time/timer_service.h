// Timers that call back: one thread a personality sleeps until the earliest one. For interval timers,
// alarms and timerfd.
#pragma once

#include <boost/intrusive/set.hpp>

#include "base/types.h"
#include "runtime/spinlock.h"
#include "runtime/thread.h"
#include "runtime/wait.h"

namespace vari::linux {

/// What the service keeps of a timer.
struct TimerNode {
  Nanoseconds deadline = kForever;
  bool queued = false;
  boost::intrusive::set_member_hook<> hook;
};

/// One timer; embedded in whoever is called.
class Timer : public TimerNode {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  /// Called by the timer thread, not under its lock. Returns the next deadline, or kForever to rest.
  virtual Nanoseconds on_timer(Nanoseconds now) = 0;

 protected:
  ~Timer() = default;
};

class TimerService {
 public:
  TimerService() = default;
  TimerService(const TimerService&) = delete;
  /// Starts the thread.
  Result<> start();
  /// Ends the thread; no timer fires any more.
  void stop();
  /// Sets or (kForever) stops a timer. Monotonic nanoseconds. The previous deadline. May be called by
  /// on_timer() for other timers; for its own, the value that it returns counts unless that is kForever.
  Nanoseconds set(Timer& timer, Nanoseconds deadline);
  /// Stops it; after return on_timer() is not running and will not be called. Blocks; not from on_timer().
  void cancel(Timer& timer);

 private:
  struct ByDeadline {
    using type = Nanoseconds;
    Nanoseconds operator()(const TimerNode& timer) const { return timer.deadline; }
  };
  using Queue = boost::intrusive::multiset<
      TimerNode,
      boost::intrusive::member_hook<TimerNode, boost::intrusive::set_member_hook<>, &TimerNode::hook>,
      boost::intrusive::key_of_value<ByDeadline>, boost::intrusive::constant_time_size<false>>;
  static void main(void* service);
  void run();
  Nanoseconds set_locked(TimerNode& timer, Nanoseconds deadline) REQUIRES(lock_);

  runtime::SpinLock lock_;
  Queue timers_ GUARDED_BY(lock_);
  TimerNode* running_ GUARDED_BY(lock_) = nullptr;
  u64 changes_ = 0;        // atomic; counts requests that the thread must look at
  bool stopping_ = false;  // atomic
  runtime::WaitQueue changed_, finished_;
  Ref<runtime::Thread> thread_;
};

}  // namespace vari::linux
