// Cells in two arrays, wanted and shown, and the moves that a terminal makes.
#include "components/screen/grid.h"

#include <algorithm>

namespace vari::components::screen {

Grid::~Grid() {
  const std::size_t bytes = sizeof(Cell) * rows_ * columns_;
  if (wanted_) memory_->free(wanted_, bytes);
  if (shown_) memory_->free(shown_, bytes);
}

Result<> Grid::open(MemoryService& memory, Display& display) {
  memory_ = &memory;
  display_ = &display;
  rows_ = display.rows();
  columns_ = display.columns();
  const std::size_t cells = std::size_t{rows_} * columns_;
  wanted_ = static_cast<Cell*>(memory.allocate(sizeof(Cell) * cells, alignof(Cell)));
  shown_ = static_cast<Cell*>(memory.allocate(sizeof(Cell) * cells, alignof(Cell)));
  if (!wanted_ || !shown_) return std::unexpected(Error::OutOfMemory);
  std::fill_n(wanted_, cells, Cell{});
  std::fill_n(shown_, cells, Cell{});
  return {};
}

void Grid::fill(u16 row, u16 from, u16 to, Cell cell) {
  const auto cells = this->row(row);
  for (u16 i = from; i < to && i < columns_; ++i) cells[i] = cell;
}

void Grid::scroll(u16 top, u16 bottom, int count, Cell fill_with) {
  const int height = bottom - top;
  const int distance = std::min(count < 0 ? -count : count, height);
  for (int i = 0; i < height; ++i) {
    // Upwards the first line moves first, downwards the last, so that none is overwritten unread.
    const int to = count > 0 ? top + i : bottom - 1 - i;
    const int from = count > 0 ? to + distance : to - distance;
    Cell* line = wanted_ + first_of(static_cast<u16>(to));
    if (from >= top && from < bottom) {
      std::copy_n(wanted_ + first_of(static_cast<u16>(from)), columns_, line);
    } else {
      std::fill_n(line, columns_, fill_with);
    }
  }
}

void Grid::shift(u16 row, u16 from, int count, Cell fill_with) {
  const auto cells = this->row(row).subspan(from);
  const int width = static_cast<int>(cells.size());
  const int distance = std::min(count < 0 ? -count : count, width);
  for (int i = 0; i < width; ++i) {
    const int to = count > 0 ? width - 1 - i : i;
    const int source = count > 0 ? to - distance : to + distance;
    cells[static_cast<std::size_t>(to)] =
        source >= 0 && source < width ? cells[static_cast<std::size_t>(source)] : fill_with;
  }
}

void Grid::flush_row(u16 row) {
  const Cell* wanted = wanted_ + first_of(row);
  Cell* shown = shown_ + first_of(row);
  u16 begin = 0;
  while (begin < columns_) {
    if (shown_valid_ && wanted[begin] == shown[begin]) {
      ++begin;
      continue;
    }
    u16 end = begin;
    while (end < columns_ && (!shown_valid_ || wanted[end] != shown[end])) {
      shown[end] = wanted[end];
      ++end;
    }
    display_->draw({row, begin}, {wanted + begin, static_cast<std::size_t>(end - begin)});
    begin = end;
  }
}

void Grid::flush() {
  const bool moved = cursor_ != shown_cursor_ || cursor_visible_ != shown_cursor_visible_;
  if (shown_cursor_visible_ && moved) {
    display_->draw_cursor(shown_cursor_, shown_[shown_cursor_.row * columns_ + shown_cursor_.column], false);
  }
  for (u16 row = 0; row < rows_; ++row) flush_row(row);
  shown_valid_ = true;
  shown_cursor_ = cursor_;
  shown_cursor_visible_ = cursor_visible_;
  if (cursor_visible_) display_->draw_cursor(cursor_, at(cursor_.row, cursor_.column), true);
}

}  // namespace vari::components::screen
