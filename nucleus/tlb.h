// Taking translations back: two policies behind one shape, chosen by the kernel's page (kernel.h).
//
//   SynchronousTlb    the cores where the space is active are interrupted, and invalidate at once
//   AsynchronousTlb   (tlb_asynchronous.h) KOS: unmapped ranges dangle until each core has passed
//
// A policy offers
//   void invalidate(AddressSpace&, VirtualAddress begin, u64 pages)  on return no core uses older
//                                                                   translations of the range
//   void settle(AddressSpace&, VirtualAddress begin, u64 pages)       the same, for mappings that were
//                                                                   *removed*: may wait instead of
//                                                                   interrupting
#pragma once

#include <concepts>

#include "base/types.h"
#include "nucleus/address_space.h"

namespace vari::nucleus {

template <class T>
concept TlbPolicy = requires(T tlb, AddressSpace& space, VirtualAddress page, u64 pages) {
  tlb.attach(space);
  tlb.detach(space);
  tlb.invalidate(space, page, pages);
  tlb.settle(space, page, pages);
};

/// From this many pages on, a core reloads its root table rather than dropping them one by one.
inline constexpr u64 kInvalidateAllFrom = 33;

/// Drops the range on the calling core. Preemption is disabled.
void invalidate_here(VirtualAddress begin, u64 pages);
/// Drops a range of the kernel's half on every core.
void invalidate_kernel_everywhere(VirtualAddress begin, u64 pages);

class SynchronousTlb {
 public:
  void attach(AddressSpace&) {}
  void detach(AddressSpace&) {}
  void invalidate(AddressSpace& space, VirtualAddress begin, u64 pages);
  void settle(AddressSpace& space, VirtualAddress begin, u64 pages) { invalidate(space, begin, pages); }
};
static_assert(TlbPolicy<SynchronousTlb>);

}  // namespace vari::nucleus
