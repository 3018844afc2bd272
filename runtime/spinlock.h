// Spinlocks: for short sections that never block, allocate, log or call back. What a lock does to
// its core is in its type.
#pragma once

#include "base/annotations.h"
#include "base/types.h"
#include "runtime/port.h"

namespace vari::runtime {

/// Excludes other cores and nothing else: the caller has disabled interrupts (see InterruptsOff).
class CAPABILITY("CoreLock") CoreLock {
 public:
  void lock() ACQUIRE() {
    while (__atomic_exchange_n(&held_, 1, __ATOMIC_ACQUIRE)) {
      while (__atomic_load_n(&held_, __ATOMIC_RELAXED)) port::relax();
    }
  }
  void unlock() RELEASE() { __atomic_store_n(&held_, 0, __ATOMIC_RELEASE); }

 private:
  u32 held_ = 0;
};

/// Masks this core's interrupts for a scope. Its end is a point where a pending preemption runs.
class InterruptsOff {
 public:
  InterruptsOff() : saved_(port::disable_interrupts()) {}
  ~InterruptsOff() { port::restore_interrupts(saved_); }
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;

 private:
  u64 saved_;
};

/// Excludes other cores and preemption; not to be taken at interrupt level.
class CAPABILITY("SpinLock") SpinLock {
 public:
  void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    port::disable_preemption();
    lock_.lock();
  }
  void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    lock_.unlock();
    port::enable_preemption();
  }

 private:
  CoreLock lock_;
};

/// Excludes other cores and this core's interrupts; the only kind that interrupt level may take.
class CAPABILITY("IrqSpinLock") IrqSpinLock {
 public:
  void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    const auto saved = port::disable_interrupts();
    lock_.lock();
    saved_ = saved;
  }
  void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    const auto saved = saved_;
    lock_.unlock();
    port::restore_interrupts(saved);
  }

 private:
  CoreLock lock_;
  u64 saved_ = 0;
};

/// Holds a lock for a scope.
template <class Lock>
class SCOPED_CAPABILITY Guard {
 public:
  explicit Guard(Lock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~Guard() RELEASE() { lock_.unlock(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  Lock& lock_;
};

/// Data inside its lock, reached by with(); the result is returned by value.
template <class T, class Lock = SpinLock>
class Guarded {
 public:
  template <class... Arguments>
  explicit Guarded(Arguments&&... arguments) : data_(static_cast<Arguments&&>(arguments)...) {}
  template <class Function>
  auto with(Function&& function) {
    Guard<Lock> guard(lock_);
    return function(data_);
  }

 private:
  Lock lock_;
  T data_ GUARDED_BY(lock_);
};

}  // namespace vari::runtime
