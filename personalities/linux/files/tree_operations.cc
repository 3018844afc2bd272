// Making, linking and removing names. Renaming has a file of its own.
#include "personalities/linux/files/tree_operations.h"

#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/name_lookup.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/walker.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using runtime::Guard;

namespace {

/// With the directory's mutex held: the name is free, and the task may add it.
LinuxResult<> check_addition(Task& task, const Path& directory, std::string_view name) {
  Inode& inode = directory.inode();
  if (directory.dentry->is_gone()) return std::unexpected(Errno::NoEntry);
  const auto found = look_up_name_locked(task, *directory.dentry, name);
  if (found) return std::unexpected(Errno::Exists);
  if (found.error() != Errno::NoEntry) return std::unexpected(found.error());
  if (directory.mount && directory.mount->read_only()) return std::unexpected(Errno::ReadOnly);
  return check_permission(task.identity(), inode, kMayWrite | kMayExecute);
}

/// The owner of something new: the task, and the group of a directory that passes its own on.
void set_owner(Task& task, Inode& directory, NewInode& description) {
  description.user = task.identity().file_user;
  description.group = task.identity().file_group;
  if (directory.mode() & kSetGroup) {
    description.group = directory.group();
    if (description.kind == FileKind::Directory) {
      description.mode |= kSetGroup;
    } else if ((description.mode & (kSetGroup | 0010)) == (kSetGroup | 0010) &&
               !task.may(Capability::KeepSetIdBits) && !task.identity().in_group(description.group)) {
      description.mode &= ~kSetGroup;  // a right of a group that the task is not in
    }
  }
}

}  // namespace

LinuxResult<Path> create_in(Task& task, const Path& directory, std::string_view name, NewInode description) {
  Inode& inode = directory.inode();
  auto dentry = TRY(Dentry::create(*directory.dentry, nullptr, name));
  Guard guard(inode.mutex());
  TRY(check_addition(task, directory, name));
  set_owner(task, inode, description);
  dentry->set_inode(TRY(inode.create(name, description)));
  directory.dentry->attach(dentry);
  inode.touch(false, true, true);
  task.personality().watches().note_entry(inode, name, dentry->inode(), watch_event::kCreate);
  return Path(directory.mount, std::move(dentry));
}

LinuxResult<Path> create_nameless(Task& task, const Path& directory, u32 mode) {
  Inode& inode = directory.inode();
  if (directory.mount && directory.mount->read_only()) return std::unexpected(Errno::ReadOnly);
  TRY(check_permission(task.identity(), inode, kMayWrite | kMayExecute));
  auto dentry = TRY(Dentry::create(*directory.dentry, nullptr, "#nameless"));
  NewInode description{.kind = FileKind::Regular, .mode = mode};
  set_owner(task, inode, description);
  Guard guard(inode.mutex());
  dentry->set_inode(TRY(inode.create_nameless(description)));
  dentry->mark_removed();
  return Path(directory.mount, std::move(dentry));
}

LinuxResult<> make_node(Task& task, const WalkStart& start, std::string_view path, NewInode description) {
  Walker walker(task, WalkFlags::None);
  TRY(walker.start(start, path));
  if (TRY(walker.to_last()) != ParentWalk::Last::Name) return std::unexpected(Errno::Exists);
  if (walker.trailing_slash() && description.kind != FileKind::Directory)
    return std::unexpected(walker.look_up(walker.last()) ? Errno::Exists : Errno::NoEntry);
  const bool device = description.kind == FileKind::Character || description.kind == FileKind::Block;
  if (device && !task.may(Capability::MakeNodes)) return std::unexpected(Errno::Perm);
  if (description.kind != FileKind::SymbolicLink) description.mode &= ~task.file_system().mask();
  TRY(create_in(task, walker.here(), walker.last(), description));
  return {};
}

LinuxResult<> link_path(Task& task, const Path& existing, const WalkStart& start, std::string_view path) {
  Walker walker(task, WalkFlags::None);
  TRY(walker.start(start, path));
  if (TRY(walker.to_last()) != ParentWalk::Last::Name) return std::unexpected(Errno::Exists);
  if (walker.trailing_slash()) return std::unexpected(Errno::NoEntry);
  const Path& directory = walker.here();
  Inode& inode = directory.inode();
  Inode& target = existing.inode();
  if (directory.mount != existing.mount) return std::unexpected(Errno::CrossDevice);
  auto dentry = TRY(Dentry::create(*directory.dentry, Ref<Inode>(target), walker.last()));
  Guard guard(inode.mutex());
  TRY(check_addition(task, directory, walker.last()));
  if (target.is(FileKind::Directory)) return std::unexpected(Errno::Perm);
  TRY(inode.link(walker.last(), target));
  directory.dentry->attach(std::move(dentry));
  inode.touch(false, true, true);
  task.personality().watches().note_self(target, watch_event::kAttributes);
  task.personality().watches().note_entry(inode, walker.last(), target, watch_event::kCreate);
  return {};
}

LinuxResult<> remove_path(Task& task, const WalkStart& start, std::string_view path, Removal removal) {
  Walker walker(task, WalkFlags::None);
  TRY(walker.start(start, path));
  const bool wants_directory = removal == Removal::Directory;
  switch (TRY(walker.to_last())) {
    case ParentWalk::Last::Name: break;
    case ParentWalk::Last::Dot: return std::unexpected(wants_directory ? Errno::Invalid : Errno::IsDirectory);
    case ParentWalk::Last::DotDot:
      return std::unexpected(wants_directory ? Errno::NotEmpty : Errno::IsDirectory);
    case ParentWalk::Last::Root: return std::unexpected(wants_directory ? Errno::Busy : Errno::IsDirectory);
  }
  const Path& directory = walker.here();
  Inode& inode = directory.inode();
  Ref<Dentry> child;  // released after the mutex
  Guard guard(inode.mutex());
  child = TRY(look_up_name_locked(task, *directory.dentry, walker.last()));
  const auto policy = inode.file_system().names();
  if (policy == NamePolicy::Asked) return std::unexpected(Errno::Perm);
  Inode& victim = child->inode();
  if (directory.mount && directory.mount->read_only()) return std::unexpected(Errno::ReadOnly);
  TRY(check_removal(task.identity(), inode, victim));
  if (victim.is(FileKind::Directory) != wants_directory)
    return std::unexpected(wants_directory ? Errno::NotDirectory : Errno::IsDirectory);
  if (walker.trailing_slash() && !wants_directory) return std::unexpected(Errno::NotDirectory);
  if (child->is_mount_point()) return std::unexpected(Errno::Busy);
  if (wants_directory) {
    // Held until it is gone, so that nothing is added to it any more: create_in() looks at removed().
    Guard empty(victim.mutex());
    if (policy == NamePolicy::Kept && child->has_children()) return std::unexpected(Errno::NotEmpty);
    TRY(inode.remove(walker.last(), victim));
    directory.dentry->detach(*child);
  } else {
    TRY(inode.remove(walker.last(), victim));
    directory.dentry->detach(*child);
  }
  victim.touch(false, false, true);
  inode.touch(false, true, true);
  if (!wants_directory) task.personality().watches().note_self(victim, watch_event::kAttributes);
  task.personality().watches().note_entry(inode, walker.last(), victim, watch_event::kDelete);
  return {};
}

}  // namespace vari::linux
