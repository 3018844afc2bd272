// The folder itself: its root, its limits, and the table that gives each object one node.
#include "hosted/folder/host_folder.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "hosted/folder/host_calls.h"

namespace vari::hosted {

using runtime::Guard;
using runtime::SpinLock;

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

namespace {

FolderKind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return FolderKind::Directory;
    case S_IFLNK: return FolderKind::SymbolicLink;
    case S_IFCHR: return FolderKind::CharacterDevice;
    case S_IFBLK: return FolderKind::BlockDevice;
    case S_IFIFO: return FolderKind::Fifo;
    case S_IFSOCK: return FolderKind::Socket;
    default: return FolderKind::File;
  }
}

HostNode::Identity identity_of(const struct ::stat& status) {
  return {status.st_dev, status.st_ino};
}

}  // namespace

// Each node costs a descriptor: as many as the user may have.
FolderResult<Ref<HostFolder>> HostFolder::create(const char* path) {
  Descriptor root(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct ::stat status;
  if (!root || ::fstat(root.number(), &status) != 0) return failed();
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
  auto* made = new (runtime::kFallible) HostFolder(std::move(root));
  if (!made) return std::unexpected(FolderError::OutOfMemory);
  made->root_device_ = status.st_dev;
  return Ref<HostFolder>::adopt(made);
}

u32 HostFolder::kept_nodes() {
  constexpr u64 kOthers = 256, kMost = 65536;
  rlimit limit{.rlim_cur = 1024, .rlim_max = 1024};
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  const u64 most = limit.rlim_cur > kOthers ? (limit.rlim_cur - kOthers) / 2 : 16;
  return static_cast<u32>(std::min(most, kMost));
}

FolderResult<FolderEntry> HostFolder::root() {
  return entry_of(Descriptor(::openat(root_.number(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC)));
}

FolderResult<FolderStatistics> HostFolder::statistics() {
  struct ::statfs status;
  if (::fstatfs(root_.number(), &status) != 0) return failed();
  return FolderStatistics{.magic = static_cast<u64>(status.f_type),
                          .block_bytes = static_cast<u64>(status.f_bsize),
                          .blocks = status.f_blocks,
                          .free_blocks = status.f_bavail,
                          .files = status.f_files,
                          .free_files = status.f_ffree};
}

FolderAttributes HostFolder::attributes_of(const struct ::stat& status) const {
  // Numbers are one space inside; what the host mounts within the folder has another.
  const u64 other =
      status.st_dev == root_device_ ? 0 : status.st_dev * 0x9e37'79b9'7f4a'7c15 & ~u64{0xffff'ffff};
  return {.kind = kind_of(status.st_mode),
          .mode = status.st_mode & 07777,
          .user = status.st_uid,
          .group = status.st_gid,
          .links = static_cast<u32>(status.st_nlink),
          .number = status.st_ino ^ other,
          .size = static_cast<u64>(status.st_size),
          .blocks = static_cast<u64>(status.st_blocks),
          .device_major = major(status.st_rdev),
          .device_minor = minor(status.st_rdev),
          .accessed_ns = nanoseconds_of(status.st_atim),
          .modified_ns = nanoseconds_of(status.st_mtim),
          .changed_ns = nanoseconds_of(status.st_ctim)};
}

// A node whose last reference has gone is still listed until forget(): it does not count.
Ref<HostNode> HostFolder::find(HostNode::Identity identity) {
  Guard<SpinLock> guard(lock_);
  const auto found = nodes_.find(identity);
  if (found == nodes_.end()) return {};
  u32 now = __atomic_load_n(&found->references_, __ATOMIC_RELAXED);
  while (now != 0) {
    if (__atomic_compare_exchange_n(&found->references_, &now, now + 1, true, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED))
      return Ref<HostNode>::adopt(&*found);
  }
  nodes_.erase(found);
  return {};
}

FolderResult<FolderEntry> HostFolder::entry_of(Descriptor descriptor) {
  struct ::stat status;
  if (!descriptor || ::fstat(descriptor.number(), &status) != 0) return failed();
  const auto identity = identity_of(status);
  const auto attributes = attributes_of(status);
  if (auto known = find(identity)) return FolderEntry{std::move(known), attributes};
  auto* made = new (runtime::kFallible) HostNode(*this, std::move(descriptor), attributes.kind, identity);
  if (!made) return std::unexpected(FolderError::OutOfMemory);
  const auto node = Ref<HostNode>::adopt(made);
  for (;;) {
    {
      Guard<SpinLock> guard(lock_);
      if (nodes_.insert(*made).second) return FolderEntry{node, attributes};
    }
    if (auto faster = find(identity)) return FolderEntry{std::move(faster), attributes};
  }
}

void HostFolder::forget(HostNode& node) {
  Guard<SpinLock> guard(lock_);
  const auto found = nodes_.find(node.identity_);
  if (found != nodes_.end() && &*found == &node) nodes_.erase(found);
}

}  // namespace vari::hosted
