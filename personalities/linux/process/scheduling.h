// What a task asked of the scheduler, and what comes of it: the runtime has few levels, so policies and
// niceness choose among them: real-time policies run before all others, niceness above 0 and SCHED_IDLE after
// them.
#pragma once

#include "base/types.h"
#include "runtime/thread.h"

namespace vari::linux {

struct Scheduling {
  static constexpr u32 kOther = 0, kFifo = 1, kRoundRobin = 2, kBatch = 3, kIdle = 5, kDeadline = 6;
  static constexpr i32 kMostUrgent = 99;
  static constexpr u64 kDefaultSlack = 50'000;
  u32 policy = kOther;
  i32 priority = 0;  // of the real-time policies: 1 to 99
  bool reset_on_fork = false;
  u32 io_priority = 0;    // class << 13 | level, as ioprio_set has it; 0: none of its own
  u16 memory_policy = 0;  // set_mempolicy's mode, and whether it names the only node
  bool names_node = false;
  u64 slack_ns = kDefaultSlack;  // PR_SET_TIMERSLACK; noted, timers are exact

  static constexpr bool is_real_time(u32 policy) { return policy == kFifo || policy == kRoundRobin; }
  static constexpr bool is_known(u32 policy) {
    return policy == kOther || is_real_time(policy) || policy == kBatch || policy == kIdle;
  }
  bool is_real_time() const { return is_real_time(policy); }
  /// Comparable: who goes first where several wait.
  i32 urgency() const { return is_real_time() ? priority : 0; }
  runtime::Priority level(i32 nice) const {
    if (is_real_time()) return runtime::Priority::High;
    return nice > 0 || policy == kIdle ? runtime::Priority::Low : runtime::Priority::Normal;
  }
  /// What a child starts with.
  Scheduling inherited() const {
    Scheduling child = *this;
    if (!reset_on_fork) return child;
    child.reset_on_fork = false;
    if (is_real_time()) child.policy = kOther;
    child.priority = 0;
    return child;
  }
};

}  // namespace vari::linux
