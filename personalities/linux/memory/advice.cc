// What programs advise or demand of ranges: madvise and mlock. Nothing ever leaves for a disk here, so locked
// memory is memory that is there from the start, counts against a limit, and can't be dropped.
#include <algorithm>

#include "personalities/linux/memory/memory_map.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

LinuxResult<> MemoryMap::discard(u64 begin, u64 bytes, bool only_private) {
  const u64 end = begin + align_up(bytes, kPageBytes);
  Guard<Mutex> guard(lock_);
  for (u64 at = begin; at < end;) {
    const auto* region = find(at);
    if (!region) return std::unexpected(Errno::NoMemory);
    if (region->locked) return std::unexpected(Errno::Invalid);
    if (only_private && (region->shared || region->object)) return std::unexpected(Errno::Invalid);
    drop_pages(at, std::min(end, region->end));
    at = region->end;
  }
  return {};
}

LinuxResult<> MemoryMap::set_fork_behaviour(u64 begin, u64 bytes, ForkBehaviour behaviour) {
  const u64 end = begin + align_up(bytes, kPageBytes);
  const bool wipes = behaviour == ForkBehaviour::Wipe;
  Guard<Mutex> guard(lock_);
  TRY(split_at(begin));
  TRY(split_at(end));
  for (auto at = regions_.upper_bound(begin); at != regions_.end() && at->begin < end; ++at) {
    if (wipes && (at->shared || at->object)) return std::unexpected(Errno::Invalid);
    switch (behaviour) {
      case ForkBehaviour::Keep: at->keep_on_fork = true; break;
      case ForkBehaviour::Drop: at->keep_on_fork = false; break;
      case ForkBehaviour::Wipe: at->wipe_on_fork = true; break;
      case ForkBehaviour::KeepContents: at->wipe_on_fork = false; break;
    }
  }
  merge_around(begin, end);
  return {};
}

u64 MemoryMap::locked_bytes() {
  u64 sum = 0;
  for (const auto& region : regions_) sum += region.locked ? region.bytes() : 0;
  return sum;
}

LinuxResult<> MemoryMap::set_locked(u64 begin, u64 end, bool locked, u64 limit_bytes) {
  Guard<Mutex> guard(lock_);
  u64 already = 0;
  for (u64 at = begin; at < end;) {
    const auto* region = find(at);
    if (!region) return std::unexpected(Errno::NoMemory);
    const u64 upto = std::min(end, region->end);
    if (region->locked) already += upto - at;
    at = upto;
  }
  if (locked && locked_bytes() - already + (end - begin) > limit_bytes)
    return std::unexpected(Errno::NoMemory);
  TRY(split_at(begin));
  TRY(split_at(end));
  for (auto at = regions_.upper_bound(begin); at != regions_.end() && at->begin < end; ++at)
    at->locked = locked;
  merge_around(begin, end);
  return {};
}

LinuxResult<> MemoryMap::set_all_locked(bool locked, FutureLock future, u64 limit_bytes) {
  Guard<Mutex> guard(lock_);
  if (locked && virtual_bytes_ > limit_bytes) return std::unexpected(Errno::NoMemory);
  __atomic_store_n(&lock_future_, static_cast<u8>(future), __ATOMIC_RELAXED);
  if (!locked && future != FutureLock::None) return {};
  for (auto& region : regions_) region.locked = locked;
  return {};
}

}  // namespace vari::linux
