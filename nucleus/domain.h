// The nucleus's protection domains: interfaces/place.h's Domain on an address space. What does
// not depend on the TLB policy is NucleusDomain; DomainWith<Tlb> adds what takes mappings away.
#pragma once

#include "interfaces/place.h"
#include "nucleus/address_space.h"
#include "nucleus/memory.h"
#include "nucleus/tlb.h"
#include "runtime/memory.h"

namespace vari::nucleus {

class NucleusDomain : public vari::Domain, public runtime::Allocated {
 public:
  NucleusDomain(Memory& memory) : space_(memory.frames(), memory.kernel()) {}

  /// Every Domain that a nucleus's place hands out is one of these.
  static NucleusDomain& of(vari::Domain& domain) { return static_cast<NucleusDomain&>(domain); }
  AddressSpace& space() { return space_; }

  void acquire() final { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  void release() final {
    if (__atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1) delete this;
  }
  void visit(VirtualAddress begin, u64 bytes, Visitor& seen) final;
  Result<Mapping> lookup(VirtualAddress page) final;
  std::size_t copy_in(void* to, VirtualAddress from, std::size_t size) final;
  std::size_t copy_out(VirtualAddress to, const void* from, std::size_t size) final;
  std::size_t clear(VirtualAddress to, std::size_t size) final;
  Result<u32> load(VirtualAddress word) final;
  Result<u32> compare_exchange(VirtualAddress word, u32 expected, u32 desired) final;

 protected:
  virtual ~NucleusDomain() = default;
  AddressSpace space_;

 private:
  u32 references_ = 1;  // atomic
};

/// `Tlb` is SynchronousTlb or AsynchronousTlb (tlb.h).
template <class Tlb>
class DomainWith final : public NucleusDomain {
 public:
  DomainWith(Memory& memory, Tlb& tlb);
  /// OutOfMemory.
  static Result<Ref<vari::Domain>> create(Memory& memory, Tlb& tlb);

  Result<Frame> map(VirtualAddress page, Frame frame, Access access) override;
  void unmap(VirtualAddress begin, u64 bytes, Visitor& removed) override;
  void protect(VirtualAddress begin, u64 bytes, Access access) override;

 private:
  ~DomainWith() override;
  Tlb& tlb_;
};

}  // namespace vari::nucleus
