#include "personalities/linux/process/traced_registers.h"

#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {
constexpr u64 kUserCode = 0x33, kUserStack = 0x2b;
/// As in a signal's frame: CF PF AF ZF SF TF DF OF RF AC.
constexpr u64 kUserFlags = 0x50dd5;
}  // namespace

TracedRegisters TracedRegisters::of(Task& task) {
  const auto& from = task.registers();
  return {.r15 = from.r15,
          .r14 = from.r14,
          .r13 = from.r13,
          .r12 = from.r12,
          .rbp = from.rbp,
          .rbx = from.rbx,
          .r11 = from.r11,
          .r10 = from.r10,
          .r9 = from.r9,
          .r8 = from.r8,
          .rax = from.rax,
          .rcx = from.rcx,
          .rdx = from.rdx,
          .rsi = from.rsi,
          .rdi = from.rdi,
          .call = static_cast<u64>(TaskInternals::current_call(task)),
          .rip = from.rip,
          .cs = kUserCode,
          .rflags = from.rflags,
          .rsp = from.rsp,
          .ss = kUserStack,
          .fs_base = from.fs_base,
          .gs_base = from.gs_base,
          .ds = 0,
          .es = 0,
          .fs = 0,
          .gs = 0};
}

LinuxResult<> TracedRegisters::put(Task& task) const {
  constexpr u64 kEnd = Domain::kUserEnd.value;
  if (cs != kUserCode || ss != kUserStack || ds || es || fs || gs || fs_base >= kEnd || gs_base >= kEnd)
    return std::unexpected(Errno::Io);
  auto& to = task.registers();
  to.r15 = r15, to.r14 = r14, to.r13 = r13, to.r12 = r12, to.rbp = rbp, to.rbx = rbx, to.r11 = r11,
  to.r10 = r10;
  to.r9 = r9, to.r8 = r8, to.rax = rax, to.rcx = rcx, to.rdx = rdx, to.rsi = rsi, to.rdi = rdi;
  to.rip = rip, to.rsp = rsp, to.fs_base = fs_base, to.gs_base = gs_base;
  to.rflags = (to.rflags & ~kUserFlags) | (rflags & kUserFlags);
  TaskInternals::set_current_call(task, static_cast<i64>(call));
  return {};
}

/// At a call's stop that call; else the one that a signal interrupted and that may be made again.
i64 TaskInternals::current_call(const Task& task) {
  return task.trace_.call_number >= 0 ? task.trace_.call_number : task.interrupted_call_;
}

/// A debugger that moves a program elsewhere writes -1: no call is to be made again there.
void TaskInternals::set_current_call(Task& task, i64 number) {
  if (task.trace_.call == Trace::Call::Entry) {
    task.trace_.call_number = number;
  } else if (number < 0) {
    task.interrupted_call_ = -1;
  }
}

}  // namespace vari::linux
