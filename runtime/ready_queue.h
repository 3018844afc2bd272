// Threads that are ready to run on one core: a list for each priority and a word that tells which
// lists hold any. Strict between priorities, first come first served within one. All under the
// scheduler's lock; only count() may be read without it.
#pragma once

#include <boost/intrusive/list.hpp>

#include "runtime/thread.h"

namespace vari::runtime {

class ReadyQueue {
 public:
  void push_back(Thread& thread);
  /// The first of the highest priority that is above `limit` (numerically less); or null.
  Thread* pop(u32 limit);
  /// The first, from the highest priority down, that may run on `cpu`.
  Thread* pop_for(CpuId cpu);
  void remove(Thread& thread);
  /// True if a thread of `level` or a higher priority waits.
  bool any_at_or_above(u32 level) const { return (levels_ & ((2u << level) - 1)) != 0; }
  bool any_above(u32 level) const { return (levels_ & ((1u << level) - 1)) != 0; }
  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED); }

 private:
  using List = boost::intrusive::list<
      Thread, boost::intrusive::member_hook<Thread, Thread::ReadyHook, &Thread::ready_hook_>,
      boost::intrusive::constant_time_size<false>>;
  void take(Thread& thread, u32 level);

  u32 levels_ = 0;  // bit i: lists_[i] is not empty
  u32 count_ = 0;   // atomic
  List lists_[kPriorities];
};

}  // namespace vari::runtime
