// Blocking synchronisation, all on WaitQueue: mutex, semaphore, condition variable, readers-writer
// lock. Each takes a deadline and can be cancelled. Never at interrupt level, never under a spinlock.
#pragma once

#include "base/annotations.h"
#include "runtime/wait.h"

namespace vari::runtime {

/// Excludes; hands over in order of arrival under contention (no starvation). Not recursive.
class CAPABILITY("Mutex") Mutex {
 public:
  void lock() ACQUIRE();
  bool try_lock() TRY_ACQUIRE(true);
  /// TimedOut or Interrupted: the lock is not held.
  [[nodiscard]] Result<> lock_until(Nanoseconds deadline, Cancellation cancellation = Cancellation::Ignore);
  void unlock() RELEASE();

 private:
  Result<> lock_slowly(Nanoseconds deadline, Cancellation cancellation);

  u32 state_ = 0;  // atomic; see mutex.cc
  WaitQueue waiters_;
};

class Semaphore {
 public:
  explicit Semaphore(u32 initial = 0) : count_(initial) {}
  Result<> wait(Nanoseconds deadline = kForever, Cancellation cancellation = Cancellation::Ignore);
  bool try_wait();
  /// May be called at interrupt level.
  void signal(u32 count = 1);

 private:
  u32 count_;
  WaitQueue waiters_;
};

class ConditionVariable {
 public:
  /// Releases the mutex, blocks, takes the mutex again (also on error).
  Result<> wait(Mutex& mutex, Nanoseconds deadline = kForever,
                Cancellation cancellation = Cancellation::Ignore) REQUIRES(mutex);
  void signal();
  void broadcast();

 private:
  WaitQueue waiters_;
};

/// Many readers or one writer; first come, first served, so neither side starves.
class CAPABILITY("ReadersWriterLock") ReadersWriterLock {
 public:
  void lock() ACQUIRE();
  void unlock() RELEASE();
  void lock_shared() ACQUIRE_SHARED();
  void unlock_shared() RELEASE_SHARED();
  Result<> lock_until(Nanoseconds deadline, Cancellation cancellation = Cancellation::Ignore);
  Result<> lock_shared_until(Nanoseconds deadline, Cancellation cancellation = Cancellation::Ignore);

 private:
  Result<> acquire(bool writer, Nanoseconds deadline, Cancellation cancellation);
  void release(bool writer);
  /// Lets in whoever is first in line, as far as the lock's state permits; the chain to wake.
  Thread* admit_locked() REQUIRES(waiters_.lock());

  bool writing_ = false;  // both guarded by the lock of waiters_
  u32 readers_ = 0;
  WaitQueue waiters_;
};

template <class Lock>
class SCOPED_CAPABILITY SharedGuard {
 public:
  explicit SharedGuard(Lock& lock) ACQUIRE_SHARED(lock) : lock_(lock) { lock_.lock_shared(); }
  ~SharedGuard() RELEASE() { lock_.unlock_shared(); }
  SharedGuard(const SharedGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace vari::runtime
