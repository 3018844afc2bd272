// Who a task acts as. Immutable once published: a change makes a new object, so that the owner reads
// its own without a lock, and others by taking a reference.
#pragma once

#include <span>

#include "base/result.h"
#include "base/types.h"
#include "personalities/linux/process/capabilities.h"
#include "runtime/memory.h"

namespace vari::linux {

/// Supplementary groups; not changed once an identity has them, so that identities share them.
class GroupList final : public runtime::Managed {
 public:
  static constexpr u32 kMaximum = 65536;
  static Result<Ref<GroupList>> create(u32 count) {
    auto list = TRY(runtime::make<GroupList>());
    if (count) list->ids_ = static_cast<u32*>(runtime::allocate(count * sizeof(u32)));
    if (count && !list->ids_) return std::unexpected(Error::OutOfMemory);
    list->count_ = count;
    return list;
  }
  std::span<u32> ids() { return {ids_, count_}; }

 private:
  ~GroupList() override {
    if (ids_) runtime::free(ids_, count_ * sizeof(u32));
  }
  u32* ids_ = nullptr;
  u32 count_ = 0;
};

struct Identity {
  u32 user = 0, effective_user = 0, saved_user = 0, file_user = 0;
  u32 group = 0, effective_group = 0, saved_group = 0, file_group = 0;
  Ref<GroupList> group_list = {};  // may be empty
  Capabilities capabilities = {};

  bool may(Capability one) const { return capabilities.has(one); }
  /// For files: the file system's group or a supplementary one.
  bool in_group(u32 wanted) const {
    if (wanted == file_group) return true;
    for (const u32 group : groups()) {
      if (group == wanted) return true;
    }
    return false;
  }
  std::span<const u32> groups() const {
    return group_list ? std::span<const u32>(group_list->ids()) : std::span<const u32>();
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
