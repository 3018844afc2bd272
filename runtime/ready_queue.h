// Threads that are ready to run on one core: a list for each priority and a word that tells which
// lists hold any. Strict between priorities, first come first served within one. All under the
// scheduler's lock; only count() may be read without it.
#pragma once

#include <bit>
#include <boost/intrusive/list.hpp>

#include "runtime/thread.h"

namespace vari::runtime {

class ReadyQueue {
 public:
  void push_back(Thread& thread) {
    const u32 level = thread.level();
    lists_[level].push_back(thread);
    levels_ |= 1u << level;
    thread.set_queued(true);
    set_count(count_ + 1);
  }
  /// The first of the highest priority that is above `limit` (numerically less); or null.
  Thread* pop(u32 limit) {
    if (!any_above(limit)) return nullptr;
    const u32 level = static_cast<u32>(std::countr_zero(levels_));
    Thread& thread = lists_[level].front();
    take(thread, level);
    return &thread;
  }
  /// The first, from the highest priority down, that may run on `cpu`.
  Thread* pop_for(CpuId cpu) {
    for (u32 level = 0; level < kPriorities; ++level) {
      for (Thread& thread : lists_[level]) {
        if (!thread.affinity_.contains(cpu)) continue;
        take(thread, level);
        return &thread;
      }
    }
    return nullptr;
  }
  void remove(Thread& thread) { take(thread, thread.level()); }
  /// True if a thread of a higher priority than `level` waits.
  bool any_above(u32 level) const { return (levels_ & ((1u << level) - 1)) != 0; }
  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED); }

 private:
  using List =
      boost::intrusive::list<Thread,
                             boost::intrusive::member_hook<Thread, Thread::ReadyHook, &Thread::ready_hook_>,
                             boost::intrusive::constant_time_size<false>>;

  void take(Thread& thread, u32 level) {
    List& list = lists_[level];
    list.erase(list.iterator_to(thread));
    if (list.empty()) levels_ &= ~(1u << level);
    thread.set_queued(false);
    set_count(count_ - 1);
  }
  void set_count(u32 count) { __atomic_store_n(&count_, count, __ATOMIC_RELAXED); }

  u32 levels_ = 0;  // bit i: lists_[i] is not empty
  u32 count_ = 0;   // atomic
  List lists_[kPriorities];
};

}  // namespace vari::runtime
