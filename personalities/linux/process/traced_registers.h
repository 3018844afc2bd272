// A stopped task's general registers as a tracer sees them: struct user_regs_struct.
#pragma once

#include "personalities/linux/errno.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

struct TracedRegisters {
  u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
  /// The call that is being made, or that a signal interrupted; -1: none.
  u64 call;
  u64 rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;

  /// Of a task that stands still for its tracer.
  static TracedRegisters of(Task& task);
  /// Io: values that no program may have. Nothing has changed then.
  LinuxResult<> put(Task& task) const;
};
static_assert(sizeof(TracedRegisters) == 27 * 8);

/// sizeof(struct user): registers, and what debuggers look for behind them.
inline constexpr u64 kUserAreaBytes = 912;

}  // namespace vari::linux
