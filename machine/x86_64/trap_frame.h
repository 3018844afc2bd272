// What the trap entry leaves on the kernel's stack when kernel code is interrupted, and the border between
// trap_entry.S and the nucleus that is linked with it.
#pragma once

#include "base/types.h"

namespace vari::nucleus {
class Context;
}

namespace vari::machine {

struct TrapFrame {
  u64 r15, r14, r13, r12, r11, r10, r9, r8;
  u64 rbp, rdi, rsi, rdx, rcx, rbx, rax;
  u64 vector, error;
  u64 rip, cs, rflags, rsp, ss;

  bool from_user() const { return cs & 3; }
};
static_assert(sizeof(TrapFrame) == 22 * 8);

enum class Vector : u8 {
  DivideError = 0,
  Debug = 1,
  Nmi = 2,
  Breakpoint = 3,
  Overflow = 4,
  InvalidOpcode = 6,
  DeviceNotAvailable = 7,
  DoubleFault = 8,
  GeneralProtection = 13,
  PageFault = 14,
  FloatingPoint = 16,
  AlignmentCheck = 17,
  MachineCheck = 18,
  Simd = 19,
  LegacyFirst = 0x20,  // where the masked 8259s are moved to, for their spurious interrupts
  DeviceFirst = 0x40,
  DeviceLast = 0x7f,
  Timer = 0xf0,
  Notify = 0xf1,
  Call = 0xf2,
  Attention = 0xf3,
  Spurious = 0xff,
};

// Supplied by the nucleus.
extern "C" {
/// A trap in kernel mode, on the interrupted stack. Interrupts are disabled.
void vari_kernel_trap(TrapFrame* frame);
/// #DB, NMI, #DF or #MC in kernel mode, at any instruction, on a stack of its own; GS is right.
void vari_kernel_exception(TrapFrame* frame);
/// See Context::prepare() and Context::on_trap().
i32 vari_context_prepare(nucleus::Context* context);
i32 vari_context_trap(nucleus::Context* context);
}

}  // namespace vari::machine
