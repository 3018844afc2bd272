// What CSI sequences do: motion, erasing, inserting, modes, colours, reports.
#include <algorithm>

#include "components/screen/emulator.h"

namespace vari::components::screen {
namespace {

/// The nearest of the 16 colours: for the 256 of xterm, and for red, green and blue.
constexpr u8 nearest(u32 red, u32 green, u32 blue) {
  const u32 brightest = std::max({red, green, blue});
  if (brightest < 48) return 0;
  const u32 half = brightest / 2;
  const u8 hue = static_cast<u8>((red > half ? 1 : 0) | (green > half ? 2 : 0) | (blue > half ? 4 : 0));
  return static_cast<u8>(brightest > 200 ? hue | 8 : hue);
}

constexpr u8 from_256(u16 index) {
  if (index < 16) return static_cast<u8>(index);
  if (index < 232) {
    const u32 cube = index - 16u;
    const auto level = [](u32 step) { return step == 0 ? 0 : 55 + step * 40; };
    return nearest(level(cube / 36), level(cube / 6 % 6), level(cube % 6));
  }
  const u32 grey = 8 + (index - 232u) * 10;
  return grey < 64 ? 0 : grey < 128 ? 8 : grey < 216 ? 7 : 15;
}

}  // namespace

void Emulator::perform(u8 final) {
  if (prefix_ == '?') {
    if (final == 'h' || final == 'l') perform_private_modes(final == 'h');
    return;
  }
  if (prefix_ != 0) return;
  switch (final) {
    case 'c':
      if (parameter(0, 0) == 0) reply("\x1b[?6c");
      return;
    case 'g':
      if (parameter(0, 0) == 3) tabs_.fill(0);
      if (parameter(0, 0) == 0 && cursor_.column / 64u < tabs_.size()) {
        tabs_[cursor_.column / 64] &= ~(u64{1} << (cursor_.column % 64));
      }
      return;
    case 'h':
    case 'l': return perform_modes(final == 'h');
    case 'm': return set_attributes();
    case 'n': return report(parameter(0, 0));
    case 'r': return set_scroll_region();
    case 's': return save();
    case 'u': return restore();
    case 'J': return erase_display(parameter(0, 0));
    case 'K': return erase_line(parameter(0, 0));
    case '@':
    case 'L':
    case 'M':
    case 'P':
    case 'S':
    case 'T':
    case 'X': return perform_editing(final);
    default: return perform_motion(final);
  }
}

void Emulator::perform_motion(u8 final) {
  const int count = parameter(0, 1);
  const int origin = modes_.origin ? top_ : 0;
  switch (final) {
    case 'A':
    case 'F': {
      // Within the scroll region the margin holds the cursor back.
      const int limit = cursor_.row >= top_ ? top_ : 0;
      move_to(std::max(cursor_.row - count, limit), final == 'F' ? 0 : cursor_.column);
      return;
    }
    case 'B':
    case 'E':
    case 'e': {
      const int limit = (cursor_.row < bottom_ ? bottom_ : grid_.rows()) - 1;
      move_to(std::min(cursor_.row + count, limit), final == 'E' ? 0 : cursor_.column);
      return;
    }
    case 'C':
    case 'a': return move_by(0, count);
    case 'D': return move_by(0, -count);
    case 'G':
    case '`': return move_to(cursor_.row, count - 1);
    case 'd': return move_to(origin + count - 1, cursor_.column);
    case 'H':
    case 'f': return move_to(origin + count - 1, parameter(1, 1) - 1);
    default: return;
  }
}

void Emulator::perform_editing(u8 final) {
  const int count = parameter(0, 1);
  wrap_pending_ = false;
  switch (final) {
    case '@': return grid_.shift(cursor_.row, cursor_.column, count, blank());
    case 'P': return grid_.shift(cursor_.row, cursor_.column, -count, blank());
    case 'X':
      return grid_.fill(cursor_.row, cursor_.column,
                        static_cast<u16>(std::min<int>(cursor_.column + count, grid_.columns())), blank());
    case 'L': return insert_lines(count);
    case 'M': return insert_lines(-count);
    case 'S': return grid_.scroll(top_, bottom_, count, blank());
    case 'T': return grid_.scroll(top_, bottom_, -count, blank());
    default: return;
  }
}

void Emulator::insert_lines(int count) {
  if (cursor_.row < top_ || cursor_.row >= bottom_) return;
  grid_.scroll(cursor_.row, bottom_, -count, blank());
}

void Emulator::erase_line(u16 what) {
  wrap_pending_ = false;
  const u16 from = what == 0 ? cursor_.column : 0;
  const u16 to = what == 1 ? static_cast<u16>(cursor_.column + 1) : grid_.columns();
  if (what <= 2) grid_.fill(cursor_.row, from, to, blank());
}

void Emulator::erase_display(u16 what) {
  if (what > 3) return;
  const u16 first = what == 0 ? static_cast<u16>(cursor_.row + 1) : 0;
  const u16 last = what == 1 ? cursor_.row : grid_.rows();
  for (u16 row = first; row < last; ++row) grid_.fill(row, 0, grid_.columns(), blank());
  erase_line(what);
}

void Emulator::set_scroll_region() {
  const u16 top = parameter(0, 1), bottom = parameter(1, grid_.rows());
  if (top >= bottom || bottom > grid_.rows()) return;
  top_ = static_cast<u16>(top - 1);
  bottom_ = bottom;
  move_to(modes_.origin ? top_ : 0, 0);
}

void Emulator::perform_modes(bool on) {
  for (std::size_t i = 0; i < parameter_count_; ++i) {
    if (parameters_[i] == 4) modes_.insert = on;
    if (parameters_[i] == 20) modes_.newline = on;
  }
}

void Emulator::perform_private_modes(bool on) {
  for (std::size_t i = 0; i < parameter_count_; ++i) {
    switch (parameters_[i]) {
      case 1: modes_.application_cursor = on; break;
      case 5:
        if (modes_.reverse_screen != on) {
          modes_.reverse_screen = on;
          for (u16 row = 0; row < grid_.rows(); ++row) {
            for (Cell& cell : grid_.row(row)) std::swap(cell.foreground, cell.background);
          }
        }
        break;
      case 6:
        modes_.origin = on;
        move_to(on ? top_ : 0, 0);
        break;
      case 7: modes_.wrap = on; break;
      case 25: modes_.cursor_visible = on; break;
      default: break;
    }
  }
}

void Emulator::report(u16 what) {
  if (what == 5) return reply("\x1b[0n");
  if (what != 6) return;
  char text[24] = "\x1b[";
  std::size_t length = 2;
  const auto number = [&](unsigned value) {
    char digits[6];
    std::size_t count = 0;
    do digits[count++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (count > 0) text[length++] = digits[--count];
  };
  number(cursor_.row - (modes_.origin ? top_ : 0) + 1u);
  text[length++] = ';';
  number(cursor_.column + 1u);
  text[length++] = 'R';
  text[length] = '\0';
  reply(text);
}

/// 38;5;N and 38;2;R;G;B: how many further parameters were consumed.
std::size_t Emulator::set_extended_colour(std::size_t index, u8& colour) {
  const u16 kind = index + 1 < parameter_count_ ? parameters_[index + 1] : 0;
  if (kind == 5 && index + 2 < parameter_count_) {
    colour = from_256(std::min<u16>(parameters_[index + 2], 255));
    return 2;
  }
  if (kind == 2 && index + 4 < parameter_count_) {
    colour = nearest(parameters_[index + 2], parameters_[index + 3], parameters_[index + 4]);
    return 4;
  }
  return parameter_count_ - index - 1;
}

void Emulator::set_attributes() {
  if (parameter_count_ == 0) attributes_ = {};
  for (std::size_t i = 0; i < parameter_count_; ++i) {
    const u16 code = parameters_[i];
    switch (code) {
      case 0: attributes_ = {}; break;
      case 1:
        attributes_.bold = true;
        attributes_.dim = false;
        break;
      case 2:
        attributes_.dim = true;
        attributes_.bold = false;
        break;
      case 4: attributes_.underline = true; break;
      case 5: attributes_.blink = true; break;
      case 7: attributes_.reverse = true; break;
      case 21:
      case 22: attributes_.bold = attributes_.dim = false; break;
      case 24: attributes_.underline = false; break;
      case 25: attributes_.blink = false; break;
      case 27: attributes_.reverse = false; break;
      case 38: i += set_extended_colour(i, attributes_.foreground); break;
      case 39: attributes_.foreground = 7; break;
      case 48: i += set_extended_colour(i, attributes_.background); break;
      case 49: attributes_.background = 0; break;
      default:
        if (code >= 30 && code <= 37) attributes_.foreground = static_cast<u8>(code - 30);
        if (code >= 40 && code <= 47) attributes_.background = static_cast<u8>(code - 40);
        if (code >= 90 && code <= 97) attributes_.foreground = static_cast<u8>(code - 90 + 8);
        if (code >= 100 && code <= 107) attributes_.background = static_cast<u8>(code - 100 + 8);
        break;
    }
  }
}

}  // namespace vari::components::screen
