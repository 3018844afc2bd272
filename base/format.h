// Text without allocation: TextBuffer collects formatted pieces in storage of the caller's. Used for
// logs, panics and the files of /proc. Output that does not fit is cut, and truncated() says so.
#pragma once

#include <charconv>
#include <concepts>
#include <span>
#include <string_view>

#include "base/types.h"

namespace vari {

/// An integer to be written in base 16, padded with zeros to `digits`.
struct Hex {
  u64 value = 0;
  unsigned digits = 0;
};
/// An integer padded on the left to `width` with `fill`.
struct Padded {
  u64 value = 0;
  unsigned width = 0;
  char fill = ' ';
};

class TextBuffer {
 public:
  explicit TextBuffer(std::span<char> storage) : storage_(storage) {}

  TextBuffer& put(char character) {
    if (used_ < storage_.size()) {
      storage_[used_++] = character;
    } else {
      truncated_ = true;
    }
    return *this;
  }
  TextBuffer& put(std::string_view text) {
    for (const char character : text) put(character);
    return *this;
  }
  TextBuffer& put(const char* text) { return put(std::string_view(text, __builtin_strlen(text))); }
  template <std::integral Integer>
    requires(!std::same_as<Integer, char> && !std::same_as<Integer, bool>)
  TextBuffer& put(Integer value) {
    return put_number(value, 10, 0, ' ');
  }
  TextBuffer& put(bool value) { return put(value ? "yes" : "no"); }
  TextBuffer& put(Hex hex) { return put_number(hex.value, 16, hex.digits, '0'); }
  TextBuffer& put(Padded padded) { return put_number(padded.value, 10, padded.width, padded.fill); }
  TextBuffer& put(PhysicalAddress address) { return put(Hex{address.value, 16}); }
  TextBuffer& put(VirtualAddress address) { return put(Hex{address.value, 16}); }

  /// Several pieces in a row: print("read ", bytes, " bytes at ", Hex{offset}).
  template <class... Pieces>
  TextBuffer& print(const Pieces&... pieces) {
    (put(pieces), ...);
    return *this;
  }

  std::string_view text() const { return {storage_.data(), used_}; }
  std::size_t size() const { return used_; }
  bool truncated() const { return truncated_; }
  void clear() {
    used_ = 0;
    truncated_ = false;
  }

 private:
  template <class Integer>
  TextBuffer& put_number(Integer value, int base, unsigned width, char fill) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
    const auto count = static_cast<std::size_t>(end - digits);
    for (std::size_t i = count; i < width; ++i) put(fill);
    return put(std::string_view(digits, count));
  }

  std::span<char> storage_;
  std::size_t used_ = 0;
  bool truncated_ = false;
};

/// A TextBuffer with its own storage.
template <std::size_t kBytes>
class Text : public TextBuffer {
 public:
  Text() : TextBuffer(std::span<char>(storage_, kBytes)) {}
  Text(const Text&) = delete;
  template <class... Pieces>
  explicit Text(const Pieces&... pieces) : Text() {
    print(pieces...);
  }

 private:
  char storage_[kBytes];
};

}  // namespace vari
