// The nucleus as a place with one domain, for ever: what shares the program's address space with the kernel
// (kernels/unikernel) has no second one to give. A personality's fork and exec find that out here, and tell
// it to the program by their own error numbers.
#pragma once

#include "machine/x86_64/program_mode.h"
#include "nucleus/place.h"

namespace vari::nucleus {

template <class Tlb>
class SingleDomainPlace final : public NucleusPlaceBase {
 public:
  SingleDomainPlace(const Parts& parts, Tlb& tlb) : NucleusPlaceBase(parts), tlb_(tlb) {}

  /// Unsupported from the second call on, and a line in the log.
  Result<Ref<vari::Domain>> create_domain() override {
    if (__atomic_exchange_n(&made_, true, __ATOMIC_RELAXED)) {
      log("refused: another address space; a unikernel has one, so no fork and no exec");
      return std::unexpected(Error::Unsupported);
    }
    return DomainWith<Tlb>::create(parts_.memory, tlb_);
  }
  VirtualAddress call_gate() override { return {machine::kProgramMode.gate()}; }

 private:
  Tlb& tlb_;
  bool made_ = false;  // atomic
};

}  // namespace vari::nucleus
