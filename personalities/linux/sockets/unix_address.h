// The name of a UNIX socket: a path, an abstract name (its first byte is zero), or nothing.
#pragma once

#include <span>
#include <string_view>

#include "runtime/memory.h"

namespace vari::linux {

/// Immutable; shared by a listener, what it accepts, and messages on their way.
class UnixAddress final : public runtime::Managed {
 public:
  static constexpr u32 kFamilyBytes = 2, kMaximumName = 108;
  static constexpr u16 kFamily = 1;  // AF_UNIX

  /// A path goes without its zero; an abstract name begins with one.
  explicit UnixAddress(std::string_view name) : length_(static_cast<u32>(name.size())) {
    __builtin_memcpy(name_, name.data(), name.size());
  }
  std::string_view name() const { return {name_, length_}; }
  bool is_abstract() const { return name_[0] == 0; }
  /// As sun_path has it: a path with its zero.
  std::string_view stored_name() const { return {name_, length_ + (is_abstract() ? 0 : 1)}; }

 private:
  u32 length_;
  char name_[kMaximumName + 1] = {};
};

}  // namespace vari::linux
