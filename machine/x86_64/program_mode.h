// Where programs run: in ring 3, behind a change of privilege, or in ring 0, in one address space with the
// kernel (docs/unikernel.md). A kernel chooses by linking machine_ring3 or machine_ring0; both define the
// same entry points (trap_frame.h) and this one object, and nothing above asks which it is.
#pragma once

#include "base/types.h"

namespace vari::machine {

struct ProgramMode {
  u64 page_bits;  // of every program page's leaf entry, beside its access rights
  u16 code_selector, data_selector;
  /// Interrupt-stack-table slots (1 to 7) for exceptions without a stack of their own and for interrupts; 0:
  /// the processor takes the kernel's stack by itself, because the privilege changes.
  u8 fault_stack, interrupt_stack;
  /// Kernel text that programs may call and may be interrupted in; empty: none.
  const u8 *gate_begin, *gate_end;

  /// Where programs call; 0: nowhere.
  u64 gate() const { return reinterpret_cast<u64>(gate_begin); }
  bool in_gate(u64 rip) const { return rip >= gate() && rip < reinterpret_cast<u64>(gate_end); }
};

extern const ProgramMode kProgramMode;

}  // namespace vari::machine
