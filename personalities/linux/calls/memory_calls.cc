// mmap and its family: decodes flags and ranges, then asks the memory map.
#include <algorithm>

#include "personalities/linux/calls/memory_helpers.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/memory/anonymous_object.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

constexpr u64 kProtWrite = 2, kProtExecute = 4, kProtMask = 7;
constexpr u64 kProtGrowsDown = 0x0100'0000, kProtGrowsUp = 0x0200'0000;
constexpr u64 kMapShared = 1, kMapPrivate = 2, kMapSharedValidate = 3, kMapTypeMask = 0xf, kMapFixed = 0x10,
              kMapAnonymous = 0x20, kMap32Bit = 0x40, kMapGrowsDown = 0x100, kMapNoReserve = 0x4000,
              kMapPopulate = 0x8000, kMapFixedNoReplace = 0x10'0000;

/// x86 can't write or execute what it can't read.
Access access_of(u64 protection) {
  Access access = Access::None;
  if (protection & kProtMask) access = Access::Read;
  if (protection & kProtWrite) access = access | Access::Write;
  if (protection & kProtExecute) access = access | Access::Execute;
  return access;
}

LinuxResult<> attach_file(Task& task, i64 descriptor, u64 offset, MemoryMap::Request& request) {
  auto file = TRY(task.files().get(descriptor));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  if (!file->can_read()) return std::unexpected(Errno::Access);
  if (request.shared && !file->can_write()) {
    if (allows(request.access, Access::Write)) return std::unexpected(Errno::Access);
    request.may_write = false;
  }
  const Path* path = file->path();
  if (allows(request.access, Access::Execute) && path && path->mount &&
      (path->mount->flags() & Mount::kNoExecute))
    return std::unexpected(Errno::Perm);
  request.object = TRY(file->memory_object());
  request.first_page = offset >> kPageShift;
  return {};
}

LinuxResult<u64> map_memory(Task& task, const Arguments& arguments) {
  const auto [address, bytes, protection, flags, descriptor, offset] = arguments.a;
  if (offset & (kPageBytes - 1) || bytes == 0) return std::unexpected(Errno::Invalid);
  if (offset + bytes < offset) return std::unexpected(Errno::Overflow);
  const u64 type = flags & kMapTypeMask;
  if (type != kMapShared && type != kMapPrivate && type != kMapSharedValidate)
    return std::unexpected(Errno::Invalid);
  MemoryMap::Request request{.address = address, .bytes = bytes, .access = access_of(protection)};
  request.fixed = (flags & (kMapFixed | kMapFixedNoReplace)) != 0;
  request.replace = !(flags & kMapFixedNoReplace);
  request.shared = type != kMapPrivate;
  request.grows_down = (flags & kMapGrowsDown) != 0;
  request.no_reserve = (flags & kMapNoReserve) != 0;
  request.low = (flags & kMap32Bit) != 0;
  if (!(flags & kMapAnonymous)) {
    TRY(attach_file(task, static_cast<i32>(descriptor), offset, request));
  } else if (request.shared) {
    if (bytes > task.personality().place().memory_statistics().total_bytes)
      return std::unexpected(Errno::NoMemory);
    request.object = TRY(AnonymousObject::create(task.personality().frames(), align_up(bytes, kPageBytes)));
  }
  const u64 begin = TRY(task.memory().map(request));
  if ((flags & kMapPopulate) || task.memory().future_lock() == MemoryMap::FutureLock::AtOnce)
    (void)fault_in(task, begin, begin + bytes,
                   allows(request.access, Access::Write) ? Access::Write : Access::Read);
  return begin;
}

}  // namespace

i64 call_mmap(Task& task, const Arguments& arguments) {
  return to_return_value(map_memory(task, arguments));
}

i64 call_munmap(Task& task, const Arguments& arguments) {
  return to_return_value(task.memory().unmap(arguments.a[0], arguments.a[1]));
}

i64 call_mprotect(Task& task, const Arguments& arguments) {
  const auto [begin, bytes, protection, u3, u4, u5] = arguments.a;
  if (begin & (kPageBytes - 1) || protection & ~(kProtMask | kProtGrowsDown | kProtGrowsUp))
    return failure(Errno::Invalid);
  if (bytes == 0) return 0;
  if (!valid_range(begin, bytes)) return failure(Errno::NoMemory);
  return to_return_value(task.memory().protect(begin, bytes, access_of(protection)));
}

i64 call_brk(Task& task, const Arguments& arguments) {
  const u64 end = task.memory().set_heap_end(arguments.a[0], task.process().soft_limit(Resource::DataBytes));
  if (task.memory().future_lock() == MemoryMap::FutureLock::AtOnce) {
    const auto layout = task.memory().layout();
    (void)fault_in(task, align_up(layout.heap_begin, kPageBytes), end, Access::Write);
  }
  return static_cast<i64>(end);
}

i64 call_remap_file_pages(Task& task, const Arguments& arguments) {
  const auto [address, size, protection, first_page, flags, u5] = arguments.a;
  const u64 begin = align_down(address, kPageBytes), bytes = align_down(size, kPageBytes);
  u64 last_page = 0;
  if (protection != 0 || bytes == 0 || !valid_range(begin, bytes) ||
      __builtin_add_overflow(first_page, bytes >> kPageShift, &last_page))
    return failure(Errno::Invalid);
  return to_return_value(task.memory().show_pages(begin, bytes, first_page));
}

i64 call_mremap(Task& task, const Arguments& arguments) {
  constexpr u64 kMayMove = 1, kFixed = 2, kKeepOld = 4;
  const auto [begin, old_bytes, new_bytes, flags, target, u5] = arguments.a;
  if (flags & ~(kMayMove | kFixed | kKeepOld) || begin & (kPageBytes - 1) || new_bytes == 0)
    return failure(Errno::Invalid);
  if ((flags & (kFixed | kKeepOld)) && !(flags & kMayMove)) return failure(Errno::Invalid);
  if (!valid_range(begin, old_bytes)) return failure(Errno::Fault);
  if (new_bytes > Domain::kUserEnd.value) return failure(Errno::NoMemory);
  const bool fixed = (flags & kFixed) != 0;
  if (fixed && (!valid_range(target, new_bytes) || target < kPageBytes ||
                (target < begin + old_bytes && begin < target + new_bytes)))
    return failure(Errno::Invalid);
  return to_return_value(task.memory().remap(begin, old_bytes, new_bytes, (flags & kMayMove) != 0, fixed,
                                             target, (flags & kKeepOld) != 0));
}

i64 call_msync(Task& task, const Arguments& arguments) {
  const auto [begin, bytes, flags, u3, u4, u5] = arguments.a;
  constexpr u64 kAsync = 1, kInvalidate = 2, kSync = 4;
  if (flags & ~(kAsync | kInvalidate | kSync) || (flags & (kAsync | kSync)) == (kAsync | kSync) ||
      begin & (kPageBytes - 1))
    return failure(Errno::Invalid);
  if (!valid_range(begin, bytes)) return failure(Errno::NoMemory);
  return to_return_value(task.memory().synchronise(begin, bytes));
}

i64 call_mincore(Task& task, const Arguments& arguments) {
  const auto [begin, bytes, vector, u3, u4, u5] = arguments.a;
  if (begin & (kPageBytes - 1)) return failure(Errno::Invalid);
  if (!valid_range(begin, bytes) || !task.memory().covered(begin, align_up(bytes, kPageBytes)))
    return failure(Errno::NoMemory);
  u8 piece[128];
  const u64 pages = align_up(bytes, kPageBytes) >> kPageShift;
  for (u64 done = 0; done < pages;) {
    const u64 count = std::min<u64>(sizeof piece, pages - done);
    for (u64 i = 0; i < count; ++i) piece[i] = task.memory().present(begin + ((done + i) << kPageShift));
    if (!task.user().copy_out(vector + done, piece, count).has_value()) return failure(Errno::Fault);
    done += count;
  }
  return 0;
}

}  // namespace vari::linux
