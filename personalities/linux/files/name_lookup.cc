// See name_lookup.h.
#include "personalities/linux/files/name_lookup.h"

#include "personalities/linux/files/file_system.h"

namespace vari::linux {

namespace {

/// The directory is asked; what is known of the name is put right. A name that something is mounted on
/// stays, whatever became of it: the mount is ours.
LinuxResult<Ref<Dentry>> revalidate_locked(Task& task, Dentry& directory, std::string_view name) {
  auto known = directory.find(name);
  auto asked = directory.inode().look_up(task, name);
  if (known) {
    if (known->is_mount_point() || (asked && asked->get() == &known->inode())) return known;
    directory.detach(*known);
  }
  auto dentry = TRY(Dentry::create(directory, TRY(std::move(asked)), name));
  if (!directory.removed()) directory.attach(dentry);
  return dentry;
}

/// A name in use that still means the same costs no lock.
LinuxResult<Ref<Dentry>> revalidate(Task& task, Dentry& directory, std::string_view name) {
  if (auto known = directory.find(name)) {
    if (known->is_mount_point()) return known;
    const auto asked = directory.inode().look_up(task, name);
    if (asked && asked->get() == &known->inode()) return known;
  }
  runtime::Guard guard(directory.inode().mutex());
  return revalidate_locked(task, directory, name);
}

template <class Revalidate>
LinuxResult<Ref<Dentry>> look_up(Task& task, Dentry& directory, std::string_view name,
                                 Revalidate revalidation) {
  Inode& inode = directory.inode();
  const auto policy = inode.file_system().names();
  if (policy == NamePolicy::Revalidated) return revalidation(task, directory, name);
  if (auto child = directory.find(name)) return child;
  if (policy == NamePolicy::Kept) return std::unexpected(Errno::NoEntry);
  return Dentry::create(directory, TRY(inode.look_up(task, name)), name);
}

}  // namespace

LinuxResult<Ref<Dentry>> look_up_name(Task& task, Dentry& directory, std::string_view name) {
  return look_up(task, directory, name, &revalidate);
}

LinuxResult<Ref<Dentry>> look_up_name_locked(Task& task, Dentry& directory, std::string_view name) {
  return look_up(task, directory, name, &revalidate_locked);
}

}  // namespace vari::linux
