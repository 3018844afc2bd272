// Changing a domain: entries are exchanged atomically, then translations are taken back by the
// kernel's TLB policy, and only then does the mapper learn which frames are its own again.
#include "nucleus/domain.h"
#include "nucleus/domain_entries.h"
#include "nucleus/page_tables.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"
#include "nucleus/tlb.h"
#include "nucleus/tlb_asynchronous.h"

namespace vari::nucleus {
namespace {

/// Mappings taken out before their translations are: as many as a stack frame can hold.
struct Batch {
  static constexpr unsigned kCapacity = 96;
  struct Removed {
    VirtualAddress page;
    u64 entry;
  };
  Removed removed[kCapacity];
  unsigned count = 0;
  bool translated = false;  // some of them may be in a TLB

  void add(VirtualAddress page, u64 entry) {
    removed[count++] = {page, entry};
    translated |= (entry & machine::kPresent) != 0;
  }
  u64 pages() const { return (removed[count - 1].page - removed[0].page) / kPageBytes + 1; }
};

}  // namespace

template <class Tlb>
DomainWith<Tlb>::DomainWith(Memory& memory, Tlb& tlb) : NucleusDomain(memory), tlb_(tlb) {
  tlb_.attach(space_);
}

template <class Tlb>
DomainWith<Tlb>::~DomainWith() {
  tlb_.detach(space_);
}

template <class Tlb>
Result<Ref<vari::Domain>> DomainWith<Tlb>::create(Memory& memory, Tlb& tlb) {
  auto* domain = new (runtime::kFallible) DomainWith(memory, tlb);
  if (!domain) return std::unexpected(Error::OutOfMemory);
  auto owned = Ref<vari::Domain>::adopt(domain);
  TRY(domain->space_.initialise());
  return owned;
}

template <class Tlb>
Result<Frame> DomainWith<Tlb>::map(VirtualAddress page, Frame frame, Access access) {
  if (page < kUserBegin || page >= kUserEnd || page.page_offset() != 0 || !frame)
    return std::unexpected(Error::InvalidArgument);
  u64 old;
  {
    PreemptionGuard guard;
    const CoreMemory& core = this_core_memory();
    u64* entry;
    if (core.loaded == &space_ && core.translating)
      entry = TRY(reach<1>(RecursiveTables(), space_, machine::kUserTable, page));
    else
      entry = TRY(reach<1>(WindowTables(space_.window(), space_.root()), space_, machine::kUserTable, page));
    old = __atomic_exchange_n(entry, user_entry(frame, access), __ATOMIC_ACQ_REL);
  }
  if (fastpath(!machine::has_frame(old))) return Frame{};
  if (old & machine::kPresent) tlb_.invalidate(space_, page, 1);
  return Frame::containing(machine::address_of(old));
}

template <class Tlb>
void DomainWith<Tlb>::unmap(VirtualAddress begin, u64 bytes, Visitor& visitor) {
  const WindowTables tables(space_.window(), space_.root());
  UserRange range = user_range(begin, bytes);
  while (range.begin < range.end) {
    Batch batch;
    range.begin =
        for_each_leaf(tables, range.begin, range.end, [&](VirtualAddress page, u64* entry, unsigned) {
          const u64 old = __atomic_exchange_n(entry, 0, __ATOMIC_ACQ_REL);
          if (machine::has_frame(old)) batch.add(page, old);
          return batch.count < Batch::kCapacity;
        });
    if (batch.count == 0) continue;
    if (batch.translated) tlb_.settle(space_, batch.removed[0].page, batch.pages());
    for (unsigned i = 0; i < batch.count; ++i)
      visitor.visit(batch.removed[i].page, mapping_of(batch.removed[i].entry));
  }
}

template <class Tlb>
void DomainWith<Tlb>::protect(VirtualAddress begin, u64 bytes, Access access) {
  const WindowTables tables(space_.window(), space_.root());
  const UserRange range = user_range(begin, bytes);
  VirtualAddress first{~u64{0}}, last;
  for_each_leaf(tables, range.begin, range.end, [&](VirtualAddress page, u64* entry, unsigned) {
    u64 old = read_entry(entry);
    do {
      if (!machine::has_frame(old)) return true;
    } while (!__atomic_compare_exchange_n(entry, &old, with_access(old, access), false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    if (old & machine::kPresent) {
      if (page < first) first = page;
      last = page;
    }
    return true;
  });
  if (first <= last) tlb_.invalidate(space_, first, (last - first) / kPageBytes + 1);
}

template class DomainWith<SynchronousTlb>;
template class DomainWith<AsynchronousTlb>;

}  // namespace vari::nucleus
