// fsopen(2), fsconfig(2), fsmount(2), fspick(2): a file system made, changed and mounted in steps.
#include "personalities/linux/calls/mount_helpers.h"
#include "personalities/linux/files/mount_context.h"

namespace vari::linux {

namespace {

using Parameter = MountContext::Parameter;

LinuxResult<u64> open(Task& task, u64 name_address, u32 flags) {
  constexpr u32 kCloseOnExec = 1;
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  if (flags & ~kCloseOnExec) return std::unexpected(Errno::Invalid);
  char name_text[kPageBytes / 8];
  const auto name = task.user().string(name_address, name_text);
  if (!name && name.error() != Errno::NameTooLong) return std::unexpected(name.error());
  const auto* type = name ? task.personality().vfs().find_type(*name) : nullptr;
  if (!type) return std::unexpected(Errno::NoDevice);
  auto context = TRY(MountContext::create(task, *type));
  return TRY(task.files().add(std::move(context), flags & kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<u64> pick(Task& task, u64 directory, u64 path, u32 flags) {
  constexpr u32 kCloseOnExec = 1, kNoFollow = 2, kNoAutomount = 4, kEmptyPath = 8;
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  if (flags & ~(kCloseOnExec | kNoFollow | kNoAutomount | kEmptyPath)) return std::unexpected(Errno::Invalid);
  const auto walk_flags = (flags & kNoFollow ? WalkFlags::NoFollow : WalkFlags::None) |
                          (flags & kEmptyPath ? WalkFlags::EmptyPath : WalkFlags::None);
  const auto at = TRY(walk_user_path(task, directory, path, walk_flags));
  if (!at.mount || &at.mount->root() != at.dentry.get()) return std::unexpected(Errno::Invalid);
  const auto* type = task.personality().vfs().find_type(at.inode().file_system().type());
  // A root that the kernel has brought along.
  if (!type) return std::unexpected(Errno::NotSupported);
  auto context = TRY(MountContext::pick(task, *type, at));
  return TRY(task.files().add(std::move(context), flags & kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<Ref<File>> context_file(Task& task, u64 descriptor) {
  auto file = TRY(task.files().get(descriptor_of(descriptor)));
  if (!file->as<MountContext>()) return std::unexpected(Errno::Invalid);
  return file;
}

enum Command : u32 {
  kSetFlag,
  kSetText,
  kSetBytes,
  kSetPath,
  kSetPathOrEmpty,
  kSetDescriptor,
  kCreate,
  kReconfigure,
};

/// fsconfig's rows: which of key, value and number a command has.
LinuxResult<> check_shape(u32 command, bool key, bool value, i32 number) {
  constexpr i32 kMostBytes = 1 << 20;
  bool right = false;
  switch (command) {
    case kSetFlag: right = key && !value && number == 0; break;
    case kSetText: right = key && value && number == 0; break;
    case kSetBytes: right = key && value && number > 0 && number <= kMostBytes; break;
    case kSetPath:
    case kSetPathOrEmpty: right = key && value && (number == kCurrentDirectory || number >= 0); break;
    case kSetDescriptor: right = key && !value && number >= 0; break;
    case kCreate:
    case kReconfigure: right = !key && !value && number == 0; break;
    default: return std::unexpected(Errno::NotSupported);
  }
  if (!right) return std::unexpected(Errno::Invalid);
  return {};
}

/// A value of a kind that no file system here takes: looked at all the same, since what is wrong with the
/// value itself is told first.
LinuxResult<> check_other_value(Task& task, u32 command, u64 address, i32 number) {
  if (command == kSetDescriptor) {
    TRY(task.files().get(number));
    return {};
  }
  if (command == kSetBytes) {
    char bytes[256];
    for (u64 at = 0; at < static_cast<u64>(number); at += sizeof bytes)
      TRY(task.user().copy_in(bytes, address + at, std::min(sizeof bytes, static_cast<u64>(number) - at)));
    return {};
  }
  UserPath path;
  const auto text = TRY(path.read(task, address));
  if (text.empty() && command == kSetPath) return std::unexpected(Errno::NoEntry);
  return {};
}

LinuxResult<> configure(Task& task, const Arguments& a) {
  const u32 command = static_cast<u32>(a.a[1]);
  const i32 number = static_cast<i32>(a.a[4]);
  if (descriptor_of(a.a[0]) < 0) return std::unexpected(Errno::Invalid);
  TRY(check_shape(command, a.a[2] != 0, a.a[3] != 0, number));
  const auto file = TRY(context_file(task, a.a[0]));
  auto& context = *file->as<MountContext>();
  if (command == kCreate) return context.make_file_system();
  if (command == kReconfigure) return context.reconfigure();
  char name[MountContext::kMaximumText], value[MountContext::kMaximumText];
  Parameter parameter{Parameter::Kind::Flag, TRY(optional_string(task, a.a[2], name)), {}};
  if (command == kSetText) {
    parameter.kind = Parameter::Kind::Text;
    parameter.value = TRY(optional_string(task, a.a[3], value));
  } else if (command != kSetFlag) {
    parameter.kind = Parameter::Kind::Other;
    TRY(check_other_value(task, command, a.a[3], number));
  }
  return context.set(parameter);
}

LinuxResult<u64> mount(Task& task, u64 descriptor, u32 flags, u32 attributes) {
  constexpr u32 kCloseOnExec = 1;
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  if (flags & ~kCloseOnExec) return std::unexpected(Errno::Invalid);
  if (attributes & ~(mount_attribute::kPlain | mount_attribute::kAccessTimes))
    return std::unexpected(Errno::Invalid);
  const u32 mount_flags = mount_flags_of(attributes) | TRY(access_time_flag(attributes));
  const auto file = TRY(context_file(task, descriptor));
  return add_detached_tree(task, TRY(file->as<MountContext>()->mount(mount_flags)), flags & kCloseOnExec);
}

}  // namespace

i64 call_fsopen(Task& task, const Arguments& a) {
  return to_return_value(open(task, a.a[0], static_cast<u32>(a.a[1])));
}
i64 call_fspick(Task& task, const Arguments& a) {
  return to_return_value(pick(task, a.a[0], a.a[1], static_cast<u32>(a.a[2])));
}
i64 call_fsconfig(Task& task, const Arguments& a) {
  return to_return_value(configure(task, a));
}
i64 call_fsmount(Task& task, const Arguments& a) {
  return to_return_value(mount(task, a.a[0], static_cast<u32>(a.a[1]), static_cast<u32>(a.a[2])));
}

}  // namespace vari::linux
