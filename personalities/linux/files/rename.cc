// rename(2). The Vfs's rename mutex comes first: with it held, no other rename changes who is whose
// ancestor, so that the directories' mutexes can be taken ancestor first without a deadlock.
#include <utility>

#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/name_lookup.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/tree_operations.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/files/walker.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

bool is_ancestor(Dentry& above, Dentry& below) {
  Ref<Dentry> here(below);
  for (;;) {
    if (here.get() == &above) return true;
    if (here->is_root()) return false;
    here = here->parent();
  }
}

/// Two directories' mutexes, in an order that all agree on.
class BothDirectories {
 public:
  BothDirectories(Dentry& a, Dentry& b) NO_THREAD_SAFETY_ANALYSIS : first_(&a.inode()), second_(&b.inode()) {
    if (first_ == second_) {
      second_ = nullptr;
    } else if (is_ancestor(b, a) || (!is_ancestor(a, b) && second_ < first_)) {
      std::swap(first_, second_);
    }
    first_->mutex().lock();
    if (second_) second_->mutex().lock();
  }
  ~BothDirectories() NO_THREAD_SAFETY_ANALYSIS {
    if (second_) second_->mutex().unlock();
    first_->mutex().unlock();
  }
  BothDirectories(const BothDirectories&) = delete;

 private:
  Inode* first_;
  Inode* second_;
};

struct Rename {
  Task& task;
  const Path& from;
  const Path& to;
  Walker& from_walk;
  Walker& to_walk;
  u32 flags;
  Ref<Dentry> child, replaced;

  NamePolicy policy() const { return from.inode().file_system().names(); }
  Inode::Renaming description() const {
    return {from_walk.last(),
            child->inode(),
            to.inode(),
            to_walk.last(),
            replaced ? &replaced->inode() : nullptr,
            (flags & kRenameExchange) != 0};
  }
  LinuxResult<> check();
  LinuxResult<> check_kinds();
  LinuxResult<> exchange();
  LinuxResult<> perform(Dentry::Name&& name);
};

LinuxResult<> Rename::check() {
  child = TRY(look_up_name_locked(task, *from.dentry, from_walk.last()));
  if (policy() == NamePolicy::Asked) return std::unexpected(Errno::Perm);
  auto there = look_up_name_locked(task, *to.dentry, to_walk.last());
  if (!there && there.error() != Errno::NoEntry) return std::unexpected(there.error());
  if (there) replaced = std::move(*there);
  if (to.dentry->is_gone()) return std::unexpected(Errno::NoEntry);
  if (replaced && (flags & kRenameNoReplace)) return std::unexpected(Errno::Exists);
  if (!replaced && (flags & kRenameExchange)) return std::unexpected(Errno::NoEntry);
  if (!child->inode().is(FileKind::Directory)) {
    if (from_walk.trailing_slash()) return std::unexpected(Errno::NotDirectory);
    if (to_walk.trailing_slash() && !(flags & kRenameExchange)) return std::unexpected(Errno::NotDirectory);
  }
  if (is_ancestor(*child, *to.dentry)) return std::unexpected(Errno::Invalid);
  if (replaced && is_ancestor(*replaced, *from.dentry))
    return std::unexpected(flags & kRenameExchange ? Errno::Invalid : Errno::NotEmpty);
  if (from.mount && from.mount->read_only()) return std::unexpected(Errno::ReadOnly);
  TRY(check_removal(task.identity(), from.inode(), child->inode()));
  if (replaced) {
    TRY(check_removal(task.identity(), to.inode(), replaced->inode()));
  } else {
    TRY(check_permission(task.identity(), to.inode(), kMayWrite | kMayExecute));
  }
  return check_kinds();
}

LinuxResult<> Rename::check_kinds() {
  if (replaced && !(flags & kRenameExchange)) {
    const bool directory = child->inode().is(FileKind::Directory);
    if (directory && !replaced->inode().is(FileKind::Directory)) return std::unexpected(Errno::NotDirectory);
    if (!directory && replaced->inode().is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
  }
  // Moving a directory elsewhere rewrites its "..".
  if (child->inode().is(FileKind::Directory) && &from.inode() != &to.inode())
    TRY(check_permission(task.identity(), child->inode(), kMayWrite));
  if (child->is_mount_point() || (replaced && replaced->is_mount_point()))
    return std::unexpected(Errno::Busy);
  return {};
}

LinuxResult<> Rename::exchange() {
  TRY(from.inode().rename(description()));
  Dentry::exchange(*child, *replaced);
  return {};
}

LinuxResult<> Rename::perform(Dentry::Name&& name) {
  if (!replaced || !replaced->inode().is(FileKind::Directory)) {
    TRY(from.inode().rename(description()));
    Dentry::move(*child, *to.dentry, std::move(name), replaced.get());
    return {};
  }
  runtime::Guard empty(replaced->inode().mutex());
  if (policy() == NamePolicy::Kept && replaced->has_children()) return std::unexpected(Errno::NotEmpty);
  TRY(from.inode().rename(description()));
  Dentry::move(*child, *to.dentry, std::move(name), replaced.get());
  return {};
}

/// Both halves, tied by a cookie, and the object itself; an exchange is two renames.
void note(Task& task, Rename& rename, std::string_view from, std::string_view to) {
  auto& watches = task.personality().watches();
  if (!watches.any()) return;
  const auto one = [&](Inode& moved, Inode& source, std::string_view old_name, Inode& target,
                       std::string_view new_name) {
    const u32 cookie = watches.new_cookie();
    watches.note_entry(source, old_name, moved, watch_event::kMovedFrom, cookie);
    watches.note_entry(target, new_name, moved, watch_event::kMovedTo, cookie);
    watches.note_self(moved, watch_event::kMoveSelf);
  };
  one(rename.child->inode(), rename.from.inode(), from, rename.to.inode(), to);
  if (rename.flags & kRenameExchange)
    one(rename.replaced->inode(), rename.to.inode(), to, rename.from.inode(), from);
}

}  // namespace

LinuxResult<> rename_path(Task& task, const WalkStart& from_start, std::string_view from,
                          const WalkStart& to_start, std::string_view to, u32 flags) {
  if ((flags & ~(kRenameNoReplace | kRenameExchange)) || flags == (kRenameNoReplace | kRenameExchange))
    return std::unexpected(Errno::Invalid);
  Walker from_walk(task, WalkFlags::None), to_walk(task, WalkFlags::None);
  TRY(from_walk.start(from_start, from));
  TRY(to_walk.start(to_start, to));
  const auto from_last = TRY(from_walk.to_last());
  const auto to_last = TRY(to_walk.to_last());
  if (from_walk.here().mount != to_walk.here().mount) return std::unexpected(Errno::CrossDevice);
  if (from_last != ParentWalk::Last::Name) return std::unexpected(Errno::Busy);
  if (to_last != ParentWalk::Last::Name)
    return std::unexpected(flags & kRenameNoReplace ? Errno::Exists : Errno::Busy);
  auto name = TRY(Dentry::Name::create(to_walk.last()));

  Rename rename{task, from_walk.here(), to_walk.here(), from_walk, to_walk, flags, {}, {}};
  runtime::Guard guard(task.personality().vfs().rename_mutex());
  BothDirectories locked(*rename.from.dentry, *rename.to.dentry);
  TRY(rename.check());
  // Two names of one file: nothing to do, says POSIX.
  if (rename.replaced && &rename.replaced->inode() == &rename.child->inode()) return {};
  if (flags & kRenameExchange) {
    TRY(rename.exchange());
  } else {
    TRY(rename.perform(std::move(name)));
  }
  rename.child->inode().touch(false, false, true);
  if (rename.replaced) rename.replaced->inode().touch(false, false, true);
  rename.from.inode().touch(false, true, true);
  rename.to.inode().touch(false, true, true);
  note(task, rename, from_walk.last(), to_walk.last());
  return {};
}

}  // namespace vari::linux
