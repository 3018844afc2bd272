// Futexes: programs' words to sleep on. A waiter is an object on its own thread's stack, in a bucket
// chosen by the word's identity: an address in one memory map, or a place in an object that maps share.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>
#include <span>

#include "base/types.h"
#include "personalities/linux/errno.h"
#include "runtime/spinlock.h"
#include "runtime/wait.h"

namespace vari::linux {

class MemoryMap;
class Task;

struct FutexKey {
  const void* space = nullptr;  // MemoryMap or MemoryObject; never followed
  u64 offset = 0;
  bool operator==(const FutexKey&) const = default;
};

class FutexTable {
 public:
  static constexpr u32 kAnyBits = ~u32{0};

  /// Sleeps while the word is `expected`. Again: it is not. TimedOut; RestartIfHandlerSays.
  LinuxResult<> wait(Task& task, u64 address, u32 expected, u32 bits, bool is_private, Nanoseconds deadline);
  /// Wakes up to `count` whose bits match; how many.
  LinuxResult<u32> wake(MemoryMap& map, u64 address, u32 count, u32 bits, bool is_private);
  /// Wakes up to `wake_count`, moves up to `move_count` more to another word. With `expected`, only if
  /// the word still is that (else Again).
  LinuxResult<u32> requeue(Task& task, u64 address, u32 wake_count, u64 target, u32 move_count,
                           const u32* expected, bool is_private);
  /// Changes the word at `second` as `operation` says; wakes `count` of the first, and `second_count` of the
  /// second if its old value compares as `operation` asks. How many woke.
  LinuxResult<u32> wake_operation(Task& task, u64 address, u32 count, u64 second, u32 second_count,
                                  u32 operation, bool is_private);
  /// futex_waitv: sleeps until one of the words is woken: its index.
  struct Word {
    u64 address;
    u32 expected;
    bool is_private;
  };
  static constexpr u32 kMostWords = 128;
  LinuxResult<u32> wait_any(Task& task, std::span<const Word> words, Nanoseconds deadline);

  // futex_pi.cc: words that hold their owner's id; the kernel hands them on.

  /// Deadlock: it is the caller's already. NoProcess: its owner does not exist. Again: only tried, and taken.
  LinuxResult<> lock_inheriting(Task& task, u64 address, bool is_private, bool only_try,
                                Nanoseconds deadline);
  /// Perm: it is not the caller's.
  LinuxResult<> unlock_inheriting(Task& task, u64 address, bool is_private);
  /// Sleeps on a plain word until it is moved to the lock `target` and owns it.
  LinuxResult<> wait_requeued(Task& task, u64 address, u32 expected, u64 target, bool is_private,
                              Nanoseconds deadline);
  LinuxResult<u32> requeue_inheriting(Task& task, u64 address, u64 target, u32 move_count, u32 expected,
                                      bool is_private);
  /// A task ends: locks that it owns, and that others wait for, go to them, marked.
  void owner_exits(Task& task);

 private:
  struct Bucket;
  struct Waiter {
    Waiter(runtime::Wait& wait_in, const FutexKey& key_in, u32 bits_in)
        : wait(wait_in), key(key_in), bits(bits_in) {}
    runtime::Wait& wait;
    FutexKey key;
    u32 bits;
    Bucket* bucket = nullptr;  // atomic; null once woken
    bool woken = false;        // by a waker; as the following, guarded by the bucket's lock
    Task* lock_for = nullptr;  // waits for a lock that is to become this task's; or is to be moved to one
    FutexKey target;           // where it agreed to be moved to
    u64 address = 0;           // of the lock's word, in the task's own memory
    bool owns = false;
    boost::intrusive::list_member_hook<> hook;
  };
  using Waiters = boost::intrusive::list<
      Waiter, boost::intrusive::member_hook<Waiter, boost::intrusive::list_member_hook<>, &Waiter::hook>,
      boost::intrusive::constant_time_size<false>>;
  struct alignas(64) Bucket {
    runtime::SpinLock lock;
    Waiters waiters;
  };
  static constexpr u32 kBuckets = 64;

  static LinuxResult<FutexKey> key_of(MemoryMap& map, u64 address, bool is_private);
  Bucket& bucket_of(const FutexKey& key);
  class TwoLocks {
   public:
    TwoLocks(Bucket& a, Bucket& b) NO_THREAD_SAFETY_ANALYSIS;
    ~TwoLocks() NO_THREAD_SAFETY_ANALYSIS;
    TwoLocks(const TwoLocks&) = delete;

   private:
    Bucket& first_;
    Bucket& second_;
  };
  static u32 requeue_locked(Bucket& from, const FutexKey& from_key, u32 wake_count, Bucket& to,
                            const FutexKey& to_key, u32 move_count);
  static bool wake_waiter(Waiter& waiter);
  static void leave(Waiter& waiter);
  /// Enters the waiter while the word is as expected. Again, Fault.
  LinuxResult<> enter(Task& task, u64 address, u32 expected, Waiter& waiter);
  static u32 wake_locked(Bucket& bucket, const FutexKey& key, u32 count, u32 bits);
  static LinuxResult<u32> change_word(Task& task, u64 address, u32 operation, bool& faulted);
  enum class Lock : u8 { Taken, Mine, Queued, Faulted };
  LinuxResult<Lock> try_lock(Task& task, u64 address, Bucket& bucket, Waiter& waiter, bool only_try);
  static Waiter* first_for_lock(Bucket& bucket, const FutexKey& key, const Waiter* but);
  static bool hand_over(Bucket& bucket, const FutexKey& key, MemoryMap& map, u64 address, u32 mark);
  static LinuxResult<> settle(runtime::Wait::Outcome outcome, const Waiter& waiter);
  static u32 move_to_lock(Task& task, Bucket& from, const FutexKey& from_key, Bucket& to,
                          const FutexKey& to_key, u64 target, u32 move_count);

  u32 lock_waiters_ = 0;  // atomic: how many wait for locks, so that most exits look no further
  std::array<Bucket, kBuckets> buckets_;
};

}  // namespace vari::linux
