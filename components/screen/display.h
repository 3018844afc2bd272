// What the terminal emulator draws on: a grid of character cells. Two kinds: VGA text, framebuffer.
#pragma once

#include <span>

#include "base/types.h"

namespace vari::components::screen {

/// One character on the screen. Colours are the 16 of the PC, in the order of ANSI (1 is red).
struct Cell {
  u16 character = ' ';  // Unicode
  u8 foreground = 7, background = 0;
  bool operator==(const Cell&) const = default;
};

struct Position {
  u16 row = 0, column = 0;
  bool operator==(const Position&) const = default;
};

class Display {
 public:
  virtual u16 rows() const = 0;
  virtual u16 columns() const = 0;
  /// All cells lie in one row.
  virtual void draw(Position begin, std::span<const Cell> cells) = 0;
  /// Shows the cursor over a cell, or takes it away: the cell is as last drawn.
  virtual void draw_cursor(Position at, Cell under, bool visible) = 0;

 protected:
  ~Display() = default;
};

}  // namespace vari::components::screen
