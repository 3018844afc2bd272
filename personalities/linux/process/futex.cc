// See futex.h.
//
// Order: a waiter compares the word and enters the bucket under the bucket's lock; a waker changes the
// word first and takes that lock then. So either the waiter sees the new value or the waker the waiter.
#include "personalities/linux/process/futex.h"

#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;
using runtime::Wait;

LinuxResult<FutexKey> FutexTable::key_of(MemoryMap& map, u64 address, bool is_private) {
  if (address & 3) return std::unexpected(Errno::Invalid);
  if (address >= Domain::kUserEnd.value) return std::unexpected(Errno::Fault);
  if (!is_private) {
    if (const auto shared = map.shared_word(address); shared.object)
      return FutexKey{shared.object->identity(), shared.page << kPageShift | (address & (kPageBytes - 1))};
  }
  return FutexKey{&map, address};
}

FutexTable::Bucket& FutexTable::bucket_of(const FutexKey& key) {
  u64 hash = (reinterpret_cast<u64>(key.space) >> 6) ^ (key.offset >> 2);
  hash *= 0x9e3779b97f4a7c15;
  return buckets_[hash >> 58];
}
static_assert(64 == 1 << 6, "bucket_of() takes six bits");

/// Under the bucket's lock. False: it had already lost to timer or signal, and leaves by itself.
bool FutexTable::wake_waiter(Waiter& waiter) {
  auto& bucket = *waiter.bucket;
  bucket.waiters.erase(bucket.waiters.iterator_to(waiter));
  // Order: after this store the waiter's thread may be gone, unless it still has to be woken.
  auto& wait = waiter.wait;
  if (!wait.win(Wait::Outcome::Signalled)) {
    __atomic_store_n(&waiter.bucket, nullptr, __ATOMIC_RELEASE);
    return false;
  }
  // It passes this bucket's lock on its way out, in leave(), and so sees this.
  waiter.woken = true;
  return true;
}

/// Takes the waiter out of whatever bucket it now is in.
void FutexTable::leave(Waiter& waiter) {
  for (;;) {
    auto* bucket = __atomic_load_n(&waiter.bucket, __ATOMIC_ACQUIRE);
    if (!bucket) return;
    Guard<SpinLock> guard(bucket->lock);
    if (__atomic_load_n(&waiter.bucket, __ATOMIC_RELAXED) != bucket) continue;
    if (waiter.hook.is_linked()) bucket->waiters.erase(bucket->waiters.iterator_to(waiter));
    __atomic_store_n(&waiter.bucket, nullptr, __ATOMIC_RELAXED);
    return;
  }
}

LinuxResult<> FutexTable::enter(Task& task, u64 address, u32 expected, Waiter& waiter) {
  auto& bucket = bucket_of(waiter.key);
  for (;;) {
    {
      Guard<SpinLock> guard(bucket.lock);
      const auto value = task.memory().domain().load({address});
      if (value.has_value()) {
        if (*value != expected) return std::unexpected(Errno::Again);
        waiter.bucket = &bucket;
        bucket.waiters.push_back(waiter);
        return {};
      }
    }
    if (!task.memory().resolve_fault(address, Access::Read).has_value()) return std::unexpected(Errno::Fault);
  }
}

LinuxResult<> FutexTable::wait(Task& task, u64 address, u32 expected, u32 bits, bool is_private,
                               Nanoseconds deadline) {
  if (bits == 0) return std::unexpected(Errno::Invalid);
  const auto key = TRY(key_of(task.memory(), address, is_private));
  Wait wait;
  Waiter waiter(wait, key, bits);
  TRY(enter(task, address, expected, waiter));
  const auto outcome = wait.block(deadline, runtime::Cancellation::Respect);
  leave(waiter);
  switch (outcome) {
    case Wait::Outcome::Signalled: return {};
    case Wait::Outcome::TimedOut: return std::unexpected(Errno::TimedOut);
    default: return std::unexpected(Errno::RestartIfHandlerSays);
  }
}

u32 FutexTable::wake_locked(Bucket& bucket, const FutexKey& key, u32 count, u32 bits) {
  u32 woken = 0;
  for (auto at = bucket.waiters.begin(); at != bucket.waiters.end() && woken < count;) {
    auto& waiter = *at++;
    if (waiter.key == key && (waiter.bits & bits) && wake_waiter(waiter)) ++woken;
  }
  return woken;
}

LinuxResult<u32> FutexTable::wake(MemoryMap& map, u64 address, u32 count, u32 bits, bool is_private) {
  if (bits == 0) return std::unexpected(Errno::Invalid);
  const auto key = TRY(key_of(map, address, is_private));
  auto& bucket = bucket_of(key);
  Guard<SpinLock> guard(bucket.lock);
  return wake_locked(bucket, key, count, bits);
}

/// By address, so that two requeues in opposite directions do not wait for each other.
FutexTable::TwoLocks::TwoLocks(Bucket& a, Bucket& b) : first_(&a < &b ? a : b), second_(&a < &b ? b : a) {
  first_.lock.lock();
  if (&first_ != &second_) second_.lock.lock();
}
FutexTable::TwoLocks::~TwoLocks() {
  if (&first_ != &second_) second_.lock.unlock();
  first_.lock.unlock();
}

LinuxResult<u32> FutexTable::requeue(Task& task, u64 address, u32 wake_count, u64 target, u32 move_count,
                                     const u32* expected, bool is_private) {
  auto& map = task.memory();
  const auto from_key = TRY(key_of(map, address, is_private));
  const auto to_key = TRY(key_of(map, target, is_private));
  auto& from = bucket_of(from_key);
  auto& to = bucket_of(to_key);
  for (;;) {
    bool compared = expected == nullptr;
    {
      TwoLocks guard(from, to);
      if (expected) {
        const auto value = map.domain().load({address});
        if (value.has_value()) {
          if (*value != *expected) return std::unexpected(Errno::Again);
          compared = true;
        }
      }
      if (compared) return requeue_locked(from, from_key, wake_count, to, to_key, move_count);
    }
    if (!map.resolve_fault(address, Access::Read).has_value()) return std::unexpected(Errno::Fault);
  }
}

u32 FutexTable::requeue_locked(Bucket& from, const FutexKey& from_key, u32 wake_count, Bucket& to,
                               const FutexKey& to_key, u32 move_count) {
  u32 woken = 0, moved = 0;
  for (auto at = from.waiters.begin(); at != from.waiters.end();) {
    auto& waiter = *at++;
    if (waiter.key != from_key) continue;
    if (woken < wake_count) {
      if (wake_waiter(waiter)) ++woken;
    } else if (moved < move_count) {
      from.waiters.erase(from.waiters.iterator_to(waiter));
      waiter.key = to_key;
      to.waiters.push_back(waiter);
      __atomic_store_n(&waiter.bucket, &to, __ATOMIC_RELEASE);
      ++moved;
    } else {
      break;
    }
  }
  return woken + moved;
}

}  // namespace vari::linux
