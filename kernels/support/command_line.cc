#include "kernels/support/command_line.h"

namespace vari::kernels {
namespace {

/// The value of one base64 character, or 64 for any other.
u32 digit(char character) {
  if (character >= 'A' && character <= 'Z') return static_cast<u32>(character - 'A');
  if (character >= 'a' && character <= 'z') return static_cast<u32>(character - 'a' + 26);
  if (character >= '0' && character <= '9') return static_cast<u32>(character - '0' + 52);
  if (character == '+' || character == '-') return 62;
  if (character == '/' || character == '_') return 63;
  return 64;
}

}  // namespace

std::optional<std::string_view> option(std::string_view command_line, std::string_view name) {
  std::optional<std::string_view> found;
  while (!command_line.empty()) {
    const auto end = command_line.find(' ');
    const std::string_view word = command_line.substr(0, end);
    command_line = end == std::string_view::npos ? std::string_view() : command_line.substr(end + 1);
    if (!word.starts_with(name)) continue;
    const std::string_view rest = word.substr(name.size());
    if (rest.empty()) found = rest;
    if (rest.starts_with('=')) found = rest.substr(1);
  }
  return found;
}

Result<std::string_view> decode_base64(std::string_view text, std::span<char> to) {
  while (text.ends_with('=')) text.remove_suffix(1);
  u32 bits = 0;
  unsigned bit_count = 0;
  std::size_t used = 0;
  for (const char character : text) {
    const u32 value = digit(character);
    if (value == 64) return std::unexpected(Error::Malformed);
    bits = bits << 6 | value;
    bit_count += 6;
    if (bit_count < 8) continue;
    bit_count -= 8;
    if (used == to.size()) return std::unexpected(Error::NoSpace);
    to[used++] = static_cast<char>(bits >> bit_count);
  }
  return std::string_view(to.data(), used);
}

}  // namespace vari::kernels
