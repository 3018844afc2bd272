// Functions with names of the C library mean in a kernel what they mean elsewhere (O29): freestanding.cc
// against the definitions, byte by byte, at every alignment and overlap.
#include <cstring>

#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
namespace {

constexpr std::size_t kArena = 96;

/// Keeps the compiler from knowing what the functions do.
template <class T>
T opaque(T value) {
  asm volatile("" : "+r"(value) : : "memory");
  return value;
}

struct Arena {
  u8 bytes[kArena];
  Arena() {
    for (std::size_t i = 0; i < kArena; ++i) bytes[i] = static_cast<u8>(i * 7 + 3);
  }
  bool operator==(const Arena& other) const {
    for (std::size_t i = 0; i < kArena; ++i) {
      if (bytes[i] != other.bytes[i]) return false;
    }
    return true;
  }
};

}  // namespace

KERNEL_TEST(standard_names_copy_and_fill) {
  for (std::size_t from = 0; from < 20; ++from) {
    for (std::size_t to = 0; to < 40; ++to) {
      for (const std::size_t count : {0, 1, 3, 7, 8, 9, 16, 23, 40}) {
        Arena moved, model, original;
        for (std::size_t i = 0; i < count; ++i) model.bytes[to + i] = original.bytes[from + i];
        EXPECT(std::memmove(opaque(moved.bytes + to), moved.bytes + from, opaque(count)) == moved.bytes + to);
        EXPECT(moved == model);
        if (from + count <= to || to + count <= from) {
          Arena copied;
          EXPECT(std::memcpy(opaque(copied.bytes + to), copied.bytes + from, opaque(count)) ==
                 copied.bytes + to);
          EXPECT(copied == model);
        }
        Arena filled, full;
        for (std::size_t i = 0; i < count; ++i) full.bytes[to + i] = 0x5a;
        // Of the value only its low byte counts.
        EXPECT(std::memset(opaque(filled.bytes + to), 0x35a, opaque(count)) == filled.bytes + to);
        EXPECT(filled == full);
      }
    }
  }
}

KERNEL_TEST(standard_names_search_and_compare) {
  const char* text = opaque("a\x80z\0a");
  EXPECT(std::strlen(text) == 3);
  EXPECT(std::memchr(text, 'a', opaque(std::size_t{5})) == text);
  EXPECT(std::memchr(text, 0x80 - 0x100, opaque(std::size_t{5})) == text + 1);  // as an unsigned char
  EXPECT(std::memchr(text, 'q', opaque(std::size_t{5})) == nullptr);
  EXPECT(std::memchr(text, 'a', opaque(std::size_t{0})) == nullptr);
  EXPECT(std::memcmp(text, opaque("a\x7fz"), opaque(std::size_t{3})) > 0);  // bytes are unsigned
  EXPECT(std::memcmp(opaque("a\x7fz"), text, opaque(std::size_t{3})) < 0);
  EXPECT(std::memcmp(text, opaque("a\x80q"), opaque(std::size_t{2})) == 0);
}

}  // namespace vari::kernel_tests
