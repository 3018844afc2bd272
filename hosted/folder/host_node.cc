// Nodes of the host folder: names, attributes, and opening.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "hosted/folder/host_calls.h"
#include "hosted/folder/host_file.h"
#include "hosted/folder/host_folder.h"

namespace vari::hosted {

namespace {

constexpr int kLook = O_PATH | O_NOFOLLOW | O_CLOEXEC;

mode_t host_kind(FolderKind kind) {
  switch (kind) {
    case FolderKind::Fifo: return S_IFIFO;
    case FolderKind::Socket: return S_IFSOCK;
    case FolderKind::CharacterDevice: return S_IFCHR;
    case FolderKind::BlockDevice: return S_IFBLK;
    default: return S_IFREG;
  }
}

FolderResult<> done(int result) {
  if (result != 0) return failed();
  return {};
}

timespec time_of(const std::optional<i64>& ns) {
  if (!ns) return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
  constexpr i64 kSecondNs = 1'000'000'000;
  const i64 seconds = *ns >= 0 ? *ns / kSecondNs : -((kSecondNs - 1 - *ns) / kSecondNs);
  return {.tv_sec = seconds, .tv_nsec = *ns - seconds * kSecondNs};
}

}  // namespace

HostNode::HostNode(HostFolder& folder, Descriptor descriptor, FolderKind kind, Identity identity)
    : folder_(folder), descriptor_(std::move(descriptor)), kind_(kind), identity_(identity) {}

HostNode::~HostNode() {
  folder_.forget(*this);
}

FolderResult<FolderAttributes> HostNode::attributes() {
  struct ::stat status;
  if (::fstat(descriptor_.number(), &status) != 0) return failed();
  return folder_.attributes_of(status);
}

FolderResult<> HostNode::change(const FolderChange& change) {
  const DescriptorPath path(descriptor_.number());
  if (change.size) {
    if (kind_ != FolderKind::File) return std::unexpected(FolderError::Invalid);
    TRY(done(::truncate(path.text(), static_cast<off_t>(*change.size))));
  }
  if (change.user || change.group) {
    TRY(done(::fchownat(descriptor_.number(), "", change.user.value_or(~u32{0}),
                        change.group.value_or(~u32{0}), AT_EMPTY_PATH)));
  }
  if (change.mode) {
    // Links have no mode of their own.
    if (kind_ == FolderKind::SymbolicLink) return std::unexpected(FolderError::Unsupported);
    TRY(done(::chmod(path.text(), *change.mode)));
  }
  if (change.accessed_ns || change.modified_ns) {
    const timespec times[] = {time_of(change.accessed_ns), time_of(change.modified_ns)};
    TRY(done(::utimensat(descriptor_.number(), "", times, AT_EMPTY_PATH)));
  }
  return {};
}

FolderResult<FolderEntry> HostNode::open_child(const char* name) {
  return folder_.entry_of(Descriptor(::openat(descriptor_.number(), name, kLook)));
}

// What is known already costs one call and no descriptor.
FolderResult<FolderEntry> HostNode::look_up(std::string_view name) {
  const auto text = TRY(HostName::create(name));
  struct ::stat status;
  if (::fstatat(descriptor_.number(), text.text(), &status, AT_SYMLINK_NOFOLLOW) != 0) return failed();
  if (auto known = folder_.find({status.st_dev, status.st_ino}))
    return FolderEntry{std::move(known), folder_.attributes_of(status)};
  return open_child(text.text());
}

FolderResult<FolderEntry> HostNode::create_file(const char* name, u32 mode) {
  constexpr int kNew = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  Descriptor open(::openat(descriptor_.number(), name, kNew, mode));
  if (!open) return failed();
  auto entry = folder_.entry_of(Descriptor(::open(DescriptorPath(open.number()).text(), O_PATH | O_CLOEXEC)));
  if (!entry) return entry;
  entry->handle = TRY(HostHandle::create(std::move(open)));
  return entry;
}

FolderResult<FolderEntry> HostNode::create(std::string_view name, const FolderCreation& creation) {
  const auto text = TRY(HostName::create(name));
  const int here = descriptor_.number();
  FolderResult<FolderEntry> entry;
  switch (creation.kind) {
    case FolderKind::File: entry = create_file(text.text(), creation.mode); break;
    case FolderKind::Directory:
      TRY(done(::mkdirat(here, text.text(), creation.mode)));
      entry = open_child(text.text());
      break;
    case FolderKind::SymbolicLink: {
      char target[4096];
      if (creation.link_target.empty()) return std::unexpected(FolderError::NotFound);
      if (creation.link_target.size() >= sizeof target) return std::unexpected(FolderError::NameTooLong);
      target[creation.link_target.copy(target, sizeof target - 1)] = 0;
      TRY(done(::symlinkat(target, here, text.text())));
      return open_child(text.text());
    }
    default:
      TRY(done(::mknodat(here, text.text(), host_kind(creation.kind) | creation.mode,
                         makedev(creation.device_major, creation.device_minor))));
      entry = open_child(text.text());
  }
  if (!entry || entry->attributes.mode == creation.mode) return entry;
  // The host's umask has taken bits away, or a directory has passed its group on.
  const u32 inherited = entry->attributes.mode & S_ISGID;
  TRY(entry->node->change({.mode = creation.mode | inherited}));
  entry->attributes = TRY(entry->node->attributes());
  return entry;
}

FolderResult<> HostNode::link(std::string_view name, FolderNode& existing) {
  const auto text = TRY(HostName::create(name));
  const DescriptorPath path(static_cast<HostNode&>(existing).descriptor_.number());
  return done(::linkat(AT_FDCWD, path.text(), descriptor_.number(), text.text(), AT_SYMLINK_FOLLOW));
}

FolderResult<> HostNode::unlink(std::string_view name, bool directory) {
  const auto text = TRY(HostName::create(name));
  return done(::unlinkat(descriptor_.number(), text.text(), directory ? AT_REMOVEDIR : 0));
}

FolderResult<> HostNode::rename(std::string_view name, FolderNode& to, std::string_view to_name, Rename how) {
  const auto from_text = TRY(HostName::create(name));
  const auto to_text = TRY(HostName::create(to_name));
  const unsigned flags = how == Rename::Exchange    ? RENAME_EXCHANGE
                         : how == Rename::NoReplace ? RENAME_NOREPLACE
                                                    : 0;
  return done(::renameat2(descriptor_.number(), from_text.text(),
                          static_cast<HostNode&>(to).descriptor_.number(), to_text.text(), flags));
}

FolderResult<Ref<FolderListing>> HostNode::list() {
  Descriptor open(::openat(descriptor_.number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open) return failed();
  return HostListing::create(std::move(open));
}

FolderResult<u64> HostNode::read_link(std::span<char> to) {
  const auto count = ::readlinkat(descriptor_.number(), "", to.data(), to.size());
  if (count < 0) return failed();
  return static_cast<u64>(count);
}

// Only regular files: opening another kind would reach a device or a partner of the host.
FolderResult<Ref<FolderHandle>> HostNode::open(FolderAccess access) {
  if (kind_ != FolderKind::File) return std::unexpected(FolderError::Invalid);
  const int flags = access == FolderAccess::Read    ? O_RDONLY
                    : access == FolderAccess::Write ? O_WRONLY
                                                    : O_RDWR;
  Descriptor open(::open(DescriptorPath(descriptor_.number()).text(), flags | O_CLOEXEC | O_NOCTTY));
  if (!open) return failed();
  return HostHandle::create(std::move(open));
}

}  // namespace vari::hosted
