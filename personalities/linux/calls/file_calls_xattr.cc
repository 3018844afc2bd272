// Extended attributes: who may use which name, as xattr(7) has it; where they are kept is the inode's.
#include <algorithm>

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/extended_attributes.h"
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/permissions.h"

namespace vari::linux {

namespace {

constexpr u64 kHere = static_cast<u64>(kCurrentDirectory);
using Entry = ExtendedAttributes::Entry;

/// A name from user memory. Range: none, or too long.
class UserName {
 public:
  LinuxResult<std::string_view> read(Task& task, u64 address) {
    const auto text = task.user().string(address, text_);
    if (!text) return std::unexpected(text.error() == Errno::NameTooLong ? Errno::Range : text.error());
    if (text->empty()) return std::unexpected(Errno::Range);
    return *text;
  }

 private:
  char text_[ExtendedAttributes::kMaximumName + 1];
};

/// What the name's namespace says about the access. Invalid for a namespace alone, NotSupported for an
/// unknown one.
LinuxResult<> check_name(const Identity& identity, Inode& inode, std::string_view name, bool writes) {
  const auto dot = name.find('.');
  const auto space = name.substr(0, dot);
  const bool known = space == "trusted" || space == "security" || space == "user";
  if (dot == std::string_view::npos || !known) return std::unexpected(Errno::NotSupported);
  if (space == "trusted" && !identity.may(Capability::Administration))
    return std::unexpected(writes ? Errno::Perm : Errno::NoData);
  if (space == "user") {
    const bool directory = inode.is(FileKind::Directory);
    if (!directory && !inode.is(FileKind::Regular))
      return std::unexpected(writes ? Errno::Perm : Errno::NoData);
    if (directory && writes && (inode.mode() & kSticky)) TRY(check_owner(identity, inode));
    TRY(check_permission(identity, inode, writes ? kMayWrite : kMayRead));
  }
  if (dot + 1 == name.size()) return std::unexpected(Errno::Invalid);
  const auto needed =
      name == "security.capability" ? Capability::FileCapabilities : Capability::Administration;
  if (space == "security" && writes && !identity.may(needed)) return std::unexpected(Errno::Perm);
  return {};
}

/// The object of a call: a path or a descriptor.
struct Subject {
  Path path;
  Ref<File> file;
  Inode& inode() const { return file ? file->inode() : path.inode(); }
  bool read_only() const {
    const Path* found = file ? file->path() : &path;
    return found && found->mount && found->mount->read_only();
  }
};

LinuxResult<Subject> by_path(Task& task, u64 address, WalkFlags flags) {
  return Subject{TRY(walk_user_path(task, kHere, address, flags)), {}};
}

LinuxResult<Subject> by_descriptor(Task& task, u64 descriptor) {
  auto file = TRY(task.files().get(descriptor_of(descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  return Subject{{}, std::move(file)};
}

LinuxResult<u64> set(Task& task, LinuxResult<Subject> subject, const Arguments& a) {
  constexpr u32 kCreate = 1, kReplace = 2;
  const u32 flags = static_cast<u32>(a.a[4]);
  if (!subject) return std::unexpected(subject.error());
  if (subject->read_only()) return std::unexpected(Errno::ReadOnly);
  if (flags & ~(kCreate | kReplace)) return std::unexpected(Errno::Invalid);
  UserName storage;
  const auto name = TRY(storage.read(task, a.a[1]));
  const u64 bytes = a.a[3];
  if (bytes > ExtendedAttributes::kMaximumValue) return std::unexpected(Errno::TooBig);
  auto entry = TRY(Entry::create(name, bytes));
  if (bytes) TRY(task.user().copy_in(entry->value(), a.a[2], bytes));
  Inode& inode = subject->inode();
  TRY(check_name(task.identity(), inode, name, true));
  auto* attributes = TRY(inode.extended_attributes(true));
  if (flags == (kCreate | kReplace))
    return std::unexpected(attributes->get(name) ? Errno::Exists : Errno::NoData);
  using enum ExtendedAttributes::Set;
  TRY(attributes->set(std::move(entry), flags & kCreate ? Create : flags & kReplace ? Replace : Either));
  inode.touch(false, false, true);
  return 0;
}

LinuxResult<u64> get(Task& task, LinuxResult<Subject> subject, const Arguments& a) {
  if (!subject) return std::unexpected(subject.error());
  UserName storage;
  const auto name = TRY(storage.read(task, a.a[1]));
  Inode& inode = subject->inode();
  TRY(check_name(task.identity(), inode, name, false));
  auto* attributes = TRY(inode.extended_attributes(false));
  if (!attributes) return std::unexpected(Errno::NoData);
  const auto entry = TRY(attributes->get(name));
  if (a.a[3] == 0) return entry->value_bytes();
  if (a.a[3] < entry->value_bytes()) return std::unexpected(Errno::Range);
  TRY(task.user().copy_out(a.a[2], entry->value(), entry->value_bytes()));
  return entry->value_bytes();
}

/// Names one after the other, each with its zero.
LinuxResult<u64> list(Task& task, LinuxResult<Subject> subject, u64 address, u64 bytes) {
  if (!subject) return std::unexpected(subject.error());
  const auto found = subject->inode().extended_attributes(false);
  if (!found || !*found) return 0;
  u64 done = 0;
  for (std::size_t index = 0;; ++index) {
    const auto entry = (*found)->at(index);
    if (!entry) return done;
    if (entry->name().starts_with("trusted.") && !task.may(Capability::Administration)) continue;
    const u64 length = entry->name().size() + 1;
    if (bytes) {
      if (length > bytes - done) return std::unexpected(Errno::Range);
      TRY(task.user().copy_out(address + done, entry->name().data(), length - 1));
      TRY(task.user().write(address + done + length - 1, char{0}));
    }
    done += length;
  }
}

LinuxResult<u64> remove(Task& task, LinuxResult<Subject> subject, u64 address) {
  if (!subject) return std::unexpected(subject.error());
  if (subject->read_only()) return std::unexpected(Errno::ReadOnly);
  UserName storage;
  const auto name = TRY(storage.read(task, address));
  Inode& inode = subject->inode();
  TRY(check_name(task.identity(), inode, name, true));
  auto* attributes = TRY(inode.extended_attributes(false));
  if (!attributes) return std::unexpected(Errno::NoData);
  TRY(attributes->remove(name));
  inode.touch(false, false, true);
  return 0;
}

}  // namespace

i64 call_setxattr(Task& task, const Arguments& a) {
  return to_return_value(set(task, by_path(task, a.a[0], WalkFlags::None), a));
}
i64 call_lsetxattr(Task& task, const Arguments& a) {
  return to_return_value(set(task, by_path(task, a.a[0], WalkFlags::NoFollow), a));
}
i64 call_fsetxattr(Task& task, const Arguments& a) {
  return to_return_value(set(task, by_descriptor(task, a.a[0]), a));
}
i64 call_getxattr(Task& task, const Arguments& a) {
  return to_return_value(get(task, by_path(task, a.a[0], WalkFlags::None), a));
}
i64 call_lgetxattr(Task& task, const Arguments& a) {
  return to_return_value(get(task, by_path(task, a.a[0], WalkFlags::NoFollow), a));
}
i64 call_fgetxattr(Task& task, const Arguments& a) {
  return to_return_value(get(task, by_descriptor(task, a.a[0]), a));
}
i64 call_listxattr(Task& task, const Arguments& a) {
  return to_return_value(list(task, by_path(task, a.a[0], WalkFlags::None), a.a[1], a.a[2]));
}
i64 call_llistxattr(Task& task, const Arguments& a) {
  return to_return_value(list(task, by_path(task, a.a[0], WalkFlags::NoFollow), a.a[1], a.a[2]));
}
i64 call_flistxattr(Task& task, const Arguments& a) {
  return to_return_value(list(task, by_descriptor(task, a.a[0]), a.a[1], a.a[2]));
}
i64 call_removexattr(Task& task, const Arguments& a) {
  return to_return_value(remove(task, by_path(task, a.a[0], WalkFlags::None), a.a[1]));
}
i64 call_lremovexattr(Task& task, const Arguments& a) {
  return to_return_value(remove(task, by_path(task, a.a[0], WalkFlags::NoFollow), a.a[1]));
}
i64 call_fremovexattr(Task& task, const Arguments& a) {
  return to_return_value(remove(task, by_descriptor(task, a.a[0]), a.a[1]));
}

}  // namespace vari::linux
