// A domain's page table proper: a radix tree of four levels in the kernel's own memory, as the processor's
// are. What the host has mapped in the domain's process is a cache of it (domain.h), and each entry says
// whether it is in that cache. Entries change by atomic operations; tables are freed at the end only.
#pragma once

#include "base/result.h"
#include "base/types.h"
#include "interfaces/place.h"

namespace vari::hosted {

/// One entry. Bits 0 to 11 say what holds, the rest is the frame.
struct Entry {
  enum : u64 {
    kPresent = 1,
    kRead = 2,
    kWrite = 4,
    kExecute = 8,
    kDirty = 16,
    kAccessed = 32,
    kCached = 64,  // the host maps it, with this very access
    kAccess = kRead | kWrite | kExecute,
  };
  static constexpr u64 of(Frame frame, Access access) {
    return frame.number << kPageShift | u64{static_cast<u8>(access)} << 1 | kPresent;
  }
  static constexpr Frame frame(u64 entry) { return {entry >> kPageShift}; }
  static constexpr Access access(u64 entry) { return static_cast<Access>(entry >> 1 & 7); }
  static constexpr u64 bits(Access access) { return u64{static_cast<u8>(access)} << 1; }
  static constexpr Mapping mapping(u64 entry) {
    return {.frame = frame(entry),
            .access = access(entry),
            .dirty = (entry & kDirty) != 0,
            .accessed = (entry & kAccessed) != 0};
  }
};
static_assert(Entry::bits(Access::Write) == Entry::kWrite && Entry::bits(Access::Execute) == Entry::kExecute);

class PageTree {
 public:
  PageTree() = default;
  ~PageTree();
  PageTree(const PageTree&) = delete;
  PageTree& operator=(const PageTree&) = delete;

  /// The entry of an address, null where there is no table for it.
  u64* find(VirtualAddress address) const;
  /// The same, with tables made. OutOfMemory.
  Result<u64*> reach(VirtualAddress address);

  /// Calls function(address, entry) for each entry of [begin, end) that is not zero, until it returns
  /// false; where it stopped: the next address to go on from.
  template <class Function>
  VirtualAddress for_each(VirtualAddress begin, VirtualAddress end, Function&& function) const {
    u64 at = begin.value;
    while (at < end.value) {
      u64 skip = 0;
      u64* entry = find_or_skip(at, skip);
      if (!entry) {
        at = align_down(at, skip) + skip;
        continue;
      }
      const u64 table_end = align_down(at, kTableReach) + kTableReach;
      const u64 stop = end.value < table_end ? end.value : table_end;
      for (; at < stop; at += kPageBytes, ++entry) {
        if (__atomic_load_n(entry, __ATOMIC_RELAXED) == 0) continue;
        if (!function(VirtualAddress{at}, entry)) return {at + kPageBytes};
      }
    }
    return end;
  }
  u64 table_bytes() const { return __atomic_load_n(&tables_, __ATOMIC_RELAXED) * kPageBytes; }

 private:
  static constexpr unsigned kBits = 9, kLevels = 4;
  static constexpr u64 kTableReach = u64{1} << (kPageShift + kBits);
  struct Table {
    u64 slots[1 << kBits];
  };
  static unsigned index(u64 address, unsigned level) {
    return address >> (kPageShift + kBits * level) & ((1 << kBits) - 1);
  }
  static Table* table(u64 slot) { return reinterpret_cast<Table*>(slot); }
  /// The entry; or null, and how far the missing table would have reached.
  u64* find_or_skip(u64 address, u64& skip) const;
  static void free_table(Table* table, unsigned level);

  u64 root_ = 0;    // atomic: address of the top table
  u64 tables_ = 0;  // atomic
};

}  // namespace vari::hosted
