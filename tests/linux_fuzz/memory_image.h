// What a fuzzed program finds in its memory: paths, and structures of every kind that calls take by
// address, good ones and bad ones; then a buffer, whose end is the end of what is mapped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/types.h"

namespace vari::linux::fuzz {

inline constexpr u64 kImage = 0x400000, kImageBytes = 0x8000;
/// Pages of the image, from below: strings and structures; the buffer.
inline constexpr u64 kBuffer = kImage + 0x6000, kBufferBytes = kImageBytes - 0x6000;
/// One page that may only be read; around it nothing is mapped.
inline constexpr u64 kReadOnly = 0x410000;

/// Steps that every program begins with (world.cc): what handlers point to.
struct HandlerSteps {
  u64 returning = 1, restorer = 2, ending = 3;
};

class MemoryImage {
 public:
  explicit MemoryImage(const HandlerSteps& steps);
  /// The addresses of all objects of a kind (the letters of calls.h).
  const std::vector<u64>& places(char kind) const { return places_.at(kind); }
  bool has(char kind) const { return places_.contains(kind); }
  const std::string& bytes() const { return bytes_; }

 private:
  u64 put(const void* bytes, std::size_t size);
  u64 add(char kind, std::initializer_list<u64> words);
  u64 text(char kind, const std::string& text);
  void add_names();
  void add_times();
  void add_vectors();
  void add_signals(const HandlerSteps& steps);
  void add_polls();
  void add_others();
  std::string bytes_;
  std::map<char, std::vector<u64>> places_;
};

}  // namespace vari::linux::fuzz
