// futex and futex_waitv: decodes operations and times; the sleeping is in process/futex.h.
#include "personalities/linux/calls/call_time.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/memory/user_memory.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

enum Operation : u32 {
  kWait = 0,
  kWake = 1,
  kRequeue = 3,
  kCompareRequeue = 4,
  kWakeOperation = 5,
  kLock = 6,
  kUnlock = 7,
  kTryLock = 8,
  kWaitBits = 9,
  kWakeBits = 10,
  kWaitRequeueLock = 11,
  kCompareRequeueLock = 12,
  kLock2 = 13,
};
constexpr u32 kPrivate = 128, kRealtime = 256;

/// When the operation is to give up; kForever without a time.
LinuxResult<Nanoseconds> deadline_of(Task& task, u32 operation, u64 address) {
  if (address == 0) return kForever;
  const auto given = TRY(task.user().read<TimeSpec>(address));
  if (!given.valid()) return std::unexpected(Errno::Invalid);
  const u32 command = operation & ~(kPrivate | kRealtime);
  if (command == kWait) return given.total() + task.personality().place().monotonic_ns();
  return monotonic_of(task, given.total(), command == kLock || (operation & kRealtime));
}

LinuxResult<u64> sleeping(Task& task, u32 operation, const Arguments& arguments) {
  const auto [address, u1, value, timeout, target, value3] = arguments.a;
  const bool is_private = operation & kPrivate;
  auto& table = task.personality().futexes();
  const auto expected = static_cast<u32>(value);
  const Nanoseconds deadline = TRY(deadline_of(task, operation, timeout));
  switch (operation & ~(kPrivate | kRealtime)) {
    case kWait: TRY(table.wait(task, address, expected, FutexTable::kAnyBits, is_private, deadline)); break;
    case kWaitBits:
      TRY(table.wait(task, address, expected, static_cast<u32>(value3), is_private, deadline));
      break;
    case kWaitRequeueLock:
      TRY(table.wait_requeued(task, address, expected, target, is_private, deadline));
      break;
    default: TRY(table.lock_inheriting(task, address, is_private, false, deadline)); break;
  }
  return 0;
}

LinuxResult<u64> requeueing(Task& task, u32 command, bool is_private, const Arguments& arguments) {
  const auto [address, u1, value, moved, target, value3] = arguments.a;
  auto& table = task.personality().futexes();
  const auto expected = static_cast<u32>(value3);
  if (static_cast<i32>(value) < 0 || static_cast<i32>(moved) < 0) return std::unexpected(Errno::Invalid);
  if (command == kCompareRequeueLock) {
    if (value != 1) return std::unexpected(Errno::Invalid);
    return TRY(
        table.requeue_inheriting(task, address, target, static_cast<u32>(moved), expected, is_private));
  }
  return TRY(table.requeue(task, address, static_cast<u32>(value), target, static_cast<u32>(moved),
                           command == kCompareRequeue ? &expected : nullptr, is_private));
}

LinuxResult<u64> futex(Task& task, const Arguments& arguments) {
  const auto [address, whole, value, second_count, target, value3] = arguments.a;
  const auto operation = static_cast<u32>(whole);
  const u32 command = operation & ~(kPrivate | kRealtime);
  const bool is_private = operation & kPrivate;
  const auto count = static_cast<u32>(value);
  auto& table = task.personality().futexes();
  if ((operation & kRealtime) && command != kWaitBits && command != kWaitRequeueLock && command != kLock2)
    return std::unexpected(Errno::NoSys);
  switch (command) {
    case kWait:
    case kWaitBits:
    case kWaitRequeueLock:
    case kLock:
    case kLock2: return sleeping(task, operation, arguments);
    case kTryLock: TRY(table.lock_inheriting(task, address, is_private, true, kForever)); return 0;
    case kUnlock: TRY(table.unlock_inheriting(task, address, is_private)); return 0;
    case kWake: return TRY(table.wake(task.memory(), address, count, FutexTable::kAnyBits, is_private));
    case kWakeBits:
      return TRY(table.wake(task.memory(), address, count, static_cast<u32>(value3), is_private));
    case kWakeOperation:
      return TRY(table.wake_operation(task, address, count, target, static_cast<u32>(second_count),
                                      static_cast<u32>(value3), is_private));
    case kRequeue:
    case kCompareRequeue:
    case kCompareRequeueLock: return requeueing(task, command, is_private, arguments);
    default: return std::unexpected(Errno::NoSys);
  }
}

/// struct futex_waitv.
struct UserWord {
  static constexpr u32 kSize32 = 2;
  u64 value, address;
  u32 flags, reserved;
};

LinuxResult<u64> wait_any(Task& task, const Arguments& arguments) {
  constexpr u64 kRealtimeClock = 0, kMonotonicClock = 1;
  const auto [list, count, flags, timeout, clock, u5] = arguments.a;
  if (flags != 0 || count == 0 || count > FutexTable::kMostWords) return std::unexpected(Errno::Invalid);
  Nanoseconds deadline = kForever;
  if (timeout) {
    if (clock != kRealtimeClock && clock != kMonotonicClock) return std::unexpected(Errno::Invalid);
    const auto given = TRY(task.user().read<TimeSpec>(timeout));
    if (!given.valid()) return std::unexpected(Errno::Invalid);
    deadline = monotonic_of(task, given.total(), clock == kRealtimeClock);
  }
  FutexTable::Word words[FutexTable::kMostWords];
  for (u64 i = 0; i < count; ++i) {
    const auto given = TRY(task.user().read<UserWord>(list + i * sizeof(UserWord)));
    if ((given.flags & ~kPrivate) != UserWord::kSize32 || given.reserved)
      return std::unexpected(Errno::Invalid);
    words[i] = {given.address, static_cast<u32>(given.value), (given.flags & kPrivate) != 0};
  }
  return TRY(task.personality().futexes().wait_any(task, {words, count}, deadline));
}

}  // namespace

i64 call_futex(Task& task, const Arguments& arguments) {
  return to_return_value(futex(task, arguments));
}
i64 call_futex_waitv(Task& task, const Arguments& arguments) {
  return to_return_value(wait_any(task, arguments));
}

}  // namespace vari::linux
