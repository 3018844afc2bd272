// Lines of text put together in a buffer of fixed size: for log messages and small files.
#pragma once

#include <charconv>
#include <string_view>

#include "base/types.h"

namespace vari::linux {

/// What does not fit is left out.
template <std::size_t kBytes>
class TextBuffer {
 public:
  TextBuffer& add(std::string_view text) {
    const auto count = text.size() < kBytes - length_ ? text.size() : kBytes - length_;
    __builtin_memcpy(bytes_ + length_, text.data(), count);
    length_ += count;
    return *this;
  }
  TextBuffer& add(const char* text) { return add(std::string_view(text)); }
  template <class Number>
    requires std::is_integral_v<Number>
  TextBuffer& add(Number number, int base = 10) {
    const auto end = std::to_chars(bytes_ + length_, bytes_ + kBytes, number, base);
    if (end.ec == std::errc()) length_ = end.ptr - bytes_;
    return *this;
  }
  std::string_view text() const { return {bytes_, length_}; }

 private:
  char bytes_[kBytes];
  std::size_t length_ = 0;
};

}  // namespace vari::linux
