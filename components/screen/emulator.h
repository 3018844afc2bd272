// The terminal emulator: a stream of characters and control sequences in, a grid of cells out. The
// subset of ECMA-48 and of DEC's private modes that Linux's console knows (terminfo "linux", and
// console_codes(4)), since that is what programs use when TERM says so. The caller serialises.
#pragma once

#include <array>
#include <span>

#include "components/screen/grid.h"

namespace vari::components::screen {

class Emulator {
 public:
  /// `grid` outlives this.
  explicit Emulator(Grid& grid) : grid_(grid) {}
  /// Once, when the grid is open and before all else; clears it.
  void start() { reset(); }

  /// Grid::flush() is left to the caller.
  void write(std::span<const u8> bytes);
  /// Answers to questions (device attributes, cursor position), to be delivered as if typed.
  std::span<const u8> replies() const { return std::span(replies_).first(reply_bytes_); }
  void clear_replies() { reply_bytes_ = 0; }
  /// DECCKM: cursor keys send ESC O A.
  bool application_cursor_keys() const { return modes_.application_cursor; }
  Position cursor() const { return cursor_; }

 private:
  static constexpr std::size_t kMaximumParameters = 16;
  enum class State : u8 {
    Ground,
    Escape,
    EscapeHash,
    EscapePercent,
    Charset0,
    Charset1,
    Control,
    Command,
    Palette
  };
  struct Attributes {
    u8 foreground = 7, background = 0;
    bool bold = false, dim = false, underline = false, blink = false, reverse = false;
  };
  struct Modes {
    bool insert = false, newline = false, origin = false, wrap = true, reverse_screen = false,
         cursor_visible = true, application_cursor = false;
  };
  struct Saved {
    Position cursor;
    Attributes attributes;
    bool graphics[2] = {};
    u8 active = 0;
  };

  // emulator.cc: parsing, characters, motion
  void reset();
  void feed(u8 byte);
  void feed_text(u8 byte);
  bool feed_control_character(u8 byte);
  void feed_escape(u8 byte);
  void feed_control(u8 byte);
  void print(u32 character);
  void advance();
  void line_feed();
  void reverse_line_feed();
  void tab();
  void move_to(int row, int column);
  void move_by(int rows, int columns);
  void save() { saved_ = {cursor_, attributes_, {graphics_[0], graphics_[1]}, active_charset_}; }
  void restore();
  Cell blank() const;
  Cell styled(u16 character) const;
  void fill_with_e();
  void reply(const char* text);

  // control_sequences.cc: what CSI does
  u16 parameter(std::size_t index, u16 otherwise) const {
    return index < parameter_count_ && parameters_[index] != 0 ? parameters_[index] : otherwise;
  }
  void perform(u8 final);
  void perform_private_modes(bool on);
  void perform_modes(bool on);
  void perform_motion(u8 final);
  void perform_editing(u8 final);
  void erase_display(u16 what);
  void erase_line(u16 what);
  void insert_lines(int count);
  void set_scroll_region();
  void set_attributes();
  std::size_t set_extended_colour(std::size_t index, u8& colour);
  void report(u16 what);

  Grid& grid_;
  State state_ = State::Ground;
  Position cursor_;
  bool wrap_pending_ = false;  // the last column was written; the next character starts a new line
  u16 top_ = 0, bottom_ = 0;   // scroll region [top_, bottom_)
  Attributes attributes_;
  Modes modes_;
  Saved saved_;
  bool graphics_[2] = {};  // G0 and G1 hold the line-drawing set
  u8 active_charset_ = 0;
  std::array<u64, 8> tabs_{};  // a bit a column
  std::array<u16, kMaximumParameters> parameters_{};
  std::size_t parameter_count_ = 0;
  u8 prefix_ = 0;        // '?' and friends after CSI
  u8 intermediate_ = 0;  // a byte that makes the sequence another one
  u8 palette_left_ = 0;
  bool command_escape_ = false;
  u32 partial_ = 0;  // a UTF-8 character in the making
  u8 partial_left_ = 0;
  u32 partial_minimum_ = 0;
  std::array<u8, 64> replies_{};
  std::size_t reply_bytes_ = 0;
};

}  // namespace vari::components::screen
