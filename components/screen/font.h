// Glyphs of 8 by 16 pixels for framebuffers, without any memory: computed from a compact font.
#pragma once

#include <array>

#include "base/types.h"

namespace vari::components::screen {

inline constexpr u16 kGlyphWidth = 8, kGlyphHeight = 16;
/// A row a byte, the leftmost pixel in the highest bit.
using Glyph = std::array<u8, kGlyphHeight>;

/// The glyph of a Unicode character; a hollow box where there is none.
Glyph glyph_of(u16 character);

}  // namespace vari::components::screen
