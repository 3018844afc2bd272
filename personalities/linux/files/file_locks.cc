// See file_locks.h.
#include "personalities/linux/files/file_locks.h"

#include <algorithm>

#include "personalities/linux/files/file_table.h"

namespace vari::linux {

using runtime::Guard;
using runtime::kFallible;

struct FileLocks::Spares {
  Lock* nodes[3] = {};
  ~Spares() {
    for (auto* node : nodes) delete node;
  }
  LinuxResult<> fill() {
    for (auto*& node : nodes) {
      if (!node) node = new (kFallible) Lock();
      if (!node) return std::unexpected(Errno::NoLocks);
    }
    return {};
  }
  Lock* take() {
    for (auto*& node : nodes)
      if (node) return std::exchange(node, nullptr);
    UNREACHABLE();
  }
};

FileLocks::~FileLocks() {
  locks_.clear_and_dispose([](Lock* lock) { delete lock; });
}

LinuxResult<FileLocks*> FileLocks::make(Inode& inode) {
  if (auto* locks = of(inode)) return locks;
  auto* made = new (kFallible) FileLocks();
  if (!made) return std::unexpected(Errno::NoLocks);
  FileLocks* expected = nullptr;
  if (__atomic_compare_exchange_n(&inode.locks_, &expected, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return made;
  delete made;
  return expected;
}

FileLocks::Lock* FileLocks::conflict_locked(const void* owner, bool whole, const LockRange& range) {
  for (auto& lock : locks_) {
    if (lock.owner == owner || lock.whole != whole) continue;
    if (!lock.range.exclusive && !range.exclusive) continue;
    if (lock.range.begin <= range.end && range.begin <= lock.range.end) return &lock;
  }
  return nullptr;
}

void FileLocks::clear_locked(const void* owner, bool whole, u64 begin, u64 end, Spares& spares) {
  for (auto at = locks_.begin(); at != locks_.end();) {
    Lock& lock = *at;
    auto& range = lock.range;
    if (lock.owner != owner || lock.whole != whole || range.begin > end || begin > range.end) {
      ++at;
    } else if (range.begin < begin && range.end > end) {
      // Cut in two. It happens for one lock at most, since an owner's ranges do not overlap.
      Lock* tail = spares.take();
      tail->range = {end + 1, range.end, range.exclusive, range.pid};
      tail->owner = owner;
      tail->whole = whole;
      range.end = begin - 1;
      locks_.insert(++at, *tail);
    } else if (range.begin < begin) {
      range.end = begin - 1;
      ++at;
    } else if (range.end > end) {
      range.begin = end + 1;
      ++at;
    } else {
      at = locks_.erase_and_dispose(at, [](Lock* gone) { delete gone; });
    }
  }
}

LinuxResult<> FileLocks::take(Inode& inode, const void* owner, bool whole, const LockRange& range,
                              bool wait) {
  auto* locks = TRY(make(inode));
  Spares spares;
  TRY(spares.fill());
  for (;;) {
    u32 seen = 0;
    {
      Guard guard(locks->mutex_);
      if (!locks->conflict_locked(owner, whole, range)) {
        locks->clear_locked(owner, whole, range.begin, range.end, spares);
        Lock* lock = spares.take();
        lock->owner = owner;
        lock->whole = whole;
        lock->range = range;
        locks->locks_.push_back(*lock);
        // Turning exclusive into shared may let others in.
        __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
        break;
      }
      seen = __atomic_load_n(&locks->generation_, __ATOMIC_ACQUIRE);
      // flock: a conversion that has to wait gives the old lock up first (flock(2)).
      if (whole) locks->clear_locked(owner, whole, 0, ~u64{0}, spares);
    }
    if (!wait) return std::unexpected(Errno::Again);
    TRY(locks->changed_.wait_until(
        [&] { return __atomic_load_n(&locks->generation_, __ATOMIC_ACQUIRE) != seen; }, kForever,
        runtime::Cancellation::Respect));
  }
  locks->changed_.wake_all();
  return {};
}

LinuxResult<> FileLocks::lock_file(File& file, bool exclusive, bool wait) {
  return take(file.inode(), &file, true, {.exclusive = exclusive}, wait);
}

LinuxResult<> FileLocks::lock_range(Inode& inode, FileTable& owner, const LockRange& range, bool wait) {
  return take(inode, &owner, false, range, wait);
}

LinuxResult<> FileLocks::unlock_range(Inode& inode, FileTable& owner, u64 begin, u64 end) {
  auto* locks = of(inode);
  if (!locks) return {};
  Spares spares;
  TRY(spares.fill());
  {
    Guard guard(locks->mutex_);
    locks->clear_locked(&owner, false, begin, end, spares);
    __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
  }
  locks->changed_.wake_all();
  return {};
}

void FileLocks::unlock_file(File& file) {
  auto* locks = of(file.inode());
  if (!locks) return;
  Spares none;  // the whole range goes: nothing is cut
  {
    Guard guard(locks->mutex_);
    locks->clear_locked(&file, true, 0, ~u64{0}, none);
    __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
  }
  locks->changed_.wake_all();
}

void FileLocks::release_owner(Inode& inode, FileTable& owner) {
  auto* locks = of(inode);
  if (!locks) return;
  Spares none;
  {
    Guard guard(locks->mutex_);
    locks->clear_locked(&owner, false, 0, ~u64{0}, none);
    __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
  }
  locks->changed_.wake_all();
}

void FileLocks::release_file(File& file) {
  unlock_file(file);
}

std::optional<LockRange> FileLocks::conflict(Inode& inode, FileTable& owner, const LockRange& range) {
  auto* locks = of(inode);
  if (!locks) return std::nullopt;
  Guard guard(locks->mutex_);
  const Lock* lock = locks->conflict_locked(&owner, false, range);
  if (!lock) return std::nullopt;
  return lock->range;
}

void FileLocks::destroy(Inode& inode) {
  delete std::exchange(inode.locks_, nullptr);
}

}  // namespace vari::linux
