// See file_system_context.h. Paths are swapped under the lock and released outside it: a release may
// end a file system.
#include "personalities/linux/files/file_system_context.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

using runtime::Guard;

FileSystemContext::FileSystemContext(Path root, Path current_directory, u32 mask)
    : root_(std::move(root)), current_directory_(std::move(current_directory)), mask_(mask) {}

LinuxResult<Ref<FileSystemContext>> FileSystemContext::create(const Path& root) {
  return TRY(runtime::make<FileSystemContext>(root, root, u32{022}));
}

LinuxResult<Ref<FileSystemContext>> FileSystemContext::clone() {
  return TRY(runtime::make<FileSystemContext>(root(), current_directory(), mask()));
}

Path FileSystemContext::root() {
  Guard guard(lock_);
  return root_;
}

Path FileSystemContext::current_directory() {
  Guard guard(lock_);
  return current_directory_;
}

void FileSystemContext::set_root(Path root) {
  Guard guard(lock_);
  std::swap(root_.mount, root.mount);
  std::swap(root_.dentry, root.dentry);
}

void FileSystemContext::set_current_directory(Path directory) {
  Guard guard(lock_);
  std::swap(current_directory_.mount, directory.mount);
  std::swap(current_directory_.dentry, directory.dentry);
}

void FileSystemContext::replace(const Path& from, const Path& to) {
  if (root() == from) set_root(to);
  if (current_directory() == from) set_current_directory(to);
}

}  // namespace vari::linux
