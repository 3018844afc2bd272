// Recursive page tables as integer templates over the level (KOS paper, paging; K47, K48): the
// compiler unrolls each walk; there is no loop over levels in the code that runs.
//
// How a walk reaches a table is a policy: through the recursive slot for the loaded space (no table is
// read to find the next one's address), through the physical window for any space. Entries change by
// atomic operations only; a missing table is put in by compare-exchange, and whoever loses gives
// its frame back. Tables are never taken out before the space ends (K53), so no lock protects a walk.
#pragma once

#include "base/result.h"
#include "base/types.h"
#include "machine/x86_64/page_table_format.h"
#include "nucleus/physical_window.h"

namespace vari::nucleus {

/// Walks any space's tables, from its root on.
class WindowTables {
 public:
  WindowTables(PhysicalWindow window, PhysicalAddress root) : window_(window), root_(root) {}
  /// The entry of `address` at a level; `parent` is the present entry one level up.
  template <unsigned kLevel>
  u64* entry(VirtualAddress address, u64 parent) const {
    const PhysicalAddress table = kLevel == machine::kRootLevel ? root_ : machine::address_of(parent);
    return window_.at<u64>(table) + machine::table_index<kLevel>(address);
  }

 private:
  PhysicalWindow window_;
  PhysicalAddress root_;
};

/// Sees the loaded space's tables. The caller keeps preemption disabled.
class RecursiveTables {
 public:
  template <unsigned kLevel>
  u64* entry(VirtualAddress address, u64) const {
    return reinterpret_cast<u64*>(machine::recursive_entry<kLevel>(address));
  }
};

inline u64 read_entry(const u64* entry) {
  return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

/// A present or remembered mapping found by a walk.
struct Leaf {
  u64* entry = nullptr;  // null: a table on the way is missing
  unsigned level = 1;
  u64 bytes() const { return u64{1} << (kPageShift + 9 * (level - 1)); }
};

/// The entry that maps `address`, at whichever level it ends.
template <unsigned kLevel = machine::kRootLevel, class Tables>
Leaf find_leaf(const Tables& tables, VirtualAddress address, u64 parent = 0) {
  u64* entry = tables.template entry<kLevel>(address, parent);
  if constexpr (kLevel == 1) {
    return {entry, kLevel};
  } else {
    const u64 value = read_entry(entry);
    if (!(value & machine::kPresent)) return {};
    if (kLevel <= 3 && (value & machine::kLargePage)) return {entry, kLevel};
    return find_leaf<kLevel - 1>(tables, address, value);
  }
}

/// The entry of `address` at level kLeaf; makes the tables on the way. `source` offers
/// `Result<Frame> allocate_table()` (cleared) and `free_table(Frame)`; `flags` are the new tables'.
/// AlreadyExists: a larger page is in the way.
template <unsigned kLeaf, unsigned kLevel = machine::kRootLevel, class Tables, class Source>
Result<u64*> reach(const Tables& tables, Source& source, u64 flags, VirtualAddress address, u64 parent = 0) {
  u64* entry = tables.template entry<kLevel>(address, parent);
  if constexpr (kLevel == kLeaf) {
    return entry;
  } else {
    u64 value = read_entry(entry);
    if (slowpath(value == 0)) {
      const Frame table = TRY(source.allocate_table());
      const u64 mine = table.address().value | flags;
      // Order: release, so that whoever follows the entry sees a cleared table.
      if (__atomic_compare_exchange_n(entry, &value, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        value = mine;
      else
        source.free_table(table);
    }
    if (value & machine::kLargePage) return std::unexpected(Error::AlreadyExists);
    return reach<kLeaf, kLevel - 1>(tables, source, flags, address, value);
  }
}

/// True if a line of entries (64 bytes) is empty; most lines of most tables are. `entries` is aligned to one.
inline constexpr unsigned kLineEntries = 8;
inline bool is_empty_line(const u64* entries) {
  u64 any = 0;
  for (unsigned i = 0; i < kLineEntries; ++i) any |= __atomic_load_n(entries + i, __ATOMIC_RELAXED);
  return any == 0;
}

/// for_each_leaf() below one entry. `stopped`: visit has returned false. The address alone would not say so
/// where the last one visited is the last of its table.
template <unsigned kLevel, class Visit>
VirtualAddress walk_leaves(const WindowTables& tables, VirtualAddress begin, VirtualAddress end, Visit& visit,
                           u64 parent, bool& stopped) {
  constexpr u64 kSpan = machine::kLevelBytes<kLevel>;
  while (begin < end) {
    const VirtualAddress next{align_down(begin.value, kSpan) + kSpan};
    u64* entry = tables.entry<kLevel>(begin, parent);
    constexpr u64 kLineSpan = kSpan * kLineEntries;
    if (is_aligned(begin.value, kLineSpan) && end - begin >= kLineSpan && is_empty_line(entry)) {
      begin = begin + kLineSpan;
      continue;
    }
    const u64 value = read_entry(entry);
    const VirtualAddress piece_end = next < end && next.value != 0 ? next : end;
    if (value != 0) {
      if (kLevel == 1 || (kLevel <= 3 && (value & machine::kLargePage))) {
        stopped = !visit(begin, entry, kLevel);
        if (stopped) return piece_end;
      } else if constexpr (kLevel > 1) {
        const auto reached = walk_leaves<kLevel - 1>(tables, begin, piece_end, visit, value, stopped);
        if (stopped) return reached;
      }
    }
    begin = piece_end;
  }
  return end;
}

/// Calls visit(address, entry, level) for each entry in [begin, end) that is not empty, in order; absent
/// tables are skipped whole. visit returns false to stop; the address after the last one visited
/// is returned, `end` if all were.
template <class Visit>
VirtualAddress for_each_leaf(const WindowTables& tables, VirtualAddress begin, VirtualAddress end,
                             Visit&& visit) {
  bool stopped = false;
  return walk_leaves<machine::kRootLevel>(tables, begin, end, visit, 0, stopped);
}

/// Frees the tables below the entries [first, last) of a table, not what the leaves map. Nobody else uses
/// them any more.
template <unsigned kLevel = machine::kRootLevel, class Source>
void free_tables(PhysicalWindow window, PhysicalAddress table, unsigned first, unsigned last,
                 Source& source) {
  if constexpr (kLevel > 1) {
    u64* entries = window.at<u64>(table);
    for (unsigned i = first; i < last; ++i) {
      if (i % kLineEntries == 0 && last - i >= kLineEntries && is_empty_line(entries + i)) {
        i += kLineEntries - 1;
        continue;
      }
      const u64 value = entries[i];
      if (!(value & machine::kPresent) || (value & machine::kLargePage)) continue;
      const PhysicalAddress below = machine::address_of(value);
      free_tables<kLevel - 1>(window, below, 0, machine::kTableEntries, source);
      entries[i] = 0;
      source.free_table(Frame::containing(below));
    }
  }
}

}  // namespace vari::nucleus
