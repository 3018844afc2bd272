// Path: here rather than in the header, because Mount and Dentry are incomplete there.
#include "personalities/linux/files/path.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/mount.h"

namespace vari::linux {

Path::Path() = default;
Path::Path(Ref<Mount> mount, Ref<Dentry> dentry) : mount(std::move(mount)), dentry(std::move(dentry)) {}
Path::Path(const Path&) = default;
Path::Path(Path&&) noexcept = default;
Path::~Path() = default;
Path& Path::operator=(Path other) noexcept {
  std::swap(mount, other.mount);
  std::swap(dentry, other.dentry);
  return *this;
}
bool Path::operator==(const Path& other) const {
  return mount == other.mount && dentry == other.dentry;
}
Path::operator bool() const {
  return static_cast<bool>(dentry);
}
Inode& Path::inode() const {
  return dentry->inode();
}

}  // namespace vari::linux
