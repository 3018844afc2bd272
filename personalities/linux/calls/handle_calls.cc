// name_to_handle_at(2), open_by_handle_at(2): files by number. For file servers and backup programs, which
// keep handles for longer than descriptors last.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

namespace {

/// The kernel's struct file_handle, without its bytes.
struct HandleHeader {
  u32 bytes;
  i32 type;
};
/// Those bytes, as ours. Numbers of one file system are never used again, nor are the file systems' own: so
/// that tells a handle of another one, and no count of uses is needed.
struct Handle {
  u32 file_system, number_low, number_high;
};
constexpr i32 kType = 1;
constexpr u32 kMostBytes = 128;

u32 number_of(const FileSystem& file_system) {
  return static_cast<u32>(file_system.device());
}

LinuxResult<> name_to_handle(Task& task, const Arguments& a) {
  const u32 flags = static_cast<u32>(a.a[4]);
  if (flags & ~(kAtFollow | kAtEmptyPath)) return std::unexpected(Errno::Invalid);
  const auto walk_flags = (flags & kAtFollow ? WalkFlags::None : WalkFlags::NoFollow) |
                          (flags & kAtEmptyPath ? WalkFlags::EmptyPath : WalkFlags::None);
  const auto at = TRY(walk_user_path(task, a.a[0], a.a[1], walk_flags));
  auto& file_system = at.inode().file_system();
  if (!at.mount || !file_system.has_handles()) return std::unexpected(Errno::NotSupported);
  const auto given = TRY(task.user().read<HandleHeader>(a.a[2]));
  if (given.bytes > kMostBytes) return std::unexpected(Errno::Invalid);
  const u64 number = at.inode().number();
  const Handle handle{number_of(file_system), static_cast<u32>(number), static_cast<u32>(number >> 32)};
  const bool fits = given.bytes >= sizeof handle;
  TRY(task.user().write(a.a[3], at.mount->id()));
  TRY(task.user().write(a.a[2], HandleHeader{sizeof handle, kType}));
  if (!fits) return std::unexpected(Errno::Overflow);
  return task.user().write(a.a[2] + sizeof(HandleHeader), handle);
}

LinuxResult<Ref<Mount>> mount_of(Task& task, u64 descriptor) {
  const auto start = TRY(start_at(task, descriptor, {}));
  auto mount = start.directory ? start.directory.mount : task.file_system().current_directory().mount;
  // A pipe and the like: of no file system that has handles.
  if (!mount) return std::unexpected(Errno::Stale);
  return mount;
}

LinuxResult<Path> decode(Task& task, u64 descriptor, const HandleHeader& header, const Handle& handle) {
  auto mount = TRY(mount_of(task, descriptor));
  auto& file_system = mount->root().inode().file_system();
  if (header.bytes < sizeof handle || !file_system.has_handles() ||
      handle.file_system != number_of(file_system))
    return std::unexpected(Errno::Stale);
  Ref<Dentry> top(mount->root());  // of a bind mount: not yet the file system's
  runtime::Guard guard(task.personality().vfs().rename_mutex());
  while (!top->is_root()) top = top->parent();
  auto found = top->find_number(u64{handle.number_high} << 32 | handle.number_low);
  if (!found || found->removed()) return std::unexpected(Errno::Stale);
  return Path(std::move(mount), std::move(found));
}

LinuxResult<u64> open_by_handle(Task& task, u64 descriptor, u64 address, u32 flags) {
  if (!task.may(Capability::ReadAndSearch)) return std::unexpected(Errno::Perm);
  const auto header = TRY(task.user().read<HandleHeader>(address));
  if (header.bytes > kMostBytes || header.bytes == 0) return std::unexpected(Errno::Invalid);
  char bytes[kMostBytes] = {};
  TRY(task.user().copy_in(bytes, address + sizeof header, header.bytes));
  Handle handle;
  __builtin_memcpy(&handle, bytes, sizeof handle);
  const auto path = TRY(decode(task, descriptor, header, handle));
  auto file = TRY(open_path(task, WalkStart{path}, {}, flags & ~(File::kCreate | File::kExclusive), 0,
                            WalkFlags::EmptyPath));
  return TRY(task.files().add(std::move(file), flags & File::kCloseOnExec, descriptor_limit(task)));
}

}  // namespace

i64 call_name_to_handle_at(Task& task, const Arguments& a) {
  return to_return_value(name_to_handle(task, a));
}
i64 call_open_by_handle_at(Task& task, const Arguments& a) {
  return to_return_value(open_by_handle(task, a.a[0], a.a[1], static_cast<u32>(a.a[2])));
}

}  // namespace vari::linux
