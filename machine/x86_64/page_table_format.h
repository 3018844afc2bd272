// The page-table entry of x86-64 (Intel SDM vol. 3, 4.5), and what we write into entries that are not
// present. Levels count from the leaf: 1 is a page table, 4 the root.
#pragma once

#include "base/types.h"
#include "machine/x86_64/memory_layout.h"

namespace vari::machine {

inline constexpr u64 kPresent = 1u << 0;
inline constexpr u64 kWritable = 1u << 1;
inline constexpr u64 kUser = 1u << 2;
inline constexpr u64 kWriteThrough = 1u << 3;
inline constexpr u64 kCacheDisabled = 1u << 4;
inline constexpr u64 kAccessed = 1u << 5;
inline constexpr u64 kDirty = 1u << 6;
inline constexpr u64 kLargePage = 1u << 7;  // levels 2 and 3
inline constexpr u64 kGlobal = 1u << 8;
inline constexpr u64 kNoExecute = u64{1} << 63;
inline constexpr u64 kAddressMask = 0x000f'ffff'ffff'f000;

/// Uncached by the power-on PAT: PCD and PWT select entry 3, UC (SDM vol. 3, 12.12.4).
inline constexpr u64 kUncached = kCacheDisabled | kWriteThrough;
inline constexpr u64 kTable = kPresent | kWritable;
inline constexpr u64 kUserTable = kTable | kUser;

/// What a non-present level-1 entry says, in bits that the processor ignores.
enum class Marker : u64 {
  None = 0,
  Guard = 1u << 9,  // never to be touched
  Lazy = 2u << 9,   // a frame is owed, at the first touch
  Kept = 3u << 9,   // a mapping that forbids everything (Access::None); its frame is remembered
};
inline constexpr u64 kMarkerMask = 7u << 9;

constexpr Marker marker_of(u64 entry) {
  return entry & kPresent ? Marker::None : static_cast<Marker>(entry & kMarkerMask);
}
/// The remembered frame address is kept inverted: a processor that speculates past the present bit (L1
/// terminal fault) then looks at memory that does not exist.
constexpr u64 kept_entry(u64 present_entry) {
  return (~present_entry & kAddressMask) | static_cast<u64>(Marker::Kept) |
         (present_entry & (kAccessed | kDirty));
}
constexpr PhysicalAddress address_of(u64 entry) {
  return {(marker_of(entry) == Marker::Kept ? ~entry : entry) & kAddressMask};
}
constexpr bool has_frame(u64 entry) {
  return (entry & kPresent) != 0 || marker_of(entry) == Marker::Kept;
}

inline constexpr unsigned kRootLevel = 4;
inline constexpr unsigned kTableEntries = 512;

template <unsigned kLevel>
inline constexpr unsigned kLevelShift = kPageShift + 9 * (kLevel - 1);
/// What one entry of a level spans.
template <unsigned kLevel>
inline constexpr u64 kLevelBytes = u64{1} << kLevelShift<kLevel>;

template <unsigned kLevel>
constexpr unsigned table_index(VirtualAddress address) {
  return (address.value >> kLevelShift<kLevel>) % kTableEntries;
}

/// Where the recursive slot shows the entry of `address` at a level: each pass through the slot takes one
/// level off the walk, and the index bits move down by nine.
template <unsigned kLevel>
constexpr u64 recursive_entry(VirtualAddress address) {
  u64 base = kRecursiveBegin;
  for (unsigned level = kRootLevel - 1; level > kRootLevel - kLevel; --level)
    base |= u64{kRecursiveSlot} << (kPageShift + 9 * (level - 1));
  constexpr u64 kIndexBits = u64{1} << (9 * (kRootLevel - kLevel + 1));
  return base | (address.value >> kLevelShift<kLevel> & (kIndexBits - 1)) * sizeof(u64);
}
static_assert(recursive_entry<1>({0}) == kRecursiveBegin);
static_assert(recursive_entry<4>({kRecursiveBegin}) == 0xffff'ff7f'bfdf'eff0, "the root shows itself");
static_assert(recursive_entry<1>({~u64{0}}) == kRecursiveBegin + 0x7f'ffff'fff8);

}  // namespace vari::machine
