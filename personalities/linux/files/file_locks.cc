// See file_locks.h.
#include "personalities/linux/files/file_locks.h"

#include <algorithm>

#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/vfs.h"

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

void FileLocks::absorb_locked(const void* owner, bool whole, LockRange& range) {
  for (auto at = locks_.begin(); at != locks_.end();) {
    const Lock& lock = *at;
    const bool touches = lock.range.begin <= range.end + 1 && range.begin <= lock.range.end + 1;
    if (lock.owner != owner || lock.whole != whole || lock.range.exclusive != range.exclusive || !touches) {
      ++at;
      continue;
    }
    range.begin = std::min(range.begin, lock.range.begin);
    range.end = std::max(range.end, lock.range.end);
    at = locks_.erase_and_dispose(at, [](Lock* gone) { delete gone; });
  }
}

LinuxResult<> FileLocks::take(Inode& inode, const void* owner, bool whole, const LockRange& wanted,
                              bool wait) {
  auto* locks = TRY(make(inode));
  auto& waits = inode.file_system().vfs().lock_waits();
  const bool finds_rings = !whole && wanted.pid >= 0;
  LockWaits::Edge edge;
  edge.owner = owner;
  edge.locks = locks;
  struct Leave {
    LockWaits& waits;
    LockWaits::Edge& edge;
    ~Leave() { waits.leave(edge); }
  } leave{waits, edge};
  Spares spares;
  TRY(spares.fill());
  for (;;) {
    u32 seen = 0;
    {
      Guard guard(locks->mutex_);
      const Lock* other = locks->conflict_locked(owner, whole, wanted);
      if (!other) {
        locks->clear_locked(owner, whole, wanted.begin, wanted.end, spares);
        Lock* lock = spares.take();
        lock->owner = owner;
        lock->whole = whole;
        lock->range = wanted;
        if (!whole) locks->absorb_locked(owner, whole, lock->range);
        locks->locks_.push_back(*lock);
        // Turning exclusive into shared may let others in.
        waits.released(*locks, owner);
        __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
        break;
      }
      if (wait && finds_rings && !waits.enter(edge, other->owner)) return std::unexpected(Errno::Deadlock);
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

LinuxResult<> FileLocks::lock_range(Inode& inode, const void* owner, const LockRange& range, bool wait) {
  return take(inode, owner, false, range, wait);
}

LinuxResult<> FileLocks::unlock_range(Inode& inode, const void* owner, u64 begin, u64 end) {
  auto* locks = of(inode);
  if (!locks) return {};
  Spares spares;
  TRY(spares.fill());
  {
    Guard guard(locks->mutex_);
    locks->clear_locked(owner, false, begin, end, spares);
    inode.file_system().vfs().lock_waits().released(*locks, owner);
    __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
  }
  locks->changed_.wake_all();
  return {};
}

void FileLocks::release_all(Inode& inode, const void* owner, bool whole) {
  auto* locks = of(inode);
  if (!locks) return;
  Spares none;  // the whole range goes: nothing is cut
  {
    Guard guard(locks->mutex_);
    locks->clear_locked(owner, whole, 0, ~u64{0}, none);
    inode.file_system().vfs().lock_waits().released(*locks, owner);
    __atomic_fetch_add(&locks->generation_, 1, __ATOMIC_RELEASE);
  }
  locks->changed_.wake_all();
}

void FileLocks::unlock_file(File& file) {
  release_all(file.inode(), &file, true);
}

void FileLocks::release_owner(Inode& inode, FileTable& owner) {
  release_all(inode, &owner, false);
}

void FileLocks::release_file(File& file) {
  if (!of(file.inode())) return;
  release_all(file.inode(), &file, true);
  release_all(file.inode(), &file, false);
}

std::optional<LockRange> FileLocks::conflict(Inode& inode, const void* owner, const LockRange& range) {
  auto* locks = of(inode);
  if (!locks) return std::nullopt;
  Guard guard(locks->mutex_);
  const Lock* lock = locks->conflict_locked(owner, false, range);
  if (!lock) return std::nullopt;
  return lock->range;
}

void FileLocks::destroy(Inode& inode) {
  delete std::exchange(inode.locks_, nullptr);
}

}  // namespace vari::linux
