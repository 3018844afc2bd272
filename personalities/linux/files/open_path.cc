// open(2): finding or making the file, the checks, and the description.
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/path_file.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/tree_operations.h"
#include "personalities/linux/files/walker.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

constexpr u32 kNoAccessTime = 01000000, kTemporary = 020000000 | File::kDirectory;

u32 wanted_access(u32 flags) {
  switch (flags & File::kAccessMode) {
    case File::kReadOnly: return kMayRead;
    case File::kWriteOnly: return kMayWrite;
    default: return kMayRead | kMayWrite;
  }
}

LinuxResult<> check_open(Task& task, const Path& path, u32 flags, bool created) {
  Inode& inode = path.inode();
  const bool writes = (flags & File::kAccessMode) != File::kReadOnly || (flags & File::kTruncate);
  const bool device = inode.is(FileKind::Character) || inode.is(FileKind::Block);
  if (inode.is(FileKind::SymbolicLink)) return std::unexpected(Errno::Loop);
  if (inode.is(FileKind::Directory) && writes) return std::unexpected(Errno::IsDirectory);
  if (device && path.mount && (path.mount->flags() & Mount::kNoDevices))
    return std::unexpected(Errno::Access);
  if (!created) {
    u32 wanted = wanted_access(flags);
    if (flags & File::kTruncate) wanted |= kMayWrite;
    TRY(check_permission(task.identity(), inode, wanted));
  }
  if (writes && inode.is(FileKind::Regular) && path.mount && path.mount->read_only())
    return std::unexpected(Errno::ReadOnly);
  if (flags & kNoAccessTime) TRY(check_owner(task.identity(), inode));
  return {};
}

LinuxResult<Ref<File>> open_checked(Task& task, const Path& path, u32 flags, bool created) {
  Inode& inode = path.inode();
  if ((flags & File::kTruncate) && inode.is(FileKind::Regular) && !created) {
    TRY(drop_set_id_bits(task.identity(), inode));
    TRY(inode.truncate(task, 0));
  }
  // Flags that only the act of opening knows are not kept.
  const u32 kept = flags & ~(File::kCreate | File::kExclusive | File::kTruncate |
                             File::kNoControllingTerminal | File::kCloseOnExec);
  // A terminal must know about O_NOCTTY, though.
  return inode.open({task, path, kept | (flags & File::kNoControllingTerminal)});
}

/// The mount may have become read-only since check_open(): counted as a writer, the file keeps it from that.
LinuxResult<Ref<File>> open_as_writer(Task& task, const Path& path, u32 flags, bool created) {
  if (!path.mount) return open_checked(task, path, flags, created);
  path.mount->change_writers(1);
  auto file = path.mount->read_only() ? LinuxResult<Ref<File>>(std::unexpected(Errno::ReadOnly))
                                      : open_checked(task, path, flags, created);
  if (!file || !(flags & File::kAccessMode)) path.mount->change_writers(-1);
  return file;
}

LinuxResult<Ref<File>> open_found(Task& task, const Path& path, u32 flags, bool created) {
  TRY(check_open(task, path, flags, created));
  Inode& inode = path.inode();
  const bool writes = (flags & (File::kAccessMode | File::kTruncate)) && inode.is(FileKind::Regular);
  if (writes && !inode.begin_writing()) return std::unexpected(Errno::TextBusy);
  auto file = writes ? open_as_writer(task, path, flags, created) : open_checked(task, path, flags, created);
  if (writes && file && (flags & File::kAccessMode)) {
    (*file)->hold_writing(1);
  } else if (writes) {
    inode.end_writing(1);
  }
  if (file && (flags & File::kTruncate) && !created)
    task.personality().watches().note(*path.dentry, watch_event::kModify);
  if (file) task.personality().watches().note(*path.dentry, watch_event::kOpen);
  return file;
}

LinuxResult<Ref<File>> open_or_create(Task& task, Walker& walker, u32 flags, u32 mode) {
  for (;;) {
    const auto last = TRY(walker.to_last());
    if (last != ParentWalk::Last::Name) {
      if (flags & File::kExclusive) return std::unexpected(Errno::Exists);
      // A magic link leads to a file; ".", ".." and "/" to directories, which are not created like this.
      const auto path = TRY(walker.special(last));
      if (path.inode().is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
      return open_found(task, path, flags, false);
    }
    if (walker.trailing_slash()) return std::unexpected(Errno::IsDirectory);
    auto found = walker.look_up(walker.last());
    if (found) {
      if (flags & File::kExclusive) return std::unexpected(Errno::Exists);
      if (!found->inode().is(FileKind::SymbolicLink)) {
        if (found->inode().is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
        return open_found(task, *found, flags, false);
      }
      if (flags & File::kNoFollow) return std::unexpected(Errno::Loop);
      TRY(walker.follow(found->inode()));
      continue;
    }
    if (found.error() != Errno::NoEntry) return std::unexpected(found.error());
    NewInode description{.kind = FileKind::Regular, .mode = mode & kModeMask & ~task.file_system().mask()};
    auto created = create_in(task, walker.here(), walker.last(), description);
    // Another task may have made it between look_up and now; then it is opened, unless O_EXCL.
    if (!created && created.error() == Errno::Exists && !(flags & File::kExclusive)) {
      found = walker.look_up(walker.last());
      if (!found) continue;
      return open_found(task, *found, flags, false);
    }
    return open_found(task, TRY(std::move(created)), flags, true);
  }
}

LinuxResult<Ref<File>> open_temporary(Task& task, Walker& walker, u32 flags, u32 mode) {
  if ((flags & File::kAccessMode) == File::kReadOnly) return std::unexpected(Errno::Invalid);
  const auto directory = TRY(walker.finish());
  auto path = TRY(create_nameless(task, directory, mode & kModeMask & ~task.file_system().mask()));
  if (!(flags & File::kExclusive)) path.inode().allow_first_link();
  return open_found(task, path, flags & ~kTemporary, true);
}

}  // namespace

LinuxResult<Ref<File>> open_path(Task& task, const WalkStart& start, std::string_view path, u32 flags,
                                 u32 mode, WalkFlags walk_flags) {
  if (flags & File::kPath) flags &= File::kDirectory | File::kNoFollow | File::kPath | File::kCloseOnExec;
  if (flags & File::kNoFollow) walk_flags = walk_flags | WalkFlags::NoFollow;
  if (flags & File::kDirectory) walk_flags = walk_flags | WalkFlags::Directory;
  Walker walker(task, walk_flags);
  TRY(walker.start(start, path));
  if ((flags & kTemporary) == kTemporary) return open_temporary(task, walker, flags, mode);
  if (flags & File::kCreate) {
    if (flags & File::kDirectory) return std::unexpected(Errno::Invalid);
    return open_or_create(task, walker, flags, mode);
  }
  const auto found = TRY(walker.finish());
  if (flags & File::kPath)
    return TRY(runtime::make<PathFile>(OpenRequest{task, found, flags & ~File::kCloseOnExec}));
  return open_found(task, found, flags, false);
}

LinuxResult<Ref<File>> open_for_execution(Task& task, const WalkStart& start, std::string_view path,
                                          WalkFlags walk_flags) {
  const auto found = TRY(walk(task, start, path, walk_flags));
  Inode& inode = found.inode();
  if (inode.is(FileKind::SymbolicLink)) return std::unexpected(Errno::Loop);
  if (!inode.is(FileKind::Regular)) return std::unexpected(Errno::Access);
  if (found.mount && (found.mount->flags() & Mount::kNoExecute)) return std::unexpected(Errno::Access);
  TRY(check_permission(task.identity(), inode, kMayExecute));
  if (!inode.deny_writing()) return std::unexpected(Errno::TextBusy);
  auto file = inode.open({task, found, File::kReadOnly});
  if (file) {
    (*file)->hold_writing(-1);
  } else {
    inode.end_writing(-1);
  }
  return file;
}

}  // namespace vari::linux
