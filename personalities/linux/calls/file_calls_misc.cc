// Sizes and synchronisation of files, memfd, advice.
#include <algorithm>

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/event_files.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/tmpfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

constexpr u64 kHere = static_cast<u64>(kCurrentDirectory);

LinuxResult<> check_size(Task& task, u64 size) {
  if (static_cast<i64>(size) < 0) return std::unexpected(Errno::Invalid);
  if (size <= task.process().soft_limit(Resource::FileBytes)) return {};
  send_signal(task, SignalInfo::from_kernel(signal::kFileLimit));
  return std::unexpected(Errno::FileTooBig);
}

LinuxResult<> truncate_path(Task& task, u64 address, u64 size) {
  if (static_cast<i64>(size) < 0) return std::unexpected(Errno::Invalid);
  const auto found = TRY(walk_user_path(task, kHere, address, WalkFlags::None));
  Inode& inode = found.inode();
  if (inode.is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
  if (!inode.is(FileKind::Regular)) return std::unexpected(Errno::Invalid);
  if (found.mount && found.mount->read_only()) return std::unexpected(Errno::ReadOnly);
  TRY(check_permission(task.identity(), inode, kMayWrite));
  TRY(check_size(task, size));
  TRY(drop_set_id_bits(task.identity(), inode));
  if (!inode.begin_writing()) return std::unexpected(Errno::TextBusy);
  const auto done = noted(task, &found, watch_event::kModify, inode.truncate(task, size));
  inode.end_writing(1);
  return done;
}

LinuxResult<> truncate_descriptor(Task& task, u64 descriptor, u64 size) {
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  if (static_cast<i64>(size) < 0 || !file->can_write()) return std::unexpected(Errno::Invalid);
  TRY(check_size(task, size));
  return noted(task, file->path(), watch_event::kModify, file->truncate(task, size));
}

LinuxResult<> allocate(Task& task, const Arguments& a) {
  constexpr u64 kKeepSize = 1, kPunchHole = 2, kZeroRange = 0x10;
  const u64 offset = a.a[2], bytes = a.a[3], mode = static_cast<u32>(a.a[1]);
  if (static_cast<i64>(offset) < 0 || static_cast<i64>(bytes) <= 0) return std::unexpected(Errno::Invalid);
  const auto file = TRY(task.files().borrow(descriptor_of(a.a[0])));
  if (!file->can_write()) return std::unexpected(Errno::BadFile);
  RegularFile* regular = RegularFile::from(*file);
  if (!regular) return std::unexpected(file->kind_name() == "pipe" ? Errno::IllegalSeek : Errno::NoDevice);
  const u64 end = offset + bytes;  // both are below 2^63
  if (static_cast<i64>(end) < 0) return std::unexpected(Errno::FileTooBig);
  if (mode == (kPunchHole | kKeepSize)) return regular->punch_hole(offset, bytes);
  if (mode & ~(kKeepSize | kZeroRange)) return std::unexpected(Errno::NotSupported);
  TRY(check_size(task, end));
  if (mode & kZeroRange) TRY(regular->punch_hole(offset, bytes));
  return regular->allocate(offset, bytes, mode & kKeepSize);
}

LinuxResult<> synchronise(Task& task, u64 descriptor, bool data_only) {
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  if (!file->path()) return std::unexpected(Errno::Invalid);
  return file->synchronise(data_only);
}

LinuxResult<> synchronise_range(Task& task, const Arguments& a) {
  constexpr u64 kKnown = 7;
  const auto file = TRY(task.files().borrow(descriptor_of(a.a[0])));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  const i64 offset = static_cast<i64>(a.a[1]), bytes = static_cast<i64>(a.a[2]);
  i64 end = 0;
  if ((static_cast<u32>(a.a[3]) & ~kKnown) || offset < 0 || bytes < 0 ||
      __builtin_add_overflow(offset, bytes, &end))
    return std::unexpected(Errno::Invalid);
  const auto kind = file->inode().kind();
  if (kind == FileKind::Fifo || kind == FileKind::Socket || kind == FileKind::Character)
    return std::unexpected(Errno::IllegalSeek);
  return file->synchronise(true);
}

LinuxResult<> synchronise_file_system(Task& task, u64 descriptor) {
  const auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  return file->inode().file_system().synchronise();
}

LinuxResult<> advise(Task& task, const Arguments& a) {
  const auto file = TRY(task.files().borrow(descriptor_of(a.a[0])));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  if (file->inode().is(FileKind::Fifo)) return std::unexpected(Errno::IllegalSeek);
  if (static_cast<u32>(a.a[3]) > 5 || static_cast<i64>(a.a[2]) < 0) return std::unexpected(Errno::Invalid);
  return {};
}

LinuxResult<> read_ahead(Task& task, const Arguments& a) {
  const auto file = TRY(task.files().borrow(descriptor_of(a.a[0])));
  if (!file->can_read()) return std::unexpected(Errno::BadFile);
  if (!file->inode().is(FileKind::Regular)) return std::unexpected(Errno::Invalid);
  return {};
}

LinuxResult<u64> create_memory_file(Task& task, const Arguments& a) {
  constexpr u64 kCloseOnExec = 1, kAllowSealing = 2;
  if (a.a[1] & ~(kCloseOnExec | kAllowSealing)) return std::unexpected(Errno::Invalid);
  char name[256] = "memfd:";
  const auto given = task.user().string(a.a[0], std::span<char>(name).subspan(6));
  if (!given) return std::unexpected(given.error() == Errno::NameTooLong ? Errno::Invalid : given.error());
  auto inode = TRY(task.personality().vfs().new_memory_file({.kind = FileKind::Regular,
                                                             .mode = 0777,
                                                             .user = task.identity().file_user,
                                                             .group = task.identity().file_group}));
  inode->add_links(-1);
  if (a.a[1] & kAllowSealing) static_cast<TmpfsInode&>(*inode).contents().allow_seals();
  auto dentry = TRY(Dentry::create_root(inode, {name, 6 + given->size()}));
  const Path path({}, std::move(dentry));
  auto file = TRY(inode->open({task, path, File::kReadWrite}));
  return TRY(task.files().add(std::move(file), a.a[1] & kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<u64> create_event(Task& task, u64 initial, u64 flags) {
  if (flags & ~u64{EventFile::kSemaphore | File::kNonBlock | File::kCloseOnExec})
    return std::unexpected(Errno::Invalid);
  auto file = TRY(EventFile::create(task, static_cast<u32>(initial), static_cast<u32>(flags)));
  return TRY(task.files().add(std::move(file), flags & File::kCloseOnExec, descriptor_limit(task)));
}

}  // namespace

i64 call_truncate(Task& task, const Arguments& a) {
  return to_return_value(truncate_path(task, a.a[0], a.a[1]));
}
i64 call_ftruncate(Task& task, const Arguments& a) {
  return to_return_value(truncate_descriptor(task, a.a[0], a.a[1]));
}
i64 call_fallocate(Task& task, const Arguments& a) {
  return to_return_value(allocate(task, a));
}
i64 call_sync(Task& task, const Arguments&) {
  (void)task.personality().vfs().synchronise();  // sync() reports nothing
  return 0;
}
i64 call_syncfs(Task& task, const Arguments& a) {
  return to_return_value(synchronise_file_system(task, a.a[0]));
}
i64 call_fsync(Task& task, const Arguments& a) {
  return to_return_value(synchronise(task, a.a[0], false));
}
i64 call_fdatasync(Task& task, const Arguments& a) {
  return to_return_value(synchronise(task, a.a[0], true));
}
i64 call_sync_file_range(Task& task, const Arguments& a) {
  return to_return_value(synchronise_range(task, a));
}
i64 call_fadvise64(Task& task, const Arguments& a) {
  return to_return_value(advise(task, a));
}
i64 call_readahead(Task& task, const Arguments& a) {
  return to_return_value(read_ahead(task, a));
}
i64 call_memfd_create(Task& task, const Arguments& a) {
  return to_return_value(create_memory_file(task, a));
}
i64 call_eventfd(Task& task, const Arguments& a) {
  return to_return_value(create_event(task, a.a[0], 0));
}
i64 call_eventfd2(Task& task, const Arguments& a) {
  return to_return_value(create_event(task, a.a[0], a.a[1]));
}

}  // namespace vari::linux
