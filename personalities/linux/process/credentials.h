// Who a task acts as. Immutable once published: a change makes a new object, so that the owner reads
// its own without a lock, and others by taking a reference.
#pragma once

#include <span>

#include "base/types.h"
#include "runtime/memory.h"

namespace vari::linux {

struct Identity {
  static constexpr u32 kMaximumGroups = 32;
  u32 user = 0, effective_user = 0, saved_user = 0, file_user = 0;
  u32 group = 0, effective_group = 0, saved_group = 0, file_group = 0;
  u32 group_count = 0;
  u32 groups[kMaximumGroups] = {};

  /// Root, for all that Linux splits into capabilities.
  bool privileged() const { return effective_user == 0; }
  /// For files: the file system's group or a supplementary one.
  bool in_group(u32 wanted) const {
    if (wanted == file_group) return true;
    for (u32 i = 0; i < group_count; ++i) {
      if (groups[i] == wanted) return true;
    }
    return false;
  }
};

class Credentials final : public runtime::Managed {
 public:
  Credentials() = default;
  explicit Credentials(const Identity& identity) : identity_(identity) {}
  const Identity& identity() const { return identity_; }

 private:
  const Identity identity_;
};

}  // namespace vari::linux
