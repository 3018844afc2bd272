// See robust_list.h; struct robust_list_head is {next, futex offset, pending}.
#include "personalities/linux/process/robust_list.h"

#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

constexpr u32 kWaiters = 0x8000'0000, kOwnerDied = 0x4000'0000, kOwnerMask = 0x3fff'ffff;
constexpr u32 kMaximumEntries = 2048;

/// False: the word can't be reached.
bool release_one(Task& task, u64 word) {
  if (word & 3) return false;
  auto& domain = task.memory().domain();
  for (;;) {
    const auto value = task.user().read<u32>(word);
    if (!value.has_value()) return false;
    if ((*value & kOwnerMask) != static_cast<u32>(task.id())) return true;
    if (!task.memory().resolve_fault(word, Access::Write).has_value()) return false;
    const auto found = domain.compare_exchange({word}, *value, (*value & kWaiters) | kOwnerDied);
    if (!found.has_value() || *found != *value) continue;
    if (*value & kWaiters)
      (void)task.personality().futexes().wake(task.memory(), word, 1, FutexTable::kAnyBits, false);
    return true;
  }
}

}  // namespace

void release_robust_futexes(Task& task, u64 list_head) {
  struct Head {
    u64 next, offset, pending;
  };
  const auto head = task.user().read<Head>(list_head);
  if (!head.has_value()) return;
  // Bit 0 of a pointer says that the lock inherits priority.
  u64 entry = head->next & ~u64{1};
  for (u32 i = 0; i < kMaximumEntries && entry != list_head; ++i) {
    const auto next = task.user().read<u64>(entry);
    if (entry != (head->pending & ~u64{1}) && !release_one(task, entry + head->offset)) break;
    if (!next.has_value()) break;
    entry = *next & ~u64{1};
  }
  if (head->pending) (void)release_one(task, (head->pending & ~u64{1}) + head->offset);
}

}  // namespace vari::linux
