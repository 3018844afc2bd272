// The few functions that compilers and the header-only libraries expect to find at link time.
// What is left out on purpose stays a link error: guards of static locals, operator new, atexit.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"

namespace {
constexpr std::uint64_t kOnes = 0x0101010101010101, kHighBits = kOnes << 7;

std::uint64_t word_at(const void* memory) {
  std::uint64_t word;
  __builtin_memcpy(&word, memory, sizeof word);
  return word;
}
/// Exact as to whether there is one (Mycroft): a byte that is zero borrows from its own high bit.
constexpr bool has_zero_byte(std::uint64_t word) {
  return ((word - kOnes) & ~word & kHighBits) != 0;
}
}  // namespace

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t bytes) {
  void* result = to;
  std::size_t words = bytes / 8;
  bytes %= 8;
  // Direction flag: clear in the kernel, always (docs/invariants.md).
  asm volatile("rep movsq\n\tmov %3, %0\n\trep movsb"
               : "+c"(words), "+D"(to), "+S"(from)
               : "r"(bytes)
               : "memory");
  return result;
}

void* memset(void* to, int value, std::size_t bytes) {
  void* result = to;
  const std::uint64_t pattern = kOnes * static_cast<std::uint8_t>(value);
  std::size_t words = bytes / 8;
  bytes %= 8;
  asm volatile("rep stosq\n\tmov %2, %0\n\trep stosb"
               : "+c"(words), "+D"(to)
               : "r"(bytes), "a"(pattern)
               : "memory");
  return result;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<char*>(to);
  const auto* source = static_cast<const char*>(from);
  if (target <= source || target >= source + bytes) return memcpy(to, from, bytes);
  while (bytes >= 8) {
    bytes -= 8;
    std::uint64_t word;
    __builtin_memcpy(&word, source + bytes, 8);
    __builtin_memcpy(target + bytes, &word, 8);
  }
  while (bytes--) target[bytes] = source[bytes];
  return to;
}

int memcmp(const void* left, const void* right, std::size_t bytes) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (; bytes >= 8; bytes -= 8, a += 8, b += 8)
    if (word_at(a) != word_at(b)) break;
  for (; bytes; --bytes, ++a, ++b)
    if (*a != *b) return *a < *b ? -1 : 1;
  return 0;
}

void* memchr(const void* memory, int value, std::size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(memory);
  const std::uint64_t pattern = kOnes * static_cast<std::uint8_t>(value);
  for (; bytes >= 8 && !has_zero_byte(word_at(at) ^ pattern); bytes -= 8) at += 8;
  for (; bytes; --bytes, ++at)
    if (*at == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(at);
  return nullptr;
}

std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length]) ++length;
  return length;
}

int __popcountdi2(long value) {
  auto bits = static_cast<std::uint64_t>(value);
  bits -= (bits >> 1) & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<int>((bits * 0x0101010101010101) >> 56);
}

[[noreturn]] void abort() {
  vari::assertion_failed("abort", __FILE_NAME__, __LINE__);
}
[[noreturn]] void __cxa_pure_virtual() {
  vari::assertion_failed("pure virtual call", __FILE_NAME__, __LINE__);
}

}  // extern "C"

// Reached only by the deleting destructor of a class that is never deleted that way.
void operator delete(void*, std::size_t) noexcept {
  vari::assertion_failed("operator delete", __FILE_NAME__, __LINE__);
}
void operator delete(void*) noexcept {
  vari::assertion_failed("operator delete", __FILE_NAME__, __LINE__);
}

namespace std {
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) {
  vari::assertion_failed("out of range", __FILE_NAME__, __LINE__);
}
[[noreturn]] void __throw_bad_function_call() {
  vari::assertion_failed("bad function call", __FILE_NAME__, __LINE__);
}
}  // namespace std

namespace boost {
void assertion_failed(char const* expression, char const*, char const* file, long line) {
  vari::assertion_failed(expression, file, static_cast<int>(line));
}
void assertion_failed_msg(char const* expression, char const*, char const*, char const* file, long line) {
  vari::assertion_failed(expression, file, static_cast<int>(line));
}
}  // namespace boost
