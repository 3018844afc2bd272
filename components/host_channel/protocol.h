// The numbers of the protocol that README.md describes.
#pragma once

#include "base/types.h"

namespace vari::components::host_channel {

enum class Kind : u8 {
  StandardOutput = 1,
  StandardError = 2,
  ExitStatus = 3,
  Message = 4,
  Ready = 5,
  Credit = 6,
  Report = 7,
  StandardInput = 16,
  StandardInputEnd = 17,
  WindowSize = 18,
  Signal = 19,
};

inline constexpr std::size_t kHeaderBytes = 3;
inline constexpr u8 kProtocolVersion = 1;

constexpr bool from_host(u8 kind) {
  return kind >= static_cast<u8>(Kind::StandardInput) && kind <= static_cast<u8>(Kind::Signal);
}

}  // namespace vari::components::host_channel
