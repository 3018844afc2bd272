// How capabilities change with users and programs. See capabilities(7).
#include "personalities/linux/process/capabilities.h"

#include "personalities/linux/process/credentials.h"

namespace vari::linux {

namespace {

/// What goes with the file system's user id.
constexpr u64 kOfFiles = Capabilities::bit(Capability::ChangeOwner) |
                         Capabilities::bit(Capability::OverrideAccess) |
                         Capabilities::bit(Capability::ReadAndSearch) | Capabilities::bit(Capability::Owner) |
                         Capabilities::bit(Capability::KeepSetIdBits) |
                         Capabilities::bit(Capability::MakeNodes) | u64{1} << 9 | u64{1} << 32;

bool has_root(const Identity& identity) {
  return identity.user == 0 || identity.effective_user == 0 || identity.saved_user == 0;
}

}  // namespace

Capabilities after_user_change(const Identity& before, const Identity& after) {
  auto now = after.capabilities;
  if (now.secure_bits & Capabilities::kNoUserFixUp) return now;
  if (has_root(before) && !has_root(after)) {
    if (!(now.secure_bits & Capabilities::kKeep)) now.permitted = now.effective = 0;
    now.ambient = 0;
  }
  if (before.effective_user == 0 && after.effective_user != 0) now.effective = 0;
  if (before.effective_user != 0 && after.effective_user == 0) now.effective = now.permitted;
  return now;
}

Capabilities after_file_user_change(const Identity& before, const Identity& after) {
  auto now = after.capabilities;
  if (now.secure_bits & Capabilities::kNoUserFixUp) return now;
  if (before.file_user == 0 && after.file_user != 0) now.effective &= ~kOfFiles;
  if (before.file_user != 0 && after.file_user == 0) now.effective |= now.permitted & kOfFiles;
  return now;
}

Capabilities after_execution(const Identity& before, const Identity& after, bool may_gain) {
  auto now = before.capabilities;
  const bool set_id = after.effective_user != before.user || after.effective_group != before.group;
  const bool root_counts = !(now.secure_bits & Capabilities::kNoRoot);
  u64 permitted = 0;
  if (root_counts && (after.user == 0 || after.effective_user == 0))
    permitted = now.bounding | now.inheritable;
  if (!may_gain && (set_id || (permitted & ~now.permitted))) permitted &= now.permitted;
  if (set_id) now.ambient = 0;
  now.permitted = permitted | now.ambient;
  now.effective = root_counts && after.effective_user == 0 ? now.permitted : now.ambient;
  now.secure_bits &= ~Capabilities::kKeep;
  return now;
}

}  // namespace vari::linux
