// madvise and the mlock family: decodes, then asks the memory map (memory/advice.cc).
#include "personalities/linux/calls/memory_helpers.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"

namespace vari::linux {

namespace {

enum Advice : u64 {
  kWillNeed = 3,
  kDontNeed = 4,
  kFree = 8,
  kRemove = 9,
  kDontFork = 10,
  kDoFork = 11,
  kMergeable = 12,
  kWipeOnFork = 18,
  kKeepOnFork = 19,
  kPageOut = 21,
  kPopulateRead = 22,
  kPopulateWrite = 23,
  kDontNeedLocked = 24,
  kCollapse = 25,
};

bool is_known(u64 advice) {
  return advice <= kDontNeed || (advice >= kFree && advice <= kCollapse);
}

LinuxResult<> populate(Task& task, u64 begin, u64 bytes, Access wanted) {
  if (!task.memory().covered(begin, align_up(bytes, kPageBytes))) return std::unexpected(Errno::NoMemory);
  const auto done = fault_in(task, begin, begin + bytes, wanted);
  if (done.has_value()) return {};
  switch (done.error()) {
    case FaultError::Forbidden: return std::unexpected(Errno::Invalid);
    case FaultError::BeyondObject: return std::unexpected(Errno::Fault);
    case FaultError::NotMapped:
    case FaultError::OutOfMemory: break;
  }
  return std::unexpected(Errno::NoMemory);
}

LinuxResult<> advise(Task& task, u64 begin, u64 bytes, u64 advice) {
  using Behaviour = MemoryMap::ForkBehaviour;
  if (begin & (kPageBytes - 1) || !is_known(advice)) return std::unexpected(Errno::Invalid);
  if (bytes == 0) return {};
  if (!valid_range(begin, bytes)) return std::unexpected(Errno::Invalid);
  auto& memory = task.memory();
  switch (advice) {
    case kDontNeed: return memory.discard(begin, bytes);
    case kFree: return memory.discard(begin, bytes, true);
    case kRemove: return std::unexpected(Errno::Invalid);
    case kDontFork: return memory.set_fork_behaviour(begin, bytes, Behaviour::Drop);
    case kDoFork: return memory.set_fork_behaviour(begin, bytes, Behaviour::Keep);
    case kWipeOnFork: return memory.set_fork_behaviour(begin, bytes, Behaviour::Wipe);
    case kKeepOnFork: return memory.set_fork_behaviour(begin, bytes, Behaviour::KeepContents);
    case kPopulateRead: return populate(task, begin, bytes, Access::Read);
    case kPopulateWrite: return populate(task, begin, bytes, Access::Write);
    default:
      if (!memory.covered(begin, align_up(bytes, kPageBytes))) return std::unexpected(Errno::NoMemory);
      return {};
  }
}

/// What the caller may lock. Perm: nothing at all.
LinuxResult<u64> lock_limit(Task& task) {
  if (task.may(Capability::IpcLock)) return kUnlimited;
  const u64 limit = task.process().soft_limit(Resource::LockedBytes);
  if (limit == 0) return std::unexpected(Errno::Perm);
  return limit;
}

LinuxResult<> lock(Task& task, u64 begin, u64 bytes, bool locked, bool on_fault) {
  const u64 limit = locked ? TRY(lock_limit(task)) : kUnlimited;
  const u64 first = align_down(begin, kPageBytes);
  if (bytes > Domain::kUserEnd.value || begin > Domain::kUserEnd.value - bytes)
    return std::unexpected(Errno::NoMemory);
  const u64 end = align_up(begin + bytes, kPageBytes);
  if (first == end) return {};
  TRY(task.memory().set_locked(first, end, locked, limit));
  if (!locked || on_fault) return {};
  // Private pages are made the program's own at once, where it may write to them.
  for (u64 at = first; at < end; at += kPageBytes) {
    if (!fault_in(task, at, at + kPageBytes, Access::Write).has_value() &&
        !fault_in(task, at, at + kPageBytes, Access::Read).has_value())
      return std::unexpected(Errno::NoMemory);
  }
  return {};
}

LinuxResult<> lock_all(Task& task, u64 flags) {
  constexpr u64 kCurrent = 1, kFuture = 2, kOnFault = 4;
  if (flags == 0 || flags == kOnFault || flags & ~(kCurrent | kFuture | kOnFault))
    return std::unexpected(Errno::Invalid);
  const u64 limit = TRY(lock_limit(task));
  auto future = MemoryMap::FutureLock::None;
  if (flags & kFuture)
    future = flags & kOnFault ? MemoryMap::FutureLock::OnFault : MemoryMap::FutureLock::AtOnce;
  auto& memory = task.memory();
  TRY(memory.set_all_locked((flags & kCurrent) != 0, future, limit));
  if (!(flags & kCurrent) || (flags & kOnFault)) return {};
  RegionDescription region;
  for (u64 after = 0; memory.describe(after, region); after = region.end) {
    const bool writes = allows(region.access, Access::Write);
    (void)fault_in(task, region.begin, region.end, writes ? Access::Write : Access::Read);
  }
  return {};
}

}  // namespace

i64 call_madvise(Task& task, const Arguments& arguments) {
  return to_return_value(advise(task, arguments.a[0], arguments.a[1], static_cast<u32>(arguments.a[2])));
}
i64 call_mlock(Task& task, const Arguments& arguments) {
  return to_return_value(lock(task, arguments.a[0], arguments.a[1], true, false));
}
i64 call_munlock(Task& task, const Arguments& arguments) {
  return to_return_value(lock(task, arguments.a[0], arguments.a[1], false, false));
}
i64 call_mlock2(Task& task, const Arguments& arguments) {
  constexpr u64 kOnFault = 1;
  if (arguments.a[2] & ~kOnFault) return failure(Errno::Invalid);
  return to_return_value(lock(task, arguments.a[0], arguments.a[1], true, (arguments.a[2] & kOnFault) != 0));
}
i64 call_mlockall(Task& task, const Arguments& arguments) {
  return to_return_value(lock_all(task, static_cast<u32>(arguments.a[0])));
}
i64 call_munlockall(Task& task, const Arguments&) {
  return to_return_value(task.memory().set_all_locked(false, MemoryMap::FutureLock::None, kUnlimited));
}

}  // namespace vari::linux
