// From scan codes to the bytes that a Linux console's keyboard sends (US layout). No hardware here.
#pragma once

#include <array>
#include <span>

#include "base/types.h"

namespace vari::components::ps2_keyboard {

enum class ScanCodeSet : u8 { One, Two };

/// Follows the keys that are held and turns each press into bytes. The caller serialises.
class Decoder {
 public:
  explicit Decoder(ScanCodeSet set = ScanCodeSet::One) : set_(set) {}

  /// One byte from the keyboard; what it types, valid until the next call, mostly nothing.
  std::span<const u8> feed(u8 code);
  void set_application_cursor_keys(bool on) { application_cursor_ = on; }
  /// As the keyboard's LED command wants them: 1 scroll, 2 num, 4 caps.
  u8 leds() const { return leds_; }

 private:
  static constexpr u8 kScrollLed = 1, kNumLed = 2, kCapsLed = 4;
  struct Modifiers {
    bool left_shift = false, right_shift = false, left_control = false, right_control = false,
         left_alt = false, right_alt = false;
    bool shift() const { return left_shift || right_shift; }
    bool control() const { return left_control || right_control; }
    bool alt() const { return left_alt || right_alt; }
  };

  void key(u8 code, bool extended, bool pressed);
  bool* modifier(u8 code, bool extended);
  void press_character(u8 code);
  bool press_navigation(u8 code, bool extended);
  bool press_function(u8 code);
  void toggle(u8 led) { leds_ ^= led; }
  void type(u8 byte) {
    if (count_ < typed_.size()) typed_[count_++] = byte;
  }
  void type_text(const char* text) {
    while (*text) type(static_cast<u8>(*text++));
  }
  void type_tilde(u8 number);

  ScanCodeSet set_;
  bool extended_ = false, released_ = false;  // prefixes seen
  u8 pause_left_ = 0;                         // bytes of the pause key's long sequence to skip
  Modifiers held_;
  u8 leds_ = 0;
  bool application_cursor_ = false;
  std::array<u8, 8> typed_{};
  std::size_t count_ = 0;
};

}  // namespace vari::components::ps2_keyboard
