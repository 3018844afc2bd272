// Mount options: "size=10%,mode=755".
#pragma once

#include <string_view>

#include "base/types.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

constexpr LinuxResult<u64> parse_octal(std::string_view text) {
  u64 value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7' || value >> 60) return std::unexpected(Errno::Invalid);
    value = value * 8 + static_cast<u64>(digit - '0');
  }
  return value;
}

/// "1000", "64k", "10m", "1g", "50%" (of `whole`).
constexpr LinuxResult<u64> parse_size(std::string_view text, u64 whole) {
  u64 value = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    if (value >> 58) return std::unexpected(Errno::Invalid);
    value = value * 10 + static_cast<u64>(text[at] - '0');
  }
  if (at == 0) return std::unexpected(Errno::Invalid);
  const auto unit = text.substr(at);
  u64 factor = 0;
  if (unit.empty()) factor = 1;
  if (unit == "k" || unit == "K") factor = kKiB;
  if (unit == "m" || unit == "M") factor = kMiB;
  if (unit == "g" || unit == "G") factor = kGiB;
  if (unit == "%" && value <= 100) return whole / 100 * value;
  u64 bytes = 0;
  if (factor == 0 || __builtin_mul_overflow(value, factor, &bytes)) return std::unexpected(Errno::Invalid);
  return bytes;
}

}  // namespace vari::linux
