// The mount table. A machine has few mounts, so a list searched under a spinlock serves: path walks come
// here only at dentries that are marked as mount points.
#include "personalities/linux/files/mount.h"

#include <algorithm>
#include <utility>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/file_watches.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;

Mount::Mount(Ref<Dentry> root, u32 flags, std::string_view source)
    : root_(std::move(root)), flags_(flags), source_length_(std::min(source.size(), sizeof source_)) {
  std::copy_n(source.data(), source_length_, source_);
  root_->inode().file_system().add_mount();
}

// No path leads here any longer: if it was the last view of its file system, nothing uses the names.
Mount::~Mount() {
  auto& file_system = root_->inode().file_system();
  if (!file_system.drop_mount() || !file_system.ends_with_last_mount()) return;
  file_system.vfs().personality().watches().note_unmounted(file_system);
  Dentry::tear_down(*root_);
  file_system.on_last_unmount();
}

MountTable::~MountTable() {
  // The youngest first: mounts hold the ones that they are mounted in.
  for (;;) {
    Ref<Mount> mount, parent;
    Ref<Dentry> mount_point;
    {
      Guard guard(lock_);
      root_ = nullptr;
      if (mounts_.empty()) return;
      Mount& last = mounts_.back();
      mounts_.pop_back();
      mount = Ref<Mount>::adopt(&last);
      parent = std::move(last.parent_);
      mount_point = std::move(last.mount_point_);
    }
  }
}

Path MountTable::root() {
  Guard guard(lock_);
  return root_ ? Path(root_, Ref<Dentry>(root_->root())) : Path();
}

LinuxResult<> MountTable::set_root(Ref<Dentry> root, std::string_view source) {
  auto mount = TRY(runtime::make<Mount>(std::move(root), u32{0}, source));
  Guard guard(lock_);
  root_ = mount;
  list_locked(std::move(mount));
  return {};
}

Mount* MountTable::find_locked(const Mount* parent, const Dentry* at) {
  for (auto& mount : mounts_) {
    if (mount.mount_point_.get() == at && mount.parent_.get() == parent) return &mount;
  }
  return nullptr;
}

void MountTable::attach_locked(Mount& mount, const Path& at) {
  mount.parent_ = at.mount;
  mount.mount_point_ = at.dentry;
  at.dentry->add_mount(1);
  mount.attached_ = true;
}

bool MountTable::is_within_locked(const Mount& mount, const Mount& top) const {
  const Mount* above = &mount;
  while (above && above != &top) above = above->parent_.get();
  return above != nullptr;
}

bool MountTable::is_visible_locked(const Mount& mount) const {
  return mount.attached_ && root_ && is_within_locked(mount, *root_);
}

bool MountTable::is_whole_locked(const Mount& mount) const {
  return mount.attached_ && (!mount.parent_ || is_visible_locked(mount));
}

Mount* MountTable::child_locked(const Mount& mount) {
  for (auto& other : mounts_) {
    if (other.parent_.get() == &mount) return &other;
  }
  return nullptr;
}

// A tree that is refused and mounted nowhere else: its names hold each other, so somebody must end them.
LinuxResult<Ref<Mount>> MountTable::make(const Ref<Dentry>& tree, u32 flags, std::string_view source,
                                         u32 copied_from) {
  auto made = runtime::make<Mount>(tree, flags, source);
  if (!made) {
    const auto& file_system = tree->inode().file_system();
    if (!file_system.mounted() && file_system.ends_with_last_mount()) Dentry::tear_down(*tree);
    return std::unexpected(to_errno(made.error()));
  }
  Guard guard(lock_);
  if (count_ >= kMaximumMounts) return std::unexpected(Errno::NoSpace);
  (*made)->copied_from_ = copied_from;
  list_locked(*made);
  return std::move(*made);
}

LinuxResult<Ref<Mount>> MountTable::make_detached(const Ref<Dentry>& tree, u32 flags,
                                                  std::string_view source) {
  return make(tree, flags, source, 0);
}

LinuxResult<> MountTable::add(const Path& at, const Ref<Dentry>& tree, u32 flags, std::string_view source) {
  const auto mount = TRY(make(tree, flags, source, 0));
  const auto done = attach(*mount, at);
  if (!done) dissolve(*mount);
  return done;
}

LinuxResult<> MountTable::check_place_locked(const Path& place) const {
  if (!place.mount || !is_visible_locked(*place.mount)) return std::unexpected(Errno::Invalid);
  if (place.dentry->removed()) return std::unexpected(Errno::NoEntry);
  return {};
}

LinuxResult<> MountTable::attach(Mount& mount, const Path& at) {
  for (;;) {
    const auto place = cross_down(at);
    if (mount.root().inode().is(FileKind::Directory) != place.inode().is(FileKind::Directory))
      return std::unexpected(Errno::NotDirectory);
    runtime::Guard names(place.inode().mutex());
    Guard guard(lock_);
    TRY(check_place_locked(place));
    // Somebody else may have mounted there since the look.
    if (find_locked(place.mount.get(), place.dentry.get())) continue;
    attach_locked(mount, place);
    return {};
  }
}

void MountTable::list_locked(Ref<Mount> mount) {
  mount->id_ = ++last_id_;
  mount->attached_ = true;
  ++count_;
  mounts_.push_back(*mount.leak());
}

MountTable::Unlisted MountTable::unlist_locked(Mount& mount) {
  if (mount.mount_point_) mount.mount_point_->add_mount(-1);
  mount.attached_ = false;
  --count_;
  mounts_.erase(mounts_.iterator_to(mount));
  return {Ref<Mount>::adopt(&mount), std::move(mount.parent_), std::move(mount.mount_point_)};
}

// From below, one at a time: what goes is released outside the lock, and needs no list.
void MountTable::dissolve(Mount& top) {
  for (;;) {
    Unlisted unlisted;
    Guard guard(lock_);
    if (!top.attached_ || top.parent_ || &top == root_.get()) return;
    Mount* lowest = &top;
    while (Mount* child = child_locked(*lowest)) lowest = child;
    unlisted = unlist_locked(*lowest);
  }
}

LinuxResult<> MountTable::remove(const Path& at, bool lazy) {
  if (!at.mount || at.dentry.get() != &at.mount->root()) return std::unexpected(Errno::Invalid);
  Mount& victim = *at.mount;
  {
    Unlisted unlisted;  // released outside the lock
    Guard guard(lock_);
    if (!victim.parent_ || !is_visible_locked(victim)) return std::unexpected(Errno::Invalid);
    if (lazy) {
      victim.mount_point_->add_mount(-1);
      unlisted = {{}, std::move(victim.parent_), std::move(victim.mount_point_)};
    } else {
      // The table's reference and that of `at`; anything more is a user.
      if (child_locked(victim) || victim.references() > 2) return std::unexpected(Errno::Busy);
      unlisted = unlist_locked(victim);
    }
  }
  if (lazy) dissolve(victim);
  return {};
}

LinuxResult<> MountTable::expire(const Path& at) {
  if (!at.mount || at.dentry.get() != &at.mount->root()) return std::unexpected(Errno::Invalid);
  {
    Guard guard(lock_);
    if (at.mount->references() > 2) return std::unexpected(Errno::Busy);
    if (!std::exchange(at.mount->expires_, true)) return std::unexpected(Errno::Again);
  }
  return remove(at, false);
}

LinuxResult<> MountTable::pivot(const Path& root, const Path& new_root, const Path& put_old) {
  if (!root.mount || !new_root.mount || !put_old.mount) return std::unexpected(Errno::Invalid);
  Path released;  // outside the lock
  Guard guard(lock_);
  Mount &old = *root.mount, &mount = *new_root.mount;
  if (&mount == &old || put_old.mount.get() == &old) return std::unexpected(Errno::Busy);
  if (root.dentry.get() != &old.root() || new_root.dentry.get() != &mount.root())
    return std::unexpected(Errno::Invalid);
  if (!is_visible_locked(old) || !is_within_locked(*put_old.mount, mount) || !is_within_locked(mount, old))
    return std::unexpected(Errno::Invalid);
  mount.mount_point_->add_mount(-1);
  released = Path(std::move(mount.parent_), std::move(mount.mount_point_));
  // The new root stands where the old one did: on a place of which it is still one mount, or at the very top.
  mount.parent_ = std::move(old.parent_);
  mount.mount_point_ = std::move(old.mount_point_);
  attach_locked(old, put_old);
  if (root_.get() == &old) root_ = new_root.mount;
  return {};
}

LinuxResult<> MountTable::move(const Path& from, const Path& to) {
  if (!from.mount) return std::unexpected(Errno::Invalid);
  Mount& mount = *from.mount;
  for (;;) {
    const auto place = cross_down(to);
    Path released;
    runtime::Guard names(place.inode().mutex());
    Guard guard(lock_);
    TRY(check_place_locked(place));
    if (from.dentry.get() != &mount.root() || !is_whole_locked(mount) || &mount == root_.get() ||
        from.inode().is(FileKind::Directory) != place.inode().is(FileKind::Directory))
      return std::unexpected(Errno::Invalid);
    if (is_within_locked(*place.mount, mount)) return std::unexpected(Errno::Loop);
    if (find_locked(place.mount.get(), place.dentry.get())) continue;
    if (mount.mount_point_) mount.mount_point_->add_mount(-1);
    released = Path(std::move(mount.parent_), std::move(mount.mount_point_));
    attach_locked(mount, place);
    return {};
  }
}

Path MountTable::cross_down(Path path) {
  for (;;) {
    Ref<Mount> mounted;
    {
      Guard guard(lock_);
      if (Mount* found = find_locked(path.mount.get(), path.dentry.get())) mounted = Ref<Mount>(*found);
    }
    if (!mounted) return path;
    Ref<Dentry> root(mounted->root());
    path = Path(std::move(mounted), std::move(root));
  }
}

Path MountTable::cross_up(const Path& path) {
  if (!path.mount || path.dentry.get() != &path.mount->root()) return {};
  Guard guard(lock_);
  return Path(path.mount->parent_, path.mount->mount_point_);
}

MountTable::Listed MountTable::next(u32 after) {
  Listed found;
  Guard guard(lock_);
  for (auto& mount : mounts_) {
    if (mount.id_ <= after) continue;
    found.mount = Ref<Mount>(mount);
    found.at = Path(found.mount, Ref<Dentry>(mount.root()));
    break;
  }
  return found;
}

}  // namespace vari::linux
