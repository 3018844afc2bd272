// The schedulers of one nucleus: who they are, which of them idle, and the policy they share.
#pragma once

#include "base/types.h"
#include "runtime/thread.h"

namespace vari::runtime {

/// The choices that a kernel makes about scheduling; named in kernels/NAME/kernel.h.
struct SchedulingPolicy {
  /// How long a thread runs while another of its priority waits.
  Nanoseconds slice_ns = 2 * kMillisecond;
  /// Threads stay on the core where they started (unless affinity moves them).
  bool migrate = true;
};

class SchedulerGroup {
 public:
  explicit SchedulerGroup(const SchedulingPolicy& policy = {}) : policy_(policy) {}
  SchedulerGroup(const SchedulerGroup&) = delete;
  SchedulerGroup& operator=(const SchedulerGroup&) = delete;

  const SchedulingPolicy& policy() const { return policy_; }
  /// Null: that core has not joined (yet).
  Scheduler* at(CpuId cpu) const { return __atomic_load_n(&schedulers_[cpu.value], __ATOMIC_ACQUIRE); }
  /// One more than the greatest id that has joined.
  u32 limit() const { return __atomic_load_n(&limit_, __ATOMIC_ACQUIRE); }
  void join(Scheduler& scheduler, CpuId cpu);

  // The idle set. A core enters itself and then looks at the queues once more before it waits; whoever
  // claims it removes it, queues a thread there, and notifies it.
  void enter_idle(CpuId cpu);
  void leave_idle(CpuId cpu);
  bool any_idle() const;
  /// Removes and returns one idle core of `allowed`; null if there is none.
  Scheduler* claim_idle(const CpuSet& allowed);
  /// Removes this one; false if it was not idle.
  bool claim(CpuId cpu);

  /// Ends all idle loops (a host process that shuts down). Threads must have ended before.
  void stop();
  bool stopping() const { return __atomic_load_n(&stopping_, __ATOMIC_ACQUIRE); }

  u64 next_thread_id() { return __atomic_add_fetch(&last_thread_id_, 1, __ATOMIC_RELAXED); }
  void count_thread(i64 difference) { __atomic_fetch_add(&live_threads_, difference, __ATOMIC_RELAXED); }
  /// Threads started and not yet reaped.
  i64 live_threads() const { return __atomic_load_n(&live_threads_, __ATOMIC_RELAXED); }

 private:
  const SchedulingPolicy policy_;
  u32 limit_ = 0;
  bool stopping_ = false;
  Scheduler* schedulers_[kMaximumCpus] = {};
  alignas(64) u64 idle_[kMaximumCpus / 64] = {};
  alignas(64) u64 last_thread_id_ = 0;
  i64 live_threads_ = 0;
};

}  // namespace vari::runtime
