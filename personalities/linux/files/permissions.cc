// See permissions.h, and path_resolution(7).
#include "personalities/linux/files/permissions.h"

namespace vari::linux {

namespace {

/// Executing a file takes at least one x bit, whoever asks.
bool may_override(const Identity& identity, u32 mode, u32 wanted) {
  const bool directory = (mode & kKindMask) == static_cast<u32>(FileKind::Directory);
  const bool changes = wanted & (directory ? kMayWrite : kMayWrite | kMayExecute);
  if (!changes && identity.may(Capability::ReadAndSearch)) return true;
  if (!directory && (wanted & kMayExecute) && !(mode & 0111)) return false;
  return identity.may(Capability::OverrideAccess);
}

}  // namespace

LinuxResult<> check_permission(const Identity& identity, Inode& inode, u32 wanted) {
  const u32 mode = inode.mode();
  u32 granted = mode & 7;
  if (inode.user() == identity.file_user) {
    granted = mode >> 6 & 7;
  } else if ((granted ^ (mode >> 3)) & 7 & wanted) {
    // Groups are looked through only where they make a difference.
    if (identity.in_group(inode.group())) granted = mode >> 3 & 7;
  }
  if (!(wanted & ~granted) || may_override(identity, mode, wanted)) return {};
  return std::unexpected(Errno::Access);
}

LinuxResult<> check_owner(const Identity& identity, Inode& inode) {
  if (identity.file_user == inode.user() || identity.may(Capability::Owner)) return {};
  return std::unexpected(Errno::Perm);
}

LinuxResult<> check_removal(const Identity& identity, Inode& directory, Inode& child) {
  TRY(check_permission(identity, directory, kMayWrite | kMayExecute));
  if (!(directory.mode() & kSticky) || identity.may(Capability::Owner)) return {};
  if (identity.file_user == child.user() || identity.file_user == directory.user()) return {};
  return std::unexpected(Errno::Perm);
}

LinuxResult<> drop_set_id_bits(const Identity& identity, Inode& inode) {
  const u32 mode = inode.mode();
  // Set-group-ID without group execute is something else.
  const bool set_group = (mode & (kSetGroup | 0010)) == (kSetGroup | 0010);
  if (!(mode & kSetUser) && !set_group) [[likely]]
    return {};
  if (identity.may(Capability::KeepSetIdBits) || !inode.is(FileKind::Regular)) return {};
  return inode.change_attributes({.mode = mode & kModeMask & ~kSetUser & ~(set_group ? kSetGroup : 0)});
}

}  // namespace vari::linux
