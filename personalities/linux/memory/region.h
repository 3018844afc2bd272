// A region: one contiguous range of a program's addresses with one access and one source of pages.
#pragma once

#include <boost/intrusive/set.hpp>

#include "interfaces/place.h"
#include "personalities/linux/files/file.h"
#include "runtime/memory.h"

namespace vari::linux {

constexpr Access without_write(Access access) {
  return static_cast<Access>(static_cast<u8>(access) & ~static_cast<u8>(Access::Write));
}

/// mbind(2): where pages are to come from. Kept and told; with one node, it comes to the same.
struct MemoryPolicy {
  u16 mode = 0;  // MPOL_…, with its flags
  bool names_node = false;
  bool operator==(const MemoryPolicy&) const = default;
};

struct Region : runtime::Allocated {
  u64 begin = 0, end = 0;
  Access access = Access::None;  // what user code may do now
  bool shared = false;           // writes go to the object, and fork shares it
  bool grows_down = false;       // a stack
  bool heap = false;             // made by brk
  bool may_write = true;         // mprotect may grant writing (the file was open for it)
  bool own_pages = false;        // private pages may exist: fork must copy them
  bool keep_on_fork = true;      // MADV_DONTFORK clears it
  bool wipe_on_fork = false;     // MADV_WIPEONFORK: the child sees zeros
  bool locked = false;           // mlock
  MemoryPolicy policy;
  Ref<MemoryObject> object;  // empty: anonymous, zero-filled on demand
  u64 first_page = 0;        // of the object, at `begin`
  boost::intrusive::set_member_hook<> hook;

  /// The object must hear of each page before it is written to.
  bool tracks_writes() const { return shared && object && object->tracks_writes(); }
  /// What a page may be mapped with before anybody has asked to write to it.
  Access quiet_access() const { return shared && !tracks_writes() ? access : without_write(access); }
  u64 bytes() const { return end - begin; }
  bool contains(u64 address) const { return address >= begin && address < end; }
  u64 object_page(u64 address) const { return first_page + ((address - begin) >> kPageShift); }
};

struct RegionEnd {
  using type = u64;
  u64 operator()(const Region& region) const { return region.end; }
};
/// Ordered by their ends, so that upper_bound(address) is the first region that ends above it.
using Regions = boost::intrusive::set<
    Region, boost::intrusive::member_hook<Region, boost::intrusive::set_member_hook<>, &Region::hook>,
    boost::intrusive::key_of_value<RegionEnd>, boost::intrusive::constant_time_size<false>>;

}  // namespace vari::linux
