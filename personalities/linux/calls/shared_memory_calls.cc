// shmget, shmat, shmdt, shmctl.
#include <algorithm>

#include "personalities/linux/calls/memory_helpers.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/ipc/system_v.h"
#include "personalities/linux/memory/anonymous_object.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"

namespace vari::linux {

namespace {

using ipc::SharedSegment;

constexpr u32 kDestroyed = 01000;
constexpr u64 kMostBytes = ~u64{0} >> 8;

i64 now_s(Task& task) {
  return static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
}

LinuxResult<i32> get(Task& task, i32 key, u64 bytes, u32 flags) {
  auto& table = task.personality().system_v().segments();
  return table.get(
      task.identity(), key, flags,
      [&](SharedSegment& found) -> LinuxResult<> {
        if (bytes > found.bytes()) return std::unexpected(Errno::Invalid);
        return {};
      },
      [&](u32 mode) -> LinuxResult<Ref<SharedSegment>> {
        if (bytes == 0 || bytes > kMostBytes) return std::unexpected(Errno::Invalid);
        if (bytes > task.personality().place().memory_statistics().total_bytes)
          return std::unexpected(Errno::NoMemory);
        auto pages = TRY(AnonymousObject::create(task.personality().frames(), align_up(bytes, kPageBytes)));
        auto made =
            TRY(runtime::make<SharedSegment>(table, task.identity(), key, mode, bytes, std::move(pages)));
        made->note_change(now_s(task), task.process().id());
        return made;
      });
}

LinuxResult<u64> attach(Task& task, i32 id, u64 address, u32 flags) {
  constexpr u32 kReadOnly = 010000, kRound = 020000, kRemap = 040000, kExecute = 0100000;
  const auto segment = TRY(task.personality().system_v().segments().find(id));
  if (address & (kPageBytes - 1)) {
    if (!(flags & kRound)) return std::unexpected(Errno::Invalid);
    address = align_down(address, kPageBytes);
  }
  if ((flags & kRemap) && address == 0) return std::unexpected(Errno::Invalid);
  TRY(segment->check(task.identity(),
                     ipc::kMayRead | (flags & kReadOnly ? 0 : ipc::kMayWrite) | (flags & kExecute ? 1 : 0)));
  MemoryMap::Request request{.address = address, .bytes = segment->bytes(), .access = Access::Read};
  if (!(flags & kReadOnly)) request.access = request.access | Access::Write;
  if (flags & kExecute) request.access = request.access | Access::Execute;
  request.fixed = address != 0;
  request.replace = (flags & kRemap) != 0;
  request.shared = true;
  request.may_write = !(flags & kReadOnly);
  request.object = TRY(segment->attach());
  const auto begin = task.memory().map(request);
  if (!begin.has_value())
    return std::unexpected(begin.error() == Errno::Exists ? Errno::Invalid : begin.error());
  segment->note_attach(task.process().id(), now_s(task));
  return *begin;
}

/// What is still mapped of the attachment that began at `address`.
LinuxResult<> detach(Task& task, u64 address) {
  if (address & (kPageBytes - 1)) return std::unexpected(Errno::Invalid);
  auto& memory = task.memory();
  const auto found = memory.shared_word(address);
  if (!found.object || found.page != 0 || found.object->attached_bytes() == 0)
    return std::unexpected(Errno::Invalid);
  const u64 end = address + align_up(found.object->attached_bytes(), kPageBytes);
  for (u64 at = address; at < end;) {
    u64 upto = at;
    while (upto < end && memory.shared_word(upto).object == found.object) upto += kPageBytes;
    if (upto > at) TRY(memory.unmap(at, upto - at));
    at = upto + kPageBytes;
  }
  auto& segment = static_cast<ipc::SegmentAttachment&>(*found.object).segment();
  segment.note_detach(task.process().id(), now_s(task));
  return {};
}

/// struct shmid64_ds.
struct UserStatus {
  ipc::Permission permission;
  u64 bytes;
  i64 attached_at, detached_at, changed_at;
  i32 creator, last;
  u64 attachments, unused[2];
};
static_assert(sizeof(UserStatus) == 112);

UserStatus status_of(SharedSegment& segment) {
  const auto status = segment.status();
  UserStatus told{};
  told.permission = segment.permission();
  if (segment.removed()) told.permission.mode |= kDestroyed;
  told.bytes = segment.bytes();
  told.attached_at = status.attached_at;
  told.detached_at = status.detached_at;
  told.changed_at = status.changed_at;
  told.creator = status.creator;
  told.last = status.last;
  told.attachments = status.attachments;
  return told;
}

LinuxResult<i32> tell_limits(Task& task, u32 command, u64 address) {
  auto& table = task.personality().system_v().segments();
  i32 highest = 0;
  u64 pages = 0;
  i32 used = 0;
  for (u32 i = 0; i < ipc::TableBase::kMost; ++i) {
    if (const auto segment = table.at(i)) {
      highest = static_cast<i32>(i);
      ++used;
      pages += align_up(segment->bytes(), kPageBytes) >> kPageShift;
    }
  }
  if (command == ipc::kInfo) {
    const u64 limits[9] = {kMostBytes, 1, ipc::TableBase::kMost, ipc::TableBase::kMost,
                           kMostBytes >> kPageShift};
    TRY(task.user().write(address, limits));
    return highest;
  }
  struct {
    i32 used, padding;
    u64 pages, resident, swapped, attempts, successes;
  } info{used, 0, pages, pages, 0, 0, 0};
  TRY(task.user().write(address, info));
  return highest;
}

LinuxResult<i32> control(Task& task, i32 id, u32 command, u64 address) {
  enum : u32 { kLock = 11, kUnlock = 12, kStatIndex = 13, kInfoUsed = 14, kStatAny = 15 };
  auto& table = task.personality().system_v().segments();
  if (id < 0) return std::unexpected(Errno::Invalid);
  if (command == ipc::kInfo || command == kInfoUsed) return tell_limits(task, command, address);
  const bool by_index = command == kStatIndex || command == kStatAny;
  Ref<SharedSegment> segment;
  if (by_index) {
    segment = table.at(static_cast<u32>(id));
    if (!segment) return std::unexpected(Errno::Invalid);
  } else {
    segment = TRY(table.find(id));
  }
  switch (command) {
    case ipc::kStat:
    case kStatIndex:
    case kStatAny:
      if (command != kStatAny) TRY(segment->check(task.identity(), ipc::kMayRead));
      TRY(task.user().write(address, status_of(*segment)));
      return by_index ? segment->id() : 0;
    case ipc::kSet: {
      const auto wanted = TRY(task.user().read<UserStatus>(address));
      TRY(segment->check_owner(task.identity()));
      segment->change(wanted.permission);
      segment->note_change(now_s(task));
      return 0;
    }
    case ipc::kRemove:
      TRY(segment->check_owner(task.identity()));
      table.remove_when_unused(*segment);
      return 0;
    case kLock:
    case kUnlock: TRY(segment->check_owner(task.identity())); return 0;
    default: return std::unexpected(Errno::Invalid);
  }
}

}  // namespace

i64 call_shmget(Task& task, const Arguments& arguments) {
  return to_return_value(
      get(task, static_cast<i32>(arguments.a[0]), arguments.a[1], static_cast<u32>(arguments.a[2])));
}
i64 call_shmat(Task& task, const Arguments& arguments) {
  return to_return_value(
      attach(task, static_cast<i32>(arguments.a[0]), arguments.a[1], static_cast<u32>(arguments.a[2])));
}
i64 call_shmdt(Task& task, const Arguments& arguments) {
  return to_return_value(detach(task, arguments.a[0]));
}
i64 call_shmctl(Task& task, const Arguments& arguments) {
  return to_return_value(
      control(task, static_cast<i32>(arguments.a[0]), static_cast<u32>(arguments.a[1]), arguments.a[2]));
}

}  // namespace vari::linux
