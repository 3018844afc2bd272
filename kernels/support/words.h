// A program's argument line, as the host gives it.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"

namespace vari::kernels {

/// Splits `text` into words at blanks. Quoting as in a shell, without its expansions: '…' keeps everything,
/// "…" keeps everything but \" and \\, and outside of quotes \ keeps the next character. The words are put
/// together inside `text`, which the views in `to` refer to. Returns their number. Malformed: a quote is not
/// closed, or the line ends in a \. NoSpace: more words than `to` holds.
Result<std::size_t> split_words(std::span<char> text, std::span<std::string_view> to);

}  // namespace vari::kernels
