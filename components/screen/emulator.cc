// Parsing: UTF-8 text, control characters, escape sequences; printing, wrapping and scrolling.
#include "components/screen/emulator.h"

#include <algorithm>

namespace vari::components::screen {
namespace {

constexpr u8 kEscape = 0x1b;
constexpr u32 kReplacement = 0xfffd;
constexpr u16 kMaximumParameter = 9999;
constexpr u16 kMaximumTabColumns = 512;

/// DEC's special graphics, from 0x5f to 0x7e.
constexpr u16 kGraphics[] = {0x00a0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0,
                             0x00b1, 0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c,
                             0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534,
                             0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7};

}  // namespace

void Emulator::reset() {
  state_ = State::Ground;
  top_ = 0;
  bottom_ = grid_.rows();
  attributes_ = {};
  modes_ = {};
  graphics_[0] = graphics_[1] = false;
  active_charset_ = 0;
  tabs_.fill(0x0101'0101'0101'0101);  // every eighth column
  partial_left_ = 0;
  move_to(0, 0);
  save();
  for (u16 row = 0; row < grid_.rows(); ++row) grid_.fill(row, 0, grid_.columns(), blank());
}

void Emulator::write(std::span<const u8> bytes) {
  for (const u8 byte : bytes) feed(byte);
  grid_.set_cursor(cursor_, modes_.cursor_visible);
}

void Emulator::feed(u8 byte) {
  if (state_ == State::Command) {
    // An operating system command is skipped up to its end: BEL, or ESC and a backslash.
    if (byte == 7 || (command_escape_ && byte == '\\')) state_ = State::Ground;
    command_escape_ = byte == kEscape;
    if (byte == 'P' && palette_left_ == 1) {
      state_ = State::Palette;
      palette_left_ = 7;
    } else if (byte == 'R' && palette_left_ == 1) {
      state_ = State::Ground;
    } else {
      palette_left_ = 0;
    }
    return;
  }
  if (byte < 0x20 && feed_control_character(byte)) return;
  switch (state_) {
    case State::Ground: return feed_text(byte);
    case State::Escape: return feed_escape(byte);
    case State::Control: return feed_control(byte);
    case State::EscapeHash:
      if (byte == '8') fill_with_e();
      state_ = State::Ground;
      return;
    case State::Charset0:
    case State::Charset1:
      graphics_[state_ == State::Charset1 ? 1 : 0] = byte == '0';
      state_ = State::Ground;
      return;
    case State::EscapePercent: state_ = State::Ground; return;  // the choice of UTF-8, which is all we speak
    case State::Palette:
      if (--palette_left_ == 0) state_ = State::Ground;
      return;
    case State::Command: return;
  }
}

/// Control characters work inside sequences, too, without ending them.
bool Emulator::feed_control_character(u8 byte) {
  partial_left_ = 0;
  switch (byte) {
    case '\b':
      if (cursor_.column > 0) --cursor_.column;
      wrap_pending_ = false;
      return true;
    case '\t': tab(); return true;
    case '\n':
    case '\v':
    case '\f':
      line_feed();
      if (modes_.newline) move_to(cursor_.row, 0);
      return true;
    case '\r':
      cursor_.column = 0;
      wrap_pending_ = false;
      return true;
    case 0x0e: active_charset_ = 1; return true;
    case 0x0f: active_charset_ = 0; return true;
    case 0x18:
    case 0x1a: state_ = State::Ground; return true;
    case kEscape: state_ = State::Escape; return true;
    default: return true;  // BEL and the rest: nothing to see
  }
}

void Emulator::feed_text(u8 byte) {
  if (partial_left_ > 0) {
    if ((byte & 0xc0) == 0x80) {
      partial_ = partial_ << 6 | (byte & 0x3f);
      if (--partial_left_ == 0) print(partial_ >= partial_minimum_ ? partial_ : kReplacement);
      return;
    }
    partial_left_ = 0;
    print(kReplacement);
  }
  const auto begin = [&](u8 bits, u8 left, u32 minimum) {
    partial_ = bits;
    partial_left_ = left;
    partial_minimum_ = minimum;
  };
  if (byte == 0x7f) return;
  if (byte < 0x80) return print(byte);
  if (byte >= 0xc2 && byte < 0xe0) return begin(byte & 0x1f, 1, 0x80);
  if (byte >= 0xe0 && byte < 0xf0) return begin(byte & 0x0f, 2, 0x800);
  if (byte >= 0xf0 && byte < 0xf5) return begin(byte & 0x07, 3, 0x10000);
  print(kReplacement);
}

Cell Emulator::blank() const {
  return {.character = ' ', .foreground = 7, .background = attributes_.background};
}

Cell Emulator::styled(u16 character) const {
  u8 foreground = attributes_.foreground, background = attributes_.background;
  if (attributes_.underline && foreground == 7)
    foreground = 6;  // as Linux shows it where lines can't be drawn
  if (attributes_.dim) foreground = 8;
  if (attributes_.bold && foreground < 8) foreground |= 8;
  if (attributes_.reverse != modes_.reverse_screen) std::swap(foreground, background);
  return {.character = character, .foreground = foreground, .background = background};
}

void Emulator::print(u32 character) {
  if (graphics_[active_charset_] && character >= 0x5f && character <= 0x7e)
    character = kGraphics[character - 0x5f];
  if (character > 0xffff) character = kReplacement;
  if (wrap_pending_) {
    wrap_pending_ = false;
    cursor_.column = 0;
    line_feed();
  }
  if (modes_.insert) grid_.shift(cursor_.row, cursor_.column, 1, blank());
  grid_.at(cursor_.row, cursor_.column) = styled(static_cast<u16>(character));
  advance();
}

void Emulator::advance() {
  if (cursor_.column + 1 < grid_.columns()) {
    ++cursor_.column;
  } else {
    wrap_pending_ = modes_.wrap;
  }
}

void Emulator::line_feed() {
  wrap_pending_ = false;
  if (cursor_.row + 1 == bottom_) {
    grid_.scroll(top_, bottom_, 1, blank());
  } else if (cursor_.row + 1 < grid_.rows()) {
    ++cursor_.row;
  }
}

void Emulator::reverse_line_feed() {
  wrap_pending_ = false;
  if (cursor_.row == top_) {
    grid_.scroll(top_, bottom_, -1, blank());
  } else if (cursor_.row > 0) {
    --cursor_.row;
  }
}

void Emulator::tab() {
  wrap_pending_ = false;
  u16 column = cursor_.column;
  do ++column;
  while (column < grid_.columns() - 1 &&
         (column >= kMaximumTabColumns || !(tabs_[column / 64] >> (column % 64) & 1)));
  cursor_.column = std::min<u16>(column, grid_.columns() - 1);
}

void Emulator::move_to(int row, int column) {
  const int first = modes_.origin ? top_ : 0, last = (modes_.origin ? bottom_ : grid_.rows()) - 1;
  cursor_.row = static_cast<u16>(std::clamp(row, first, last));
  cursor_.column = static_cast<u16>(std::clamp(column, 0, grid_.columns() - 1));
  wrap_pending_ = false;
}

void Emulator::move_by(int rows, int columns) {
  move_to(cursor_.row + rows, cursor_.column + columns);
}

void Emulator::restore() {
  attributes_ = saved_.attributes;
  graphics_[0] = saved_.graphics[0];
  graphics_[1] = saved_.graphics[1];
  active_charset_ = saved_.active;
  move_to(saved_.cursor.row, saved_.cursor.column);
}

void Emulator::fill_with_e() {
  for (u16 row = 0; row < grid_.rows(); ++row) grid_.fill(row, 0, grid_.columns(), Cell{.character = 'E'});
}

void Emulator::reply(const char* text) {
  for (; *text && reply_bytes_ < replies_.size(); ++text) replies_[reply_bytes_++] = static_cast<u8>(*text);
}

void Emulator::feed_escape(u8 byte) {
  state_ = State::Ground;
  switch (byte) {
    case '[':
      state_ = State::Control;
      parameters_.fill(0);
      parameter_count_ = 0;
      prefix_ = intermediate_ = 0;
      return;
    case ']':
      state_ = State::Command;
      command_escape_ = false;
      palette_left_ = 1;  // the next byte may begin a palette command, which has no end mark
      return;
    case '#': state_ = State::EscapeHash; return;
    case '%': state_ = State::EscapePercent; return;
    case '(': state_ = State::Charset0; return;
    case ')': state_ = State::Charset1; return;
    case '7': return save();
    case '8': return restore();
    case 'c': return reset();
    case 'D': return line_feed();
    case 'E':
      line_feed();
      cursor_.column = 0;
      return;
    case 'H':
      if (cursor_.column < kMaximumTabColumns) tabs_[cursor_.column / 64] |= u64{1} << (cursor_.column % 64);
      return;
    case 'M': return reverse_line_feed();
    case 'Z': return reply("\x1b[?6c");
    default: return;
  }
}

void Emulator::feed_control(u8 byte) {
  if (byte >= '0' && byte <= '9') {
    if (parameter_count_ == 0) parameter_count_ = 1;
    u16& value = parameters_[parameter_count_ - 1];
    value = static_cast<u16>(std::min<u32>(value * 10u + (byte - '0'), kMaximumParameter));
  } else if (byte == ';' || byte == ':') {
    if (parameter_count_ == 0) parameter_count_ = 1;
    if (parameter_count_ < kMaximumParameters) ++parameter_count_;
  } else if (byte >= '<' && byte <= '?') {
    prefix_ = byte;
  } else if (byte >= 0x20 && byte < 0x30) {
    intermediate_ = byte;
  } else if (byte == '[' && parameter_count_ == 0 && prefix_ == 0) {
    prefix_ = '[';  // a function key that was echoed: one more byte
  } else {
    state_ = State::Ground;
    if (byte >= 0x40 && byte < 0x7f && intermediate_ == 0 && prefix_ != '[') perform(byte);
  }
}

}  // namespace vari::components::screen
