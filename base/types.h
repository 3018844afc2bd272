// Strong types and sizes that every room shares: addresses, frames, page sizes, durations.
// A physical and a virtual address are different types, so that mixing them up does not compile.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace vari {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;

inline constexpr u64 kKiB = 1024;
inline constexpr u64 kMiB = 1024 * kKiB;
inline constexpr u64 kGiB = 1024 * kMiB;

inline constexpr unsigned kPageShift = 12;
inline constexpr u64 kPageBytes = u64{1} << kPageShift;
inline constexpr u64 kLargePageBytes = 2 * kMiB;
inline constexpr u64 kHugePageBytes = kGiB;

/// An address as the memory bus sees it.
struct PhysicalAddress {
  u64 value = 0;
  constexpr auto operator<=>(const PhysicalAddress&) const = default;
  constexpr PhysicalAddress operator+(u64 bytes) const { return {value + bytes}; }
  constexpr PhysicalAddress operator-(u64 bytes) const { return {value - bytes}; }
  constexpr u64 operator-(PhysicalAddress other) const { return value - other.value; }
};

/// An address as a program sees it. It may belong to user code: it is then never dereferenced
/// directly, only through a Domain's copy functions.
struct VirtualAddress {
  u64 value = 0;
  constexpr auto operator<=>(const VirtualAddress&) const = default;
  constexpr VirtualAddress operator+(u64 bytes) const { return {value + bytes}; }
  constexpr VirtualAddress operator-(u64 bytes) const { return {value - bytes}; }
  constexpr u64 operator-(VirtualAddress other) const { return value - other.value; }
  constexpr VirtualAddress page() const { return {value & ~(kPageBytes - 1)}; }
  constexpr u64 page_offset() const { return value & (kPageBytes - 1); }
};

/// A 4 KiB physical page frame, by number. Frame 0 is never handed out and serves as "none".
struct Frame {
  u64 number = 0;
  constexpr auto operator<=>(const Frame&) const = default;
  constexpr PhysicalAddress address() const { return {number << kPageShift}; }
  constexpr explicit operator bool() const { return number != 0; }
  static constexpr Frame containing(PhysicalAddress address) { return {address.value >> kPageShift}; }
};

/// A logical processor of one nucleus, numbered densely from 0 in the order of start-up.
struct CpuId {
  u32 value = 0;
  constexpr auto operator<=>(const CpuId&) const = default;
};

inline constexpr u32 kMaximumCpus = 256;

/// A point in monotonic time: nanoseconds since the machine started.
using Nanoseconds = u64;
/// The deadline that never comes.
inline constexpr Nanoseconds kForever = ~u64{0};
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

/// Rounds up to a power of two `alignment`. The caller has excluded overflow.
constexpr u64 align_up(u64 value, u64 alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}
constexpr u64 align_down(u64 value, u64 alignment) {
  return value & ~(alignment - 1);
}
constexpr bool is_aligned(u64 value, u64 alignment) {
  return (value & (alignment - 1)) == 0;
}

}  // namespace vari
