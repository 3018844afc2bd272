// Bit scans and masks on 64-bit words, under names that say what they are for.
#pragma once

#include "base/types.h"

namespace vari {

inline constexpr unsigned kWordBits = 64;

/// Index of the lowest set bit; `word` is not zero.
constexpr unsigned lowest_bit(u64 word) {
  return static_cast<unsigned>(__builtin_ctzll(word));
}
/// Index of the highest set bit; `word` is not zero.
constexpr unsigned highest_bit(u64 word) {
  return 63 - static_cast<unsigned>(__builtin_clzll(word));
}
constexpr u64 bit(unsigned index) {
  return u64{1} << index;
}
/// `count` ones from bit 0 on; count may be 64.
constexpr u64 low_mask(unsigned count) {
  return count >= kWordBits ? ~u64{0} : (u64{1} << count) - 1;
}
/// Count of set bits, in registers: the popcnt instruction is not to be relied on, and the library call it
/// becomes without it is not there.
constexpr unsigned count_bits(u64 word) {
  word -= (word >> 1) & 0x5555555555555555;
  word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<unsigned>((word * 0x0101010101010101) >> 56);
}
constexpr u64 divide_up(u64 value, u64 divisor) {
  return (value + divisor - 1) / divisor;
}
constexpr bool is_power_of_two(u64 value) {
  return value != 0 && (value & (value - 1)) == 0;
}

}  // namespace vari
