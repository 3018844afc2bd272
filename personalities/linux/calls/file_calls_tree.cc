// Names: making, removing, renaming, links, directories, the current directory and the root.
#include <algorithm>

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/tree_operations.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/files/walker.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

namespace {

constexpr u64 kHere = static_cast<u64>(kCurrentDirectory);

LinuxResult<> make_at(Task& task, u64 directory, u64 address, const NewInode& description) {
  UserPath path;
  const auto text = TRY(path.read(task, address));
  return make_node(task, TRY(start_at(task, directory, text)), text, description);
}

LinuxResult<> mknod_at(Task& task, u64 directory, u64 path, u64 mode, u64 device) {
  auto kind = static_cast<FileKind>(mode & kKindMask);
  if (static_cast<u32>(kind) == 0) kind = FileKind::Regular;
  switch (kind) {
    case FileKind::Regular:
    case FileKind::Fifo:
    case FileKind::Socket: device = 0; break;
    case FileKind::Character:
    case FileKind::Block: break;
    case FileKind::Directory: return std::unexpected(Errno::Perm);
    default: return std::unexpected(Errno::Invalid);
  }
  return make_at(
      task, directory, path,
      {.kind = kind, .mode = static_cast<u32>(mode) & kModeMask, .device = static_cast<u32>(device)});
}

LinuxResult<> mkdir_at(Task& task, u64 directory, u64 path, u64 mode) {
  return make_at(task, directory, path,
                 {.kind = FileKind::Directory, .mode = static_cast<u32>(mode) & (0777 | kSticky)});
}

LinuxResult<> symlink_at(Task& task, u64 target, u64 directory, u64 path) {
  UserPath target_path;
  const auto text = TRY(target_path.read(task, target));
  if (text.empty()) return std::unexpected(Errno::NoEntry);
  return make_at(task, directory, path, {.kind = FileKind::SymbolicLink, .mode = 0777, .link_target = text});
}

LinuxResult<> link_at(Task& task, const Arguments& a, u64 flags) {
  if (flags & ~u64{kAtFollow | kAtEmptyPath}) return std::unexpected(Errno::Invalid);
  auto walk_flags = flags & kAtFollow ? WalkFlags::None : WalkFlags::NoFollow;
  if (flags & kAtEmptyPath) walk_flags = walk_flags | WalkFlags::EmptyPath;
  const auto existing = TRY(walk_user_path(task, a.a[0], a.a[1], walk_flags));
  UserPath path;
  const auto text = TRY(path.read(task, a.a[3]));
  return link_path(task, existing, TRY(start_at(task, a.a[2], text)), text);
}

LinuxResult<> remove_at(Task& task, u64 directory, u64 address, Removal removal) {
  UserPath path;
  const auto text = TRY(path.read(task, address));
  return remove_path(task, TRY(start_at(task, directory, text)), text, removal);
}

LinuxResult<> rename_at(Task& task, u64 from_directory, u64 from, u64 to_directory, u64 to, u64 flags) {
  UserPath from_path, to_path;
  const auto from_text = TRY(from_path.read(task, from));
  const auto to_text = TRY(to_path.read(task, to));
  return rename_path(task, TRY(start_at(task, from_directory, from_text)), from_text,
                     TRY(start_at(task, to_directory, to_text)), to_text, static_cast<u32>(flags));
}

LinuxResult<u64> readlink_at(Task& task, u64 directory, u64 path, u64 buffer, u64 bytes) {
  if (static_cast<i32>(bytes) <= 0) return std::unexpected(Errno::Invalid);
  UserPath storage;
  const auto text = TRY(storage.read(task, path));
  const auto found =
      TRY(walk(task, TRY(start_at(task, directory, text)), text, WalkFlags::NoFollow | WalkFlags::EmptyPath));
  if (!found.inode().is(FileKind::SymbolicLink))
    return std::unexpected(text.empty() ? Errno::NoEntry : Errno::Invalid);
  constexpr std::size_t kBytes = Walker::kMaximumPath;
  auto* target = static_cast<char*>(runtime::allocate(kBytes));
  if (!target) return std::unexpected(Errno::NoMemory);
  LinuxResult<u64> result = found.inode().read_link(task, {target, kBytes});
  if (result) {
    result = std::min<u64>(*result, static_cast<u32>(bytes));
    if (const auto copied = task.user().copy_out(buffer, target, *result); !copied)
      result = std::unexpected(copied.error());
  }
  runtime::free(target, kBytes);
  return result;
}

/// Writes directory entries in one of the two formats straight into the program's buffer.
class EntryWriter final : public DirectorySink {
 public:
  EntryWriter(Task& task, u64 address, u64 bytes, bool wide)
      : task_(task), address_(address), bytes_(static_cast<u32>(bytes)), wide_(wide) {}

  bool on_entry(u64 inode, u64 next_position, u8 type, std::string_view name) override {
    struct [[gnu::packed]] Head {
      u64 inode, next;
      u16 length;
    };
    // 64: inode, next, length, type, name, zero. Old: inode, next, length, name, zero, padding, type.
    const u64 length = align_up(sizeof(Head) + 1 + name.size() + 1, 8);
    if (length > bytes_ - done_) {
      too_small_ = done_ == 0;
      return false;
    }
    char record[align_up(sizeof(Head) + 2 + Dentry::kMaximumName, 8)] = {};
    const Head head{inode, next_position, static_cast<u16>(length)};
    __builtin_memcpy(record, &head, sizeof head);
    char* text = record + sizeof head + (wide_ ? 1 : 0);
    std::ranges::copy(name, text);
    record[wide_ ? sizeof head : length - 1] = static_cast<char>(type);
    if (!task_.user().copy_out(address_ + done_, record, length)) {
      fault_ = true;
      return false;
    }
    done_ += length;
    return true;
  }
  LinuxResult<u64> result() const {
    if (done_) return done_;
    if (fault_) return std::unexpected(Errno::Fault);
    if (too_small_) return std::unexpected(Errno::Invalid);
    return 0;
  }

 private:
  Task& task_;
  const u64 address_, bytes_;
  const bool wide_;
  u64 done_ = 0;
  bool too_small_ = false, fault_ = false;
};

LinuxResult<u64> read_entries(Task& task, const Arguments& a, bool wide) {
  const auto file = TRY(task.files().borrow(descriptor_of(a.a[0])));
  if (!file->can_read()) return std::unexpected(Errno::BadFile);
  EntryWriter writer(task, a.a[1], a.a[2], wide);
  TRY(noted(task, file->path(), watch_event::kAccess, file->read_directory(task, writer)));
  return writer.result();
}

LinuxResult<u64> current_directory(Task& task, u64 buffer, u64 bytes) {
  const auto here = task.file_system().current_directory();
  if (here.dentry->removed()) return std::unexpected(Errno::NoEntry);
  constexpr std::size_t kBytes = Walker::kMaximumPath;
  auto* storage = static_cast<char*>(runtime::allocate(kBytes));
  if (!storage) return std::unexpected(Errno::NoMemory);
  LinuxResult<u64> result = std::unexpected(Errno::Range);
  const auto text = describe_path(task, here, {storage, kBytes - 1});
  if (!text) {
    result = std::unexpected(text.error() == Errno::Range ? Errno::NameTooLong : text.error());
  } else if (text->size() + 1 <= bytes) {
    storage[kBytes - 1] = 0;  // the text ends right before it
    const auto copied = task.user().copy_out(buffer, text->data(), text->size() + 1);
    result = copied ? LinuxResult<u64>(text->size() + 1) : std::unexpected(copied.error());
  }
  runtime::free(storage, kBytes);
  return result;
}

LinuxResult<> enter(Task& task, const Path& path, bool as_root) {
  if (!path.inode().is(FileKind::Directory)) return std::unexpected(Errno::NotDirectory);
  TRY(check_permission(task.identity(), path.inode(), kMayExecute));
  if (as_root) {
    if (!task.may(Capability::ChangeRoot)) return std::unexpected(Errno::Perm);
    task.file_system().set_root(path);
  } else {
    task.file_system().set_current_directory(path);
  }
  return {};
}

LinuxResult<> change_directory(Task& task, u64 address, bool as_root) {
  return enter(task, TRY(walk_user_path(task, kHere, address, WalkFlags::Directory)), as_root);
}

LinuxResult<> change_directory_to(Task& task, u64 descriptor) {
  const auto file = TRY(task.files().get(descriptor_of(descriptor)));
  if (!file->path()) return std::unexpected(Errno::NotDirectory);
  return enter(task, *file->path(), false);
}

}  // namespace

i64 call_mkdir(Task& task, const Arguments& a) {
  return to_return_value(mkdir_at(task, kHere, a.a[0], a.a[1]));
}
i64 call_mkdirat(Task& task, const Arguments& a) {
  return to_return_value(mkdir_at(task, a.a[0], a.a[1], a.a[2]));
}
i64 call_mknod(Task& task, const Arguments& a) {
  return to_return_value(mknod_at(task, kHere, a.a[0], a.a[1], a.a[2]));
}
i64 call_mknodat(Task& task, const Arguments& a) {
  return to_return_value(mknod_at(task, a.a[0], a.a[1], a.a[2], a.a[3]));
}
i64 call_symlink(Task& task, const Arguments& a) {
  return to_return_value(symlink_at(task, a.a[0], kHere, a.a[1]));
}
i64 call_symlinkat(Task& task, const Arguments& a) {
  return to_return_value(symlink_at(task, a.a[0], a.a[1], a.a[2]));
}
i64 call_link(Task& task, const Arguments& a) {
  return to_return_value(link_at(task, Arguments{{kHere, a.a[0], kHere, a.a[1], 0, 0}}, 0));
}
i64 call_linkat(Task& task, const Arguments& a) {
  return to_return_value(link_at(task, a, static_cast<u32>(a.a[4])));
}
i64 call_unlink(Task& task, const Arguments& a) {
  return to_return_value(remove_at(task, kHere, a.a[0], Removal::File));
}
i64 call_rmdir(Task& task, const Arguments& a) {
  return to_return_value(remove_at(task, kHere, a.a[0], Removal::Directory));
}
i64 call_unlinkat(Task& task, const Arguments& a) {
  const u32 flags = static_cast<u32>(a.a[2]);
  if (flags & ~kAtRemoveDirectory) return failure(Errno::Invalid);
  return to_return_value(remove_at(task, a.a[0], a.a[1], flags ? Removal::Directory : Removal::File));
}
i64 call_rename(Task& task, const Arguments& a) {
  return to_return_value(rename_at(task, kHere, a.a[0], kHere, a.a[1], 0));
}
i64 call_renameat(Task& task, const Arguments& a) {
  return to_return_value(rename_at(task, a.a[0], a.a[1], a.a[2], a.a[3], 0));
}
i64 call_renameat2(Task& task, const Arguments& a) {
  return to_return_value(rename_at(task, a.a[0], a.a[1], a.a[2], a.a[3], a.a[4]));
}
i64 call_readlink(Task& task, const Arguments& a) {
  return to_return_value(readlink_at(task, kHere, a.a[0], a.a[1], a.a[2]));
}
i64 call_readlinkat(Task& task, const Arguments& a) {
  return to_return_value(readlink_at(task, a.a[0], a.a[1], a.a[2], a.a[3]));
}
i64 call_getdents(Task& task, const Arguments& a) {
  return to_return_value(read_entries(task, a, false));
}
i64 call_getdents64(Task& task, const Arguments& a) {
  return to_return_value(read_entries(task, a, true));
}
i64 call_getcwd(Task& task, const Arguments& a) {
  return to_return_value(current_directory(task, a.a[0], a.a[1]));
}
i64 call_chdir(Task& task, const Arguments& a) {
  return to_return_value(change_directory(task, a.a[0], false));
}
i64 call_chroot(Task& task, const Arguments& a) {
  return to_return_value(change_directory(task, a.a[0], true));
}
i64 call_fchdir(Task& task, const Arguments& a) {
  return to_return_value(change_directory_to(task, a.a[0]));
}
i64 call_umask(Task& task, const Arguments& a) {
  return static_cast<i64>(task.file_system().set_mask(static_cast<u32>(a.a[0])));
}
}  // namespace vari::linux
