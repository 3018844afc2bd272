// See unpack.h. The archive is input from outside: names and targets are taken as text and never lead out of
// the root, since ".." at the root is the root.
#include "personalities/linux/files/unpack.h"

#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/tmpfs.h"

namespace vari::linux {

namespace {

FileKind kind_of(ArchiveEntry::Kind kind) {
  switch (kind) {
    case ArchiveEntry::Kind::Directory: return FileKind::Directory;
    case ArchiveEntry::Kind::SymbolicLink: return FileKind::SymbolicLink;
    case ArchiveEntry::Kind::CharacterDevice: return FileKind::Character;
    case ArchiveEntry::Kind::BlockDevice: return FileKind::Block;
    case ArchiveEntry::Kind::Fifo: return FileKind::Fifo;
    default: return FileKind::Regular;
  }
}

void remove(Dentry& directory, Dentry& child) {
  // Kept trees are tmpfs's, whose remove() can't fail.
  (void)directory.inode().remove({}, child.inode());
  directory.detach(child);
}

}  // namespace

Result<> Unpacker::on_entry(const ArchiveEntry& entry) {
  const auto done = unpack(entry);
  if (done) return {};
  error_ = done.error();
  return std::unexpected(Error::NoSpace);
}

LinuxResult<Ref<Dentry>> Unpacker::directory(Ref<Dentry> from, std::string_view path, unsigned depth) {
  if (depth > kMaximumDepth) return std::unexpected(Errno::Loop);
  if (path.starts_with('/')) from = Ref<Dentry>(root_);
  while (!path.empty()) {
    const auto name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size() < path.size() ? name.size() + 1 : path.size());
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      from = from->parent();
      continue;
    }
    auto child = TRY(Vfs::ensure(*from, name, {.kind = FileKind::Directory, .mode = 0755}));
    if (child->inode().is(FileKind::SymbolicLink)) {
      const auto target = static_cast<TmpfsInode&>(child->inode()).target();
      from = TRY(directory(from, target, depth + 1));
    } else if (child->inode().is(FileKind::Directory)) {
      from = std::move(child);
    } else {
      return std::unexpected(Errno::NotDirectory);
    }
  }
  return from;
}

LinuxResult<Ref<Dentry>> Unpacker::parent(std::string_view path, std::string_view& name) {
  const auto slash = path.rfind('/');
  name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return directory(Ref<Dentry>(root_), slash == std::string_view::npos ? "" : path.substr(0, slash), 0);
}

LinuxResult<> Unpacker::unpack(const ArchiveEntry& entry) {
  std::string_view name;
  auto into = TRY(parent(entry.path, name));
  if (name == "." || name.empty()) return {};
  return put(*into, name, entry);
}

LinuxResult<> Unpacker::put_link(Dentry& directory, std::string_view name, std::string_view target) {
  std::string_view target_name;
  auto from = TRY(parent(target, target_name));
  const auto existing = from->find(target_name);
  if (!existing || existing->inode().is(FileKind::Directory)) return std::unexpected(Errno::NoEntry);
  auto dentry = TRY(Dentry::create(directory, Ref<Inode>(existing->inode()), name));
  runtime::Guard guard(directory.inode().mutex());
  if (const auto old = directory.find(name)) {
    if (&old->inode() == &existing->inode()) return {};
    if (old->inode().is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
    remove(directory, *old);
  }
  TRY(directory.inode().link(name, existing->inode()));
  directory.attach(std::move(dentry));
  return {};
}

LinuxResult<> Unpacker::put(Dentry& directory, std::string_view name, const ArchiveEntry& entry) {
  if (entry.kind == ArchiveEntry::Kind::HardLink) return put_link(directory, name, entry.link_target);
  const auto kind = kind_of(entry.kind);
  if (const auto old = directory.find(name)) {
    const bool both_directories = kind == FileKind::Directory && old->inode().is(FileKind::Directory);
    if (!both_directories) {
      if (old->inode().is(FileKind::Directory) && old->has_children())
        return std::unexpected(Errno::NotEmpty);
      runtime::Guard guard(directory.inode().mutex());
      remove(directory, *old);
    }
  }
  const u32 mode = kind == FileKind::SymbolicLink ? 0777 : entry.mode & kModeMask;
  auto dentry = TRY(Vfs::ensure(directory, name,
                                {.kind = kind,
                                 .mode = mode,
                                 .user = entry.user,
                                 .group = entry.group,
                                 .device = make_device(entry.device_major, entry.device_minor),
                                 .link_target = entry.link_target}));
  auto& inode = static_cast<TmpfsInode&>(dentry->inode());
  if (kind == FileKind::Directory)
    TRY(inode.change_attributes({.mode = mode, .user = entry.user, .group = entry.group}));
  if (kind == FileKind::Regular) TRY(inode.append(entry.data));
  const u64 latest = u64{1} << 33;
  inode.set_times(static_cast<i64>(std::min(entry.modified_seconds, latest) * kSecond));
  return {};
}

}  // namespace vari::linux
