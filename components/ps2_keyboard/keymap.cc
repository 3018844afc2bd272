// Scan code set 1 is what the controller delivers when it translates; where it does not, set 2 is
// brought into set 1 by the same table that the controllers have. Sequences are those of Linux's
// console (terminfo "linux").
#include "components/ps2_keyboard/keymap.h"

namespace vari::components::ps2_keyboard {
namespace {

constexpr u8 kExtendedPrefix = 0xe0, kPausePrefix = 0xe1, kReleasePrefix = 0xf0;
constexpr u8 kAcknowledge = 0xfa, kResend = 0xfe, kOverrun = 0x00, kOverrun2 = 0xff;

// Scan codes of set 1.
constexpr u8 kLeftControl = 0x1d, kLeftShift = 0x2a, kRightShift = 0x36, kAlt = 0x38, kCapsLock = 0x3a,
             kF1 = 0x3b, kF10 = 0x44, kNumLock = 0x45, kScrollLock = 0x46, kF11 = 0x57, kF12 = 0x58;
constexpr u8 kKeypadFirst = 0x47, kKeypadLast = 0x53, kKeypadSlash = 0x35, kEnter = 0x1c;
constexpr u8 kKeypadMinus = 0x4a, kKeypadPlus = 0x4e, kTab = 0x0f;

struct Symbol {
  u8 plain = 0, shifted = 0;
};

constexpr std::size_t kSymbols = 0x3a;
constexpr Symbol kLayoutUs[kSymbols] = {
    {},          {0x1b, 0x1b}, {'1', '!'}, {'2', '@'},  {'3', '#'},   {'4', '$'}, {'5', '%'},   {'6', '^'},
    {'7', '&'},  {'8', '*'},   {'9', '('}, {'0', ')'},  {'-', '_'},   {'=', '+'}, {0x7f, 0x7f}, {'\t', '\t'},
    {'q', 'Q'},  {'w', 'W'},   {'e', 'E'}, {'r', 'R'},  {'t', 'T'},   {'y', 'Y'}, {'u', 'U'},   {'i', 'I'},
    {'o', 'O'},  {'p', 'P'},   {'[', '{'}, {']', '}'},  {'\r', '\r'}, {},         {'a', 'A'},   {'s', 'S'},
    {'d', 'D'},  {'f', 'F'},   {'g', 'G'}, {'h', 'H'},  {'j', 'J'},   {'k', 'K'}, {'l', 'L'},   {';', ':'},
    {'\'', '"'}, {'`', '~'},   {},         {'\\', '|'}, {'z', 'Z'},   {'x', 'X'}, {'c', 'C'},   {'v', 'V'},
    {'b', 'B'},  {'n', 'N'},   {'m', 'M'}, {',', '<'},  {'.', '>'},   {'/', '?'}, {},           {'*', '*'},
    {},          {' ', ' '},
};

/// The keypad from 0x47 on, as digits.
constexpr char kKeypadDigits[] = "789-456+1230.";

/// What a controller that translates makes of set 2 (IBM PS/2 Technical Reference, keyboard controller).
constexpr u8 kSetTwoToOne[0x84] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59, 0x65,
    0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, 0x67, 0x2e,
    0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, 0x69, 0x31, 0x30,
    0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17,
    0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a,
    0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a,
    0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01,
    0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41,
};

constexpr bool is_letter(u8 byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/// The control character of a symbol; as it is where there is none.
constexpr u8 with_control(u8 byte) {
  if (byte >= '@' && byte <= '_') return byte & 0x1f;
  if (byte >= 'a' && byte <= 'z') return byte & 0x1f;
  if (byte == ' ' || byte == '2') return 0;
  if (byte == '/' || byte == '-' || byte == '?') return 0x1f;
  if (byte == '6') return 0x1e;
  if (byte == 0x7f) return '\b';
  return byte;
}

}  // namespace

std::span<const u8> Decoder::feed(u8 code) {
  count_ = 0;
  if (code == kAcknowledge || code == kResend || code == kOverrun || code == kOverrun2) return {};
  if (pause_left_ > 0) {
    --pause_left_;
    return {};
  }
  if (code == kPausePrefix) {
    pause_left_ = set_ == ScanCodeSet::One ? 5 : 7;  // pause has no release and types nothing
    return {};
  }
  if (code == kExtendedPrefix) {
    extended_ = true;
    return {};
  }
  bool pressed = true;
  if (set_ == ScanCodeSet::Two) {
    if (code == kReleasePrefix) {
      released_ = true;
      return {};
    }
    if (code >= sizeof kSetTwoToOne) return {};  // so is 0xaa, "self-test passed"
    pressed = !released_;
    code = kSetTwoToOne[code] & 0x7f;
  } else {
    pressed = !(code & 0x80);
    code &= 0x7f;
  }
  const bool extended = extended_;
  extended_ = released_ = false;
  key(code, extended, pressed);
  return std::span(typed_).first(count_);
}

bool* Decoder::modifier(u8 code, bool extended) {
  switch (code) {
    case kLeftControl: return extended ? &held_.right_control : &held_.left_control;
    case kAlt: return extended ? &held_.right_alt : &held_.left_alt;
    case kLeftShift: return &held_.left_shift;
    case kRightShift: return &held_.right_shift;
    default: return nullptr;
  }
}

void Decoder::key(u8 code, bool extended, bool pressed) {
  // Navigation keys may come wrapped in shifts that nobody pressed: E0 2A, E0 36.
  if (extended && (code == kLeftShift || code == kRightShift)) return;
  if (bool* held = modifier(code, extended)) {
    *held = pressed;
    return;
  }
  if (!pressed) return;
  switch (code) {
    case kCapsLock: return toggle(kCapsLed);
    case kNumLock: return toggle(kNumLed);
    case kScrollLock: return toggle(kScrollLed);
    default: break;
  }
  if (press_function(code)) return;
  if (press_navigation(code, extended)) return;
  if (extended && code != kEnter && code != kKeypadSlash) return;
  press_character(code);
}

void Decoder::type_tilde(u8 number) {
  type_text("\x1b[");
  if (number >= 10) type(static_cast<u8>('0' + number / 10));
  type(static_cast<u8>('0' + number % 10));
  type('~');
}

bool Decoder::press_function(u8 code) {
  constexpr u8 kNumbers[] = {17, 18, 19, 20, 21};  // F6 to F10
  if (code >= kF1 && code < kF1 + 5) {
    type_text("\x1b[[");
    type(static_cast<u8>('A' + code - kF1));
  } else if (code >= kF1 + 5 && code <= kF10) {
    type_tilde(kNumbers[code - kF1 - 5]);
  } else if (code == kF11 || code == kF12) {
    type_tilde(static_cast<u8>(23 + code - kF11));
  } else {
    return false;
  }
  return true;
}

/// The keypad's block: digits with num lock (or shift without), else, and always for the grey keys, movement.
bool Decoder::press_navigation(u8 code, bool extended) {
  if (code < kKeypadFirst || code > kKeypadLast) return false;
  const bool digits = !extended && ((leds_ & kNumLed) != 0) != held_.shift();
  if (!extended && (code == kKeypadMinus || code == kKeypadPlus || digits)) {
    if (held_.alt()) type(0x1b);
    type(static_cast<u8>(kKeypadDigits[code - kKeypadFirst]));
    return true;
  }
  // 0: none. Letters are cursor keys, digits number a tilde sequence.
  constexpr char kMeaning[] = {'1', 'A', '5', 0, 'D', 'G', 'C', 0, '4', 'B', '6', '2', '3'};
  const char meaning = kMeaning[code - kKeypadFirst];
  if (meaning >= '1' && meaning <= '6') {
    type_tilde(static_cast<u8>(meaning - '0'));
  } else if (meaning != 0) {
    type_text(application_cursor_ && meaning != 'G' ? "\x1bO" : "\x1b[");
    type(static_cast<u8>(meaning));
  }
  return true;
}

void Decoder::press_character(u8 code) {
  if (code >= kSymbols) return;
  const Symbol symbol = kLayoutUs[code];
  if (symbol.plain == 0) return;
  if (code == kTab && held_.shift()) return type_text("\x1b[Z");
  const bool capitals = is_letter(symbol.plain) && (leds_ & kCapsLed);
  u8 byte = held_.shift() != capitals ? symbol.shifted : symbol.plain;
  if (held_.control()) byte = with_control(byte);
  if (held_.alt()) type(0x1b);
  type(byte);
}

}  // namespace vari::components::ps2_keyboard
