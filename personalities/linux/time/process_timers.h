// The interval timers of a process: real time (SIGALRM), and its own processor time (SIGVTALRM, SIGPROF).
#pragma once

#include "personalities/linux/time/posix_timers.h"
#include "personalities/linux/time/timer_service.h"
#include "runtime/memory.h"

namespace vari::linux {

class Process;

class ProcessTimers : public runtime::Allocated {
 public:
  /// Limit: RLIMIT_CPU.
  enum class Kind : u32 { Real, Virtual, Profile, Limit };
  static constexpr u32 kKinds = 3;  // that setitimer knows
  struct Setting {
    Nanoseconds remaining = 0;  // 0: not running
    Nanoseconds interval = 0;   // 0: once
  };

  explicit ProcessTimers(Process& process);
  Setting get(Kind kind);
  /// The previous setting.
  Setting set(Kind kind, const Setting& setting);
  PosixTimers& posix() { return posix_; }
  /// The limit on processor time is new, or may be: from now on it is watched.
  void watch_limit();
  /// After return none of them fires any more. Blocks.
  void stop();

 private:
  class Interval final : public Timer {
   public:
    Nanoseconds on_timer(Nanoseconds now) override;
    Nanoseconds check_limit(Nanoseconds now);
    ProcessTimers* owner = nullptr;
    Kind kind = Kind::Real;
    Nanoseconds interval = 0;
    Nanoseconds due = kForever;  // monotonic for Real, processor time for the others
  };
  TimerService& service();
  Nanoseconds clock(Kind kind);
  Setting get_locked(Interval& timer, Nanoseconds now) REQUIRES(lock_);

  Process& process_;
  runtime::SpinLock lock_;  // guards the timers' interval and due
  Interval timers_[kKinds + 1];
  PosixTimers posix_;
};

}  // namespace vari::linux
