// The screen's contents as they should be and as they are shown: drawing is put off until flush(), so
// that a page that scrolls by is drawn once, and only where cells differ.
#pragma once

#include <span>

#include "base/result.h"
#include "components/screen/display.h"
#include "interfaces/environment.h"

namespace vari::components::screen {

class Grid {
 public:
  Grid() = default;
  Grid(const Grid&) = delete;
  Grid& operator=(const Grid&) = delete;
  ~Grid();
  /// Once. Everything blank, and drawn so by the first flush.
  Result<> open(MemoryService& memory, Display& display);

  u16 rows() const { return rows_; }
  u16 columns() const { return columns_; }
  Cell& at(u16 row, u16 column) { return wanted_[first_of(row) + column]; }
  const Cell& at(u16 row, u16 column) const { return wanted_[first_of(row) + column]; }
  std::span<Cell> row(u16 row) { return {wanted_ + first_of(row), columns_}; }

  /// Cells [from, to) of a row.
  void fill(u16 row, u16 from, u16 to, Cell cell);
  /// Lines [top, bottom) move up (count > 0) or down; those that come in are filled.
  void scroll(u16 top, u16 bottom, int count, Cell fill_with);
  /// Cells [from, columns) of a row move right (count > 0) or left.
  void shift(u16 row, u16 from, int count, Cell fill_with);

  void set_cursor(Position at, bool visible) {
    cursor_ = at;
    cursor_visible_ = visible;
  }
  void flush();
  /// Forgets what is shown, so that the next flush draws everything.
  void invalidate() { shown_valid_ = false; }

 private:
  u32 first_of(u16 row) const { return u32{row} * columns_; }
  void flush_row(u16 row);
  MemoryService* memory_ = nullptr;
  Display* display_ = nullptr;
  u16 rows_ = 0, columns_ = 0;
  Cell* wanted_ = nullptr;
  Cell* shown_ = nullptr;
  bool shown_valid_ = false;
  Position cursor_, shown_cursor_;
  bool cursor_visible_ = true, shown_cursor_visible_ = false;
};

}  // namespace vari::components::screen
