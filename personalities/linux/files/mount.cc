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

Mount::Mount(Ref<Dentry> root, u32 flags, u32 id, std::string_view source)
    : root_(std::move(root)),
      flags_(flags),
      id_(id),
      source_length_(std::min(source.size(), sizeof source_)) {
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
  auto mount = TRY(runtime::make<Mount>(std::move(root), u32{0}, u32{1}, source));
  Guard guard(lock_);
  last_id_ = 1;
  root_ = mount;
  mount->attached_ = true;
  mounts_.push_back(*mount.leak());
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

// A tree that is refused and mounted nowhere else: its names hold each other, so somebody must end them.
LinuxResult<> MountTable::add(const Path& at, const Ref<Dentry>& tree, u32 flags, std::string_view source,
                              u32 copied_from) {
  const auto done = attach(at, tree, flags, source, copied_from);
  const auto& file_system = tree->inode().file_system();
  if (!done && !file_system.mounted() && file_system.ends_with_last_mount()) Dentry::tear_down(*tree);
  return done;
}

LinuxResult<> MountTable::attach(const Path& at, Ref<Dentry> tree, u32 flags, std::string_view source,
                                 u32 copied_from) {
  const auto place = cross_down(at);
  if (!place.mount) return std::unexpected(Errno::Invalid);
  if (tree->inode().is(FileKind::Directory) != place.inode().is(FileKind::Directory))
    return std::unexpected(Errno::NotDirectory);
  const u32 id = __atomic_add_fetch(&last_id_, 1, __ATOMIC_RELAXED);
  if (id >= kMaximumMounts) return std::unexpected(Errno::NoSpace);
  auto mount = TRY(runtime::make<Mount>(std::move(tree), flags, id, source));
  runtime::Guard names(place.inode().mutex());
  if (place.dentry->removed()) return std::unexpected(Errno::NoEntry);
  Guard guard(lock_);
  attach_locked(*mount, place);
  mount->copied_from_ = copied_from;
  mounts_.push_back(*mount.leak());
  return {};
}

LinuxResult<> MountTable::remove(const Path& at, bool lazy) {
  if (!at.mount || at.dentry.get() != &at.mount->root()) return std::unexpected(Errno::Invalid);
  Ref<Mount> mount, parent;  // released outside the lock
  Ref<Dentry> mount_point;
  Guard guard(lock_);
  Mount& victim = *at.mount;
  if (!victim.attached_ || !victim.parent_) return std::unexpected(Errno::Invalid);
  for (auto& other : mounts_) {
    if (other.parent_.get() == &victim) return std::unexpected(Errno::Busy);
  }
  // The table's reference and that of `at`; anything more is a user.
  if (!lazy && victim.references() > 2) return std::unexpected(Errno::Busy);
  victim.mount_point_->add_mount(-1);
  victim.attached_ = false;
  mounts_.erase(mounts_.iterator_to(victim));
  mount = Ref<Mount>::adopt(&victim);
  parent = std::move(victim.parent_);
  mount_point = std::move(victim.mount_point_);
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

LinuxResult<> MountTable::remount(const Path& at, u32 flags) {
  if (!at.mount || at.dentry.get() != &at.mount->root()) return std::unexpected(Errno::Invalid);
  if ((flags & Mount::kReadOnly) && !at.mount->read_only() && at.mount->has_writers())
    return std::unexpected(Errno::Busy);
  __atomic_store_n(&at.mount->flags_, flags, __ATOMIC_RELAXED);
  return {};
}

bool MountTable::is_within_locked(const Mount& mount, const Mount& top) const {
  const Mount* above = &mount;
  while (above && above != &top) above = above->parent_.get();
  return above != nullptr;
}

LinuxResult<> MountTable::pivot(const Path& root, const Path& new_root, const Path& put_old) {
  if (!root.mount || !new_root.mount || !put_old.mount) return std::unexpected(Errno::Invalid);
  Path released;  // outside the lock
  Guard guard(lock_);
  Mount &old = *root.mount, &mount = *new_root.mount;
  if (&mount == &old || put_old.mount.get() == &old) return std::unexpected(Errno::Busy);
  if (root.dentry.get() != &old.root() || new_root.dentry.get() != &mount.root())
    return std::unexpected(Errno::Invalid);
  if (!old.attached_ || !is_within_locked(*put_old.mount, mount) || !is_within_locked(mount, old))
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
  const auto place = cross_down(to);
  Path released;
  Guard guard(lock_);
  Mount& mount = *from.mount;
  if (from.dentry.get() != &mount.root() || !mount.parent_ || !place.mount)
    return std::unexpected(Errno::Invalid);
  if (is_within_locked(*place.mount, mount)) return std::unexpected(Errno::Loop);
  mount.mount_point_->add_mount(-1);
  released = Path(std::move(mount.parent_), std::move(mount.mount_point_));
  attach_locked(mount, place);
  return {};
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
