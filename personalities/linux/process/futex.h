// Futexes: programs' words to sleep on. A waiter is an object on its own thread's stack, in a bucket
// chosen by the word's identity: an address in one memory map, or a place in an object that maps share.
#pragma once

#include <array>
#include <boost/intrusive/list.hpp>

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

 private:
  struct Bucket;
  struct Waiter {
    Waiter(runtime::Wait& wait_in, const FutexKey& key_in, u32 bits_in)
        : wait(wait_in), key(key_in), bits(bits_in) {}
    runtime::Wait& wait;
    FutexKey key;
    u32 bits;
    Bucket* bucket = nullptr;  // atomic; null once woken
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

  std::array<Bucket, kBuckets> buckets_;
};

}  // namespace vari::linux
