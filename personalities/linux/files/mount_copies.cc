// Bind mounts: the same tree in a second place, alone or with all that is mounted in it.
#include <utility>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

using runtime::Guard;

namespace {

bool is_below(Dentry* top, Dentry& dentry) {
  if (!top) return true;
  Ref<Dentry> here(dentry);
  while (here.get() != top) {
    if (here->is_root()) return false;
    here = here->parent();
  }
  return true;
}

}  // namespace

Ref<Mount> MountTable::next_copy(u32 after) {
  Guard guard(lock_);
  for (auto& mount : mounts_) {
    if (mount.id_ > after && mount.copied_from_ != 0) return Ref<Mount>(mount);
  }
  return {};
}

Ref<Mount> MountTable::next_mounted_in(u32 id, u32 after, u32 before, Dentry* top, Ref<Dentry>& point) {
  for (;;) {
    Ref<Mount> found;
    Ref<Dentry> place;
    {
      Guard guard(lock_);
      for (auto& mount : mounts_) {
        if (mount.id_ <= after || mount.id_ >= before || !mount.parent_ || mount.parent_->id_ != id) continue;
        found = Ref<Mount>(mount);
        place = mount.mount_point_;
        break;
      }
    }
    // Going up takes dentries' locks: not under ours.
    if (!found || is_below(top, *place)) {
      point = std::move(place);
      return found;
    }
    after = found->id();
  }
}

LinuxResult<> MountTable::attach_copy(const Path& at, Mount& original) {
  const auto copy =
      TRY(make(Ref<Dentry>(original.root()), original.flags(), original.source(), original.id()));
  Guard guard(lock_);
  attach_locked(*copy, at);
  return {};
}

// Breadth first, without a stack: each copy says what it is one of, and copies stand behind the ones that
// they are mounted in. Mounts that are younger than the first copy are none of this.
LinuxResult<> MountTable::copy_below(Mount& first, Dentry* top) {
  const u32 before = first.id();
  for (auto copy = next_copy(before - 1); copy; copy = next_copy(copy->id())) {
    Ref<Dentry> point;
    u32 source = 0;
    {
      Guard guard(lock_);
      source = std::exchange(copy->copied_from_, 0);
    }
    for (auto mounted = next_mounted_in(source, 0, before, top, point); mounted;
         mounted = next_mounted_in(source, mounted->id(), before, top, point))
      TRY(attach_copy(Path(copy, point), *mounted));
    top = nullptr;
  }
  return {};
}

LinuxResult<Ref<Mount>> MountTable::copy_detached(const Path& from, bool recursive) {
  if (!from.mount) return std::unexpected(Errno::Invalid);
  runtime::Guard one_at_a_time(copy_mutex_);
  {
    Guard guard(lock_);
    if (!is_visible_locked(*from.mount)) return std::unexpected(Errno::Invalid);
  }
  auto copy =
      TRY(make(from.dentry, from.mount->flags(), from.mount->source(), recursive ? from.mount->id() : 0));
  if (!recursive) return copy;
  const auto done = copy_below(*copy, from.dentry.get());
  if (done) return copy;
  dissolve(*copy);
  return std::unexpected(done.error());
}

LinuxResult<> MountTable::bind(const Path& from, const Path& at, bool recursive) {
  const auto copy = TRY(copy_detached(from, recursive));
  const auto done = attach(*copy, at);
  if (!done) dissolve(*copy);
  return done;
}

}  // namespace vari::linux
