// On which processors of the host a core and its guest run. One of the two waits while the other works, so by
// default they share a processor: the hand-over is a switch there, where another processor would first have
// to be interrupted and woken, which costs five times as much. Where a guest does nothing but call, and
// another processor is idle, two processors that look at a word are faster yet: then they go apart.
#pragma once

#include <pthread.h>
#include <sched.h>

#include "base/types.h"
#include "hosted/spin.h"
#include "hosted/stub_abi.h"

namespace vari::hosted {

/// What a context has learned of its guest.
struct Acquaintance {
  static constexpr u32 kQuickRuns = 64, kMostQuickRuns = 1 << 16;
  bool apart = false;
  u32 quick = 0;            // together: returns in a row that came at once; apart: those that came in time
  u32 late = 0;             // apart: those that did not
  u32 needed = kQuickRuns;  // how many quick returns are proof enough to go apart
  u64 resumed_at = 0;       // when the guest was last let run, by the time-stamp counter
};

/// All cores of a kernel.
class Company {
 public:
  Company();
  ~Company();
  Company(const Company&) = delete;

  /// The caller's core is about to resume the guest of `slot`. Preemption is disabled.
  void before_resume(CpuId core, Slot& slot, Acquaintance& known);
  /// It has come back; `in_time`: while the core still looked.
  void after_stop(Acquaintance& known, bool in_time);
  /// How long both sides look before they sleep; 0: they share a processor.
  static u32 spin_cycles(const Acquaintance& known) { return known.apart ? kSpinCycles : 0; }

 private:
  /// A core's stay on one processor: not for long, so that the host can spread us.
  static constexpr u64 kStayCycles = 60'000'000;
  static constexpr i32 kNowhere = -1;
  struct alignas(64) Core {
    i32 processor = kNowhere;  // atomic
    u64 since = 0;
    Slot* companion = nullptr;  // atomic: the guest that was last resumed
    u64 resumes = 0;            // atomic
    u64 seen_resumes = 0;       // the watch's own
  };

  void settle_down(Core& core);
  /// The slot's thread may run everywhere.
  void set_free(Slot& slot) const;
  /// Guests that have not come back for long are set free: the host finds them a processor.
  static void* watch(void* company);
  bool look_around();

  cpu_set_t allowed_;
  u32 processors_ = 0;
  Core cores_[kMaximumCpus];
  pthread_t watch_{};
  bool watching_ = false;
  bool stopping_ = false;  // atomic
  u32 stirred_ = 1;        // atomic futex: 0 while the watch sleeps
};

}  // namespace vari::hosted
