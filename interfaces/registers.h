// The register state of a 64-bit x86 context, as the trap entry stores it and a personality edits it.
#pragma once

#include "base/types.h"

namespace vari {

/// User-visible registers. The order is known to machine/x86_64/ring3/user_entry.S (static_asserts beside
/// it); vector state is kept apart because it is switched only where used.
struct Registers {
  u64 rax, rbx, rcx, rdx, rsi, rdi, rbp;
  u64 r8, r9, r10, r11, r12, r13, r14, r15;
  u64 rip, rflags, rsp;
  u64 fs_base, gs_base;
};
static_assert(sizeof(Registers) == 20 * 8);

}  // namespace vari
