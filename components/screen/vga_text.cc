// Source: IBM VGA Technical Reference, CRT controller registers 0x0a to 0x0f.
#include "components/screen/vga_text.h"

namespace vari::components::screen {
namespace {

constexpr PhysicalAddress kTextMemory{0xb8000};
constexpr u16 kIndexPort = 0x3d4, kDataPort = 0x3d5;
constexpr u8 kCursorStart = 0x0a, kCursorEnd = 0x0b, kCursorHigh = 0x0e, kCursorLow = 0x0f;
constexpr u8 kCursorOff = 0x20, kCursorTop = 13, kCursorBottom = 15;

struct CodePoint {
  u16 unicode;
  u8 code_page_437;
};
constexpr CodePoint kCodePage[] = {
    {0x2500, 0xc4}, {0x2502, 0xb3}, {0x250c, 0xda}, {0x2510, 0xbf}, {0x2514, 0xc0}, {0x2518, 0xd9},
    {0x251c, 0xc3}, {0x2524, 0xb4}, {0x252c, 0xc2}, {0x2534, 0xc1}, {0x253c, 0xc5}, {0x2592, 0xb1},
    {0x2588, 0xdb}, {0x25c6, 0x04}, {0x2264, 0xf3}, {0x2265, 0xf2}, {0x03c0, 0xe3}, {0x00a0, 0x20},
    {0x00a3, 0x9c}, {0x00b0, 0xf8}, {0x00b1, 0xf1}, {0x00b5, 0xe6}, {0x00b7, 0xfa}, {0x00ab, 0xae},
    {0x00bb, 0xaf}, {0x00c4, 0x8e}, {0x00c9, 0x90}, {0x00d6, 0x99}, {0x00dc, 0x9a}, {0x00df, 0xe1},
    {0x00e0, 0x85}, {0x00e2, 0x83}, {0x00e4, 0x84}, {0x00e7, 0x87}, {0x00e8, 0x8a}, {0x00e9, 0x82},
    {0x00ea, 0x88}, {0x00f1, 0xa4}, {0x00f4, 0x93}, {0x00f6, 0x94}, {0x00fc, 0x81},
};

u8 code_of(u16 character) {
  if (character >= 0x20 && character < 0x7f) return static_cast<u8>(character);
  for (const CodePoint& point : kCodePage) {
    if (point.unicode == character) return point.code_page_437;
  }
  return 0xfe;  // a small square
}

/// ANSI counts red 1 and blue 4, the PC the other way round.
constexpr u8 colour_of(u8 ansi) {
  return static_cast<u8>((ansi & 0x0a) | (ansi & 1) << 2 | (ansi & 4) >> 2);
}

}  // namespace

Result<> VgaText::open(Environment& environment) {
  environment_ = &environment;
  memory_ = DeviceMemory(TRY(environment.memory.map_physical(kTextMemory, kBytes, false)));
  return {};
}

VgaText::~VgaText() {
  if (memory_) environment_->memory.unmap_physical(memory_.begin(), kBytes);
}

void VgaText::draw(Position begin, std::span<const Cell> cells) {
  u64 offset = 2 * (u64{begin.row} * kColumns + begin.column);
  for (const Cell& cell : cells) {
    // The highest bit would blink in place of a bright background.
    const u8 attribute = static_cast<u8>(colour_of(cell.foreground) | (colour_of(cell.background) & 7) << 4);
    memory_.store(offset, static_cast<u16>(attribute << 8 | code_of(cell.character)));
    offset += 2;
  }
}

void VgaText::write_register(u8 number, u8 value) {
  environment_->ports.write8(kIndexPort, number);
  environment_->ports.write8(kDataPort, value);
}

void VgaText::draw_cursor(Position at, Cell, bool visible) {
  const u16 index = static_cast<u16>(at.row * kColumns + at.column);
  write_register(kCursorStart, visible ? kCursorTop : kCursorOff);
  write_register(kCursorEnd, kCursorBottom);
  write_register(kCursorHigh, static_cast<u8>(index >> 8));
  write_register(kCursorLow, static_cast<u8>(index));
}

}  // namespace vari::components::screen
