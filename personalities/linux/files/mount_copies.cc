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

// Breadth first, without a stack: each copy says what it is one of, and copies stand behind the ones that
// they are mounted in. Mounts that are younger than the first copy are none of this.
LinuxResult<> MountTable::bind(const Path& from, const Path& at, bool recursive) {
  if (!from.mount) return std::unexpected(Errno::Invalid);
  const u32 before = __atomic_load_n(&last_id_, __ATOMIC_RELAXED) + 1;
  TRY(add(at, from.dentry, from.mount->flags(), from.mount->source(), recursive ? from.mount->id() : 0));
  if (!recursive) return {};
  LinuxResult<> result;
  Dentry* top = from.dentry.get();
  for (auto copy = next_copy(before - 1); copy; copy = next_copy(copy->id())) {
    Ref<Dentry> point;
    u32 source = 0;
    {
      Guard guard(lock_);
      source = std::exchange(copy->copied_from_, 0);
    }
    for (auto mounted = next_mounted_in(source, 0, before, top, point); mounted && result;
         mounted = next_mounted_in(source, mounted->id(), before, top, point))
      result = add(Path(copy, point), Ref<Dentry>(mounted->root()), mounted->flags(), mounted->source(),
                   mounted->id());
    top = nullptr;
  }
  return result;
}

}  // namespace vari::linux
