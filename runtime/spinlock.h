// Spinlocks: for short sections that never block, allocate, log or call back. What a lock does to
// its core is in its type.
#pragma once

#include "base/annotations.h"
#include "base/types.h"
#include "runtime/port.h"

namespace vari::runtime {

/// Excludes other cores and preemption; not to be taken at interrupt level.
class CAPABILITY("SpinLock") SpinLock {
 public:
  void lock() ACQUIRE() {
    port::disable_preemption();
    spin();
  }
  void unlock() RELEASE() {
    __atomic_store_n(&held_, 0, __ATOMIC_RELEASE);
    port::enable_preemption();
  }

 private:
  friend class IrqSpinLock;
  void spin() {
    while (__atomic_exchange_n(&held_, 1, __ATOMIC_ACQUIRE)) {
      while (__atomic_load_n(&held_, __ATOMIC_RELAXED)) port::relax();
    }
  }
  u32 held_ = 0;
};

/// Excludes other cores and this core's interrupts; the only kind that interrupt level may take.
class CAPABILITY("IrqSpinLock") IrqSpinLock {
 public:
  void lock() ACQUIRE() {
    const auto saved = port::disable_interrupts();
    lock_.spin();
    saved_ = saved;
  }
  void unlock() RELEASE() {
    const auto saved = saved_;
    __atomic_store_n(&lock_.held_, 0, __ATOMIC_RELEASE);
    port::restore_interrupts(saved);
  }

 private:
  SpinLock lock_;
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
