// semget, semop, semtimedop, semctl.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/ipc/system_v.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"

namespace vari::linux {

namespace {

using ipc::SemaphoreOperation;
using ipc::SemaphoreSet;

i64 now_s(Task& task) {
  return static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
}

LinuxResult<i32> get(Task& task, i32 key, i32 count, u32 flags) {
  if (count < 0 || static_cast<u32>(count) > SemaphoreSet::kMostSemaphores)
    return std::unexpected(Errno::Invalid);
  return task.personality().system_v().semaphores().get(
      task.identity(), key, flags,
      [&](SemaphoreSet& found) -> LinuxResult<> {
        if (static_cast<u32>(count) > found.count()) return std::unexpected(Errno::Invalid);
        return {};
      },
      [&](u32 mode) -> LinuxResult<Ref<SemaphoreSet>> {
        if (count == 0) return std::unexpected(Errno::Invalid);
        auto made = TRY(SemaphoreSet::create(task.identity(), key, mode, static_cast<u32>(count)));
        made->changed(now_s(task));
        return made;
      });
}

LinuxResult<> operate(Task& task, i32 id, u64 address, u64 count, u64 timeout) {
  Nanoseconds deadline = kForever;
  if (timeout) {
    const auto given = TRY(task.user().read<TimeSpec>(timeout));
    if (!given.valid()) return std::unexpected(Errno::Invalid);
    deadline = task.personality().place().monotonic_ns() + given.total();
  }
  if (count == 0 || id < 0) return std::unexpected(Errno::Invalid);
  if (count > SemaphoreSet::kMostOperations) return std::unexpected(Errno::TooBig);
  struct Room : runtime::Allocated {
    SemaphoreOperation of[SemaphoreSet::kMostOperations];
  };
  runtime::Owner<Room> room(new (runtime::kFallible) Room);
  if (!room) return std::unexpected(Errno::NoMemory);
  TRY(task.user().copy_in(room->of, address, count * sizeof(SemaphoreOperation)));
  const std::span<const SemaphoreOperation> operations(room->of, count);
  const auto set = TRY(task.personality().system_v().semaphores().find(id));
  bool changes = false;
  for (const auto& operation : operations) {
    if (operation.number >= set->count()) return std::unexpected(Errno::FileTooBig);
    changes |= operation.change != 0;
  }
  TRY(set->check(task.identity(), changes ? ipc::kMayWrite : ipc::kMayRead));
  return set->operate(task, operations, deadline);
}

/// struct semid64_ds.
struct UserStatus {
  ipc::Permission permission;
  i64 operated_at;
  u64 unused1;
  i64 changed_at;
  u64 unused2, count, unused3[2];
};
static_assert(sizeof(UserStatus) == 104);

LinuxResult<i32> tell_limits(Task& task, u32 command, u64 address) {
  auto& table = task.personality().system_v().semaphores();
  i32 highest = 0, sets = 0, semaphores = 0;
  for (u32 i = 0; i < ipc::TableBase::kMost; ++i) {
    if (const auto set = table.at(i)) {
      highest = static_cast<i32>(i);
      ++sets;
      semaphores += static_cast<i32>(set->count());
    }
  }
  constexpr i32 kMostSets = ipc::TableBase::kMost, kMost = SemaphoreSet::kMostSemaphores;
  i32 info[10] = {kMostSets * kMost,
                  kMostSets,
                  kMostSets * kMost,
                  kMostSets * kMost,
                  kMost,
                  SemaphoreSet::kMostOperations,
                  SemaphoreSet::kMostOperations,
                  20,
                  SemaphoreSet::kMostValue,
                  SemaphoreSet::kMostValue};
  if (command != ipc::kInfo) {
    info[7] = sets;
    info[9] = semaphores;
  }
  TRY(task.user().write(address, info));
  return highest;
}

enum Command : u32 {
  kGetProcess = 11,
  kGetValue = 12,
  kGetAll = 13,
  kGetWaiting = 14,
  kGetWaitingForZero = 15,
  kSetValue = 16,
  kSetAll = 17,
  kStatIndex = 18,
  kInfoUsed = 19,
  kStatAny = 20,
};

LinuxResult<i32> all_values(Task& task, SemaphoreSet& set, u64 address, bool write) {
  TRY(set.check(task.identity(), write ? ipc::kMayWrite : ipc::kMayRead));
  for (u32 i = 0; !write && i < set.count(); ++i)
    TRY(task.user().write(address + i * sizeof(u16), static_cast<u16>(set.get(i).value)));
  if (!write) return 0;
  auto* values = static_cast<u16*>(runtime::allocate(set.count() * sizeof(u16)));
  if (!values) return std::unexpected(Errno::NoMemory);
  LinuxResult<> done = task.user().copy_in(values, address, set.count() * sizeof(u16));
  if (done &&
      std::any_of(values, values + set.count(), [](u16 value) { return value > SemaphoreSet::kMostValue; }))
    done = std::unexpected(Errno::Range);
  if (done) set.set(task, 0, {values, set.count()});
  runtime::free(values, set.count() * sizeof(u16));
  TRY(done);
  return 0;
}

LinuxResult<i32> one_value(Task& task, SemaphoreSet& set, i32 number, u32 command, i32 value) {
  if (number < 0 || static_cast<u32>(number) >= set.count()) return std::unexpected(Errno::Invalid);
  if (command == kSetValue) {
    if (value < 0 || value > SemaphoreSet::kMostValue) return std::unexpected(Errno::Range);
    TRY(set.check(task.identity(), ipc::kMayWrite));
    const auto wanted = static_cast<u16>(value);
    set.set(task, static_cast<u32>(number), {&wanted, 1});
    return 0;
  }
  TRY(set.check(task.identity(), ipc::kMayRead));
  const auto semaphore = set.get(static_cast<u32>(number));
  switch (command) {
    case kGetProcess: return semaphore.last_process;
    case kGetValue: return semaphore.value;
    case kGetWaiting: return static_cast<i32>(semaphore.waiting_for_more);
    default: return static_cast<i32>(semaphore.waiting_for_zero);
  }
}

LinuxResult<i32> status(Task& task, SemaphoreSet& set, u32 command, u64 address) {
  if (command != kStatAny) TRY(set.check(task.identity(), ipc::kMayRead));
  UserStatus told{};
  told.permission = set.permission();
  told.operated_at = set.operated_at();
  told.changed_at = set.changed_at();
  told.count = set.count();
  TRY(task.user().write(address, told));
  return command == ipc::kStat ? 0 : set.id();
}

LinuxResult<i32> control(Task& task, i32 id, i32 number, u32 command, u64 argument) {
  auto& table = task.personality().system_v().semaphores();
  if (id < 0) return std::unexpected(Errno::Invalid);
  if (command == ipc::kInfo || command == kInfoUsed) return tell_limits(task, command, argument);
  const bool by_index = command == kStatIndex || command == kStatAny;
  if (by_index && !table.at(static_cast<u32>(id))) return std::unexpected(Errno::Invalid);
  const auto set = by_index ? table.at(static_cast<u32>(id)) : TRY(table.find(id));
  switch (command) {
    case ipc::kStat:
    case kStatIndex:
    case kStatAny: return status(task, *set, command, argument);
    case ipc::kSet: {
      const auto wanted = TRY(task.user().read<UserStatus>(argument));
      TRY(set->check_owner(task.identity()));
      set->change(wanted.permission);
      set->changed(now_s(task));
      return 0;
    }
    case ipc::kRemove:
      TRY(set->check_owner(task.identity()));
      table.remove(*set);
      set->end();
      return 0;
    case kGetAll: return all_values(task, *set, argument, false);
    case kSetAll: return all_values(task, *set, argument, true);
    case kGetProcess:
    case kGetValue:
    case kGetWaiting:
    case kGetWaitingForZero:
    case kSetValue: return one_value(task, *set, number, command, static_cast<i32>(argument));
    default: return std::unexpected(Errno::Invalid);
  }
}

}  // namespace

i64 call_semget(Task& task, const Arguments& arguments) {
  return to_return_value(get(task, static_cast<i32>(arguments.a[0]), static_cast<i32>(arguments.a[1]),
                             static_cast<u32>(arguments.a[2])));
}
i64 call_semop(Task& task, const Arguments& arguments) {
  return to_return_value(
      operate(task, static_cast<i32>(arguments.a[0]), arguments.a[1], static_cast<u32>(arguments.a[2]), 0));
}
i64 call_semtimedop(Task& task, const Arguments& arguments) {
  return to_return_value(operate(task, static_cast<i32>(arguments.a[0]), arguments.a[1],
                                 static_cast<u32>(arguments.a[2]), arguments.a[3]));
}
i64 call_semctl(Task& task, const Arguments& arguments) {
  return to_return_value(control(task, static_cast<i32>(arguments.a[0]), static_cast<i32>(arguments.a[1]),
                                 static_cast<u32>(arguments.a[2]), arguments.a[3]));
}

}  // namespace vari::linux
