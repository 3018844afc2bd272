// Futex operations on several words: a change of one that wakes two, and a wait for any of many.
#include <optional>

#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/process/futex.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using runtime::Wait;

namespace {

/// FUTEX_OP's fields: what to do with the old value, and how to compare it.
struct WakeOperation {
  u32 change, comparison;
  i32 operand, compared;

  static LinuxResult<WakeOperation> decode(u32 word) {
    constexpr u32 kShift = 8, kLastChange = 4, kLastComparison = 5;
    const auto extend = [](u32 twelve) { return static_cast<i32>(twelve << 20) >> 20; };
    WakeOperation made{word >> 28, word >> 24 & 15, extend(word >> 12 & 0xfff), extend(word & 0xfff)};
    if (made.change & kShift) {
      made.operand = static_cast<i32>(1u << (static_cast<u32>(made.operand) & 31));
      made.change &= ~kShift;
    }
    if (made.change > kLastChange || made.comparison > kLastComparison) return std::unexpected(Errno::NoSys);
    return made;
  }
  u32 apply(u32 old) const {
    const auto with = static_cast<u32>(operand);
    switch (change) {
      case 0: return with;
      case 1: return old + with;
      case 2: return old | with;
      case 3: return old & ~with;
      default: return old ^ with;
    }
  }
  bool holds(u32 value) const {
    const auto old = static_cast<i32>(value);
    switch (comparison) {
      case 0: return old == compared;
      case 1: return old != compared;
      case 2: return old < compared;
      case 3: return old <= compared;
      case 4: return old > compared;
      default: return old >= compared;
    }
  }
};

}  // namespace

/// The old value; `faulted`: nothing was done, the page is to be made writable first.
LinuxResult<u32> FutexTable::change_word(Task& task, u64 address, u32 operation, bool& faulted) {
  const auto decoded = TRY(WakeOperation::decode(operation));
  auto& domain = task.memory().domain();
  auto old = domain.load({address});
  while (old.has_value()) {
    const auto found = domain.compare_exchange({address}, *old, decoded.apply(*old));
    if (found.has_value() && *found == *old) return *old;
    old = found;
  }
  faulted = true;
  return 0;
}

LinuxResult<u32> FutexTable::wake_operation(Task& task, u64 address, u32 count, u64 second, u32 second_count,
                                            u32 operation, bool is_private) {
  const auto decoded = TRY(WakeOperation::decode(operation));
  const auto key = TRY(key_of(task.memory(), address, is_private));
  const auto second_key = TRY(key_of(task.memory(), second, is_private));
  auto& bucket = bucket_of(key);
  auto& second_bucket = bucket_of(second_key);
  for (;;) {
    {
      TwoLocks guard(bucket, second_bucket);
      bool faulted = false;
      const u32 old = TRY(change_word(task, second, operation, faulted));
      if (!faulted) {
        u32 woken = wake_locked(bucket, key, count, kAnyBits);
        if (decoded.holds(old)) woken += wake_locked(second_bucket, second_key, second_count, kAnyBits);
        return woken;
      }
    }
    if (!task.memory().resolve_fault(second, Access::Write).has_value()) return std::unexpected(Errno::Fault);
  }
}

LinuxResult<u32> FutexTable::wait_any(Task& task, std::span<const Word> words, Nanoseconds deadline) {
  struct Seats : runtime::Allocated {
    std::optional<Waiter> of[kMostWords];
  };
  runtime::Owner<Seats> seats(new (runtime::kFallible) Seats);
  if (!seats) return std::unexpected(Errno::NoMemory);
  Wait wait;
  LinuxResult<> entered;
  std::size_t count = 0;
  for (; count < words.size() && entered.has_value(); ++count) {
    const auto key = key_of(task.memory(), words[count].address, words[count].is_private);
    if (!key.has_value()) {
      entered = std::unexpected(key.error());
      break;
    }
    auto& seat = seats->of[count].emplace(wait, *key, kAnyBits);
    entered = enter(task, words[count].address, words[count].expected, seat);
  }
  auto outcome = Wait::Outcome::Pending;
  if (entered.has_value()) outcome = wait.block(deadline, runtime::Cancellation::Respect);
  std::optional<u32> woken;
  for (std::size_t i = 0; i < count; ++i) {
    auto& seat = seats->of[i];
    if (!seat.has_value()) continue;
    leave(*seat);
    if (seat->woken) woken = static_cast<u32>(i);
  }
  // A word was woken before all had been looked at: that is as good as a wait.
  if (woken) return *woken;
  if (!entered.has_value()) return std::unexpected(entered.error());
  return std::unexpected(outcome == Wait::Outcome::TimedOut ? Errno::TimedOut : Errno::RestartIfHandlerSays);
}

}  // namespace vari::linux
