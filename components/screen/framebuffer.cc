// Draws cell by cell, in the order of addresses; what the boot loader says of the format is checked
// once, in open(), and everything after stays within it.
#include "components/screen/framebuffer.h"

#include <algorithm>

namespace vari::components::screen {
namespace {

constexpr u32 kColours[16] = {0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
                              0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff};
constexpr u32 kMaximumPixels = 16384;
/// The grid is kept twice in memory; larger screens show a part of it only.
constexpr u32 kMaximumColumns = 512, kMaximumRows = 256;

}  // namespace

u32 FramebufferDisplay::pixel_of(u8 colour) const {
  const u32 red = kColours[colour] >> 16, green = kColours[colour] >> 8 & 0xff,
            blue = kColours[colour] & 0xff;
  if (pixel_bytes_ == 2) {
    return red >> 3 << format_.red_shift | green >> 2 << format_.green_shift |
           blue >> 3 << format_.blue_shift;
  }
  return red << format_.red_shift | green << format_.green_shift | blue << format_.blue_shift;
}

Result<> FramebufferDisplay::open(Environment& environment, const Framebuffer& framebuffer) {
  const bool known = framebuffer.bits_per_pixel == 32 || framebuffer.bits_per_pixel == 24 ||
                     framebuffer.bits_per_pixel == 16;
  const u32 last_shift = framebuffer.bits_per_pixel == 16 ? 11 : framebuffer.bits_per_pixel - 8u;
  if (!known ||
      std::max({framebuffer.red_shift, framebuffer.green_shift, framebuffer.blue_shift}) > last_shift) {
    return std::unexpected(Error::Unsupported);
  }
  const u32 pixel_bytes = framebuffer.bits_per_pixel / 8;
  if (framebuffer.width < kGlyphWidth || framebuffer.height < kGlyphHeight ||
      framebuffer.width > kMaximumPixels || framebuffer.height > kMaximumPixels ||
      framebuffer.pitch_bytes < framebuffer.width * pixel_bytes) {
    return std::unexpected(Error::Unsupported);
  }
  environment_ = &environment;
  format_ = framebuffer;
  pixel_bytes_ = static_cast<u8>(pixel_bytes);
  columns_ = static_cast<u16>(std::min(framebuffer.width / kGlyphWidth, kMaximumColumns));
  rows_ = static_cast<u16>(std::min(framebuffer.height / kGlyphHeight, kMaximumRows));
  for (u8 i = 0; i < 16; ++i) palette_[i] = pixel_of(i);
  memory_ = DeviceMemory(TRY(environment.memory.map_physical(framebuffer.begin, bytes(), false)));
  for (u64 i = 0; i + 8 <= bytes(); i += 8) memory_.store(i, u64{0});
  return {};
}

FramebufferDisplay::~FramebufferDisplay() {
  if (memory_) environment_->memory.unmap_physical(memory_.begin(), bytes());
}

void FramebufferDisplay::put_pixel(u64 offset, u32 pixel) {
  if (pixel_bytes_ == 4) return memory_.store(offset, pixel);
  memory_.store(offset, static_cast<u16>(pixel));
  if (pixel_bytes_ == 3) memory_.store(offset + 2, static_cast<u8>(pixel >> 16));
}

void FramebufferDisplay::draw_cell(Position at, Cell cell) {
  const Glyph glyph = glyph_of(cell.character);
  const u32 foreground = palette_[cell.foreground & 15], background = palette_[cell.background & 15];
  u64 line = u64{at.row} * kGlyphHeight * format_.pitch_bytes + u64{at.column} * kGlyphWidth * pixel_bytes_;
  for (const u8 pixels : glyph) {
    for (unsigned x = 0; x < kGlyphWidth; ++x) {
      put_pixel(line + u64{x} * pixel_bytes_, pixels & (0x80 >> x) ? foreground : background);
    }
    line += format_.pitch_bytes;
  }
}

void FramebufferDisplay::draw(Position begin, std::span<const Cell> cells) {
  for (const Cell& cell : cells) {
    draw_cell(begin, cell);
    ++begin.column;
  }
}

void FramebufferDisplay::draw_cursor(Position at, Cell under, bool visible) {
  if (visible) std::swap(under.foreground, under.background);
  if (visible && under.foreground == under.background)
    under.background = static_cast<u8>(under.foreground ^ 7);
  draw_cell(at, under);
}

}  // namespace vari::components::screen
