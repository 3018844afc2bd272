// Futexes that inherit priority (futex(2), FUTEX_LOCK_PI): the word holds its owner's id, so the kernel can
// hand the lock on and let the owner run as urgently as whoever waits for it.
//
// Invariant: a word that somebody waits for has the waiters' bit, so its owner comes here to unlock it; both
// the bit and the hand-over are written under the bucket's lock.
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/futex.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;
using runtime::Wait;

namespace {

constexpr u32 kWaiters = 0x8000'0000, kOwnerDied = 0x4000'0000, kOwnerMask = 0x3fff'ffff;

/// Stores what `make` makes of the old value. False: the page can't be written to now.
template <class Make>
bool replace_word(Domain& domain, u64 address, Make make) {
  auto old = domain.load({address});
  while (old.has_value()) {
    const auto found = domain.compare_exchange({address}, *old, make(*old));
    if (found.has_value() && *found == *old) return true;
    old = found;
  }
  return false;
}

}  // namespace

/// The most urgent that waits for the lock, the first of these.
FutexTable::Waiter* FutexTable::first_for_lock(Bucket& bucket, const FutexKey& key, const Waiter* but) {
  Waiter* best = nullptr;
  for (auto& waiter : bucket.waiters) {
    if (&waiter == but || !waiter.lock_for || waiter.key != key) continue;
    if (!best || TaskInternals::urgency(*waiter.lock_for) > TaskInternals::urgency(*best->lock_for))
      best = &waiter;
  }
  return best;
}

/// Gives the word at `address` to the next waiter, or to nobody. Under the bucket's lock. False: it can't be
/// written to now, and nothing has changed.
bool FutexTable::hand_over(Bucket& bucket, const FutexKey& key, MemoryMap& map, u64 address, u32 mark) {
  auto& domain = map.domain();
  if (!replace_word(domain, address, [](u32 old) { return old; })) return false;
  while (auto* next = first_for_lock(bucket, key, nullptr)) {
    // Order: the woken waiter looks at nothing before it has passed this bucket's lock.
    const u32 id = static_cast<u32>(next->lock_for->id());
    next->owns = true;
    if (!wake_waiter(*next)) continue;
    const bool more = first_for_lock(bucket, key, nullptr) != nullptr;
    return replace_word(domain, address, [&](u32) { return id | (more ? kWaiters : 0) | mark; });
  }
  return replace_word(domain, address, [&](u32) { return mark; });
}

/// One attempt under the bucket's lock: it is taken, or the waiter sits in the queue and the word says so.
LinuxResult<FutexTable::Lock> FutexTable::try_lock(Task& task, u64 address, Bucket& bucket, Waiter& waiter,
                                                   bool only_try) {
  auto& domain = task.memory().domain();
  const u32 own = static_cast<u32>(task.id());
  Guard<SpinLock> guard(bucket.lock);
  const auto value = domain.load({address});
  if (!value.has_value()) return Lock::Faulted;
  const u32 owner = *value & kOwnerMask;
  if (owner == own) return Lock::Mine;
  const bool others = first_for_lock(bucket, waiter.key, nullptr) != nullptr;
  u32 wanted = *value | kWaiters;
  if (owner == 0) wanted = own | (*value & kOwnerDied) | (others ? kWaiters : 0);
  if (owner != 0 && only_try) return std::unexpected(Errno::Again);
  const auto found = domain.compare_exchange({address}, *value, wanted);
  if (!found.has_value() || *found != *value) return Lock::Faulted;  // looked at again
  if (owner == 0) return Lock::Taken;
  waiter.bucket = &bucket;
  bucket.waiters.push_back(waiter);
  return Lock::Queued;
}

LinuxResult<> FutexTable::settle(Wait::Outcome outcome, const Waiter& waiter) {
  if (waiter.woken && waiter.owns) return {};
  switch (outcome) {
    case Wait::Outcome::Signalled: return std::unexpected(Errno::Again);
    case Wait::Outcome::TimedOut: return std::unexpected(Errno::TimedOut);
    default: return std::unexpected(Errno::RestartAlways);
  }
}

LinuxResult<> FutexTable::lock_inheriting(Task& task, u64 address, bool is_private, bool only_try,
                                          Nanoseconds deadline) {
  const auto key = TRY(key_of(task.memory(), address, is_private));
  auto& bucket = bucket_of(key);
  Wait wait;
  Waiter waiter(wait, key, kAnyBits);
  waiter.lock_for = &task;
  waiter.address = address;
  for (;;) {
    const u32 owner = TRY(task.user().read<u32>(address)) & kOwnerMask;
    Ref<Task> holder;
    if (owner != 0 && owner != static_cast<u32>(task.id())) {
      holder = task.personality().processes().find_task(static_cast<i32>(owner));
      if (!holder) {
        // It has ended. Before that it may have unlocked: then there is an owner to look for again.
        if ((TRY(task.user().read<u32>(address)) & kOwnerMask) != owner) continue;
        return std::unexpected(Errno::NoProcess);
      }
    }
    switch (TRY(try_lock(task, address, bucket, waiter, only_try))) {
      case Lock::Taken: return {};
      case Lock::Mine: return std::unexpected(Errno::Deadlock);
      case Lock::Faulted:
        if (!task.memory().resolve_fault(address, Access::Write).has_value())
          return std::unexpected(Errno::Fault);
        continue;
      case Lock::Queued: break;
    }
    if (holder) TaskInternals::lend_priority(task, *holder);
    break;
  }
  __atomic_add_fetch(&lock_waiters_, 1, __ATOMIC_SEQ_CST);
  const auto outcome = wait.block(deadline, runtime::Cancellation::Respect);
  __atomic_sub_fetch(&lock_waiters_, 1, __ATOMIC_SEQ_CST);
  leave(waiter);
  return settle(outcome, waiter);
}

LinuxResult<> FutexTable::unlock_inheriting(Task& task, u64 address, bool is_private) {
  const auto key = TRY(key_of(task.memory(), address, is_private));
  auto& bucket = bucket_of(key);
  for (;;) {
    const u32 value = TRY(task.user().read<u32>(address));
    if ((value & kOwnerMask) != static_cast<u32>(task.id())) return std::unexpected(Errno::Perm);
    {
      Guard<SpinLock> guard(bucket.lock);
      if (hand_over(bucket, key, task.memory(), address, 0)) break;
    }
    if (!task.memory().resolve_fault(address, Access::Write).has_value())
      return std::unexpected(Errno::Fault);
  }
  TaskInternals::give_priority_back(task);
  return {};
}

LinuxResult<> FutexTable::wait_requeued(Task& task, u64 address, u32 expected, u64 target, bool is_private,
                                        Nanoseconds deadline) {
  if (address == target) return std::unexpected(Errno::Invalid);
  const auto key = TRY(key_of(task.memory(), address, is_private));
  Wait wait;
  Waiter waiter(wait, key, kAnyBits);
  waiter.lock_for = &task;
  waiter.target = TRY(key_of(task.memory(), target, is_private));
  waiter.address = target;
  TRY(enter(task, address, expected, waiter));
  __atomic_add_fetch(&lock_waiters_, 1, __ATOMIC_SEQ_CST);
  const auto outcome = wait.block(deadline, runtime::Cancellation::Respect);
  __atomic_sub_fetch(&lock_waiters_, 1, __ATOMIC_SEQ_CST);
  leave(waiter);
  return settle(outcome, waiter);
}

/// Under both locks. The first waiter gets the lock if it is free; the others queue for it.
u32 FutexTable::move_to_lock(Task& task, Bucket& from, const FutexKey& from_key, Bucket& to,
                             const FutexKey& to_key, u64 target, u32 move_count) {
  auto& domain = task.memory().domain();
  u32 moved = 0;
  for (auto at = from.waiters.begin(); at != from.waiters.end() && moved <= move_count;) {
    auto& waiter = *at++;
    if (waiter.key != from_key || !waiter.lock_for || waiter.target != to_key) continue;
    bool taken = false;
    const u32 id = static_cast<u32>(waiter.lock_for->id());
    (void)replace_word(domain, target, [&](u32 old) {
      taken = (old & kOwnerMask) == 0;
      return taken ? id | (old & kOwnerDied) : old | kWaiters;
    });
    ++moved;
    if (taken) {
      waiter.owns = true;
      if (wake_waiter(waiter)) continue;
      (void)replace_word(domain, target, [](u32 old) { return old & ~kOwnerMask; });
      continue;
    }
    from.waiters.erase(from.waiters.iterator_to(waiter));
    waiter.key = to_key;
    to.waiters.push_back(waiter);
    __atomic_store_n(&waiter.bucket, &to, __ATOMIC_RELEASE);
  }
  return moved;
}

LinuxResult<u32> FutexTable::requeue_inheriting(Task& task, u64 address, u64 target, u32 move_count,
                                                u32 expected, bool is_private) {
  if (address == target) return std::unexpected(Errno::Invalid);
  auto& map = task.memory();
  const auto from_key = TRY(key_of(map, address, is_private));
  const auto to_key = TRY(key_of(map, target, is_private));
  auto& from = bucket_of(from_key);
  auto& to = bucket_of(to_key);
  for (;;) {
    {
      TwoLocks guard(from, to);
      const auto value = map.domain().load({address});
      if (value.has_value() && *value != expected) return std::unexpected(Errno::Again);
      if (value.has_value() && replace_word(map.domain(), target, [](u32 old) { return old; }))
        return move_to_lock(task, from, from_key, to, to_key, target, move_count);
    }
    if (!map.resolve_fault(address, Access::Read).has_value() ||
        !map.resolve_fault(target, Access::Write).has_value())
      return std::unexpected(Errno::Fault);
  }
}

void FutexTable::owner_exits(Task& task) {
  if (__atomic_load_n(&lock_waiters_, __ATOMIC_SEQ_CST) == 0) return;
  const u32 own = static_cast<u32>(task.id());
  for (auto& bucket : buckets_) {
    Guard<SpinLock> guard(bucket.lock);
    for (auto at = bucket.waiters.begin(); at != bucket.waiters.end();) {
      auto& waiter = *at++;
      if (!waiter.lock_for) continue;
      auto& map = waiter.lock_for->memory();
      const auto value = map.domain().load({waiter.address});
      const bool queued = waiter.target.space == nullptr || waiter.key == waiter.target;
      if (!queued || !value.has_value() || (*value & kOwnerMask) != own) continue;
      if (hand_over(bucket, waiter.key, map, waiter.address, kOwnerDied)) at = bucket.waiters.begin();
    }
  }
}

}  // namespace vari::linux
