// The kernel's command line: words apart by blanks, "name=value" or "name".
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace vari::kernels {

/// The value of the last word "name=value"; empty for a bare "name"; nothing if it is absent.
std::optional<std::string_view> option(std::string_view command_line, std::string_view name);

/// Decodes base64 (RFC 4648, with or without padding) into `to`. Malformed, or NoSpace.
Result<std::string_view> decode_base64(std::string_view text, std::span<char> to);

}  // namespace vari::kernels
