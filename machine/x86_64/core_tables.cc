#include "machine/x86_64/core_tables.h"

#include "machine/x86_64/msr.h"
#include "machine/x86_64/program_mode.h"
#include "machine/x86_64/trap_frame.h"

namespace vari::machine {
namespace {

extern "C" const u8 vari_trap_stubs[];
extern "C" void vari_system_call_entry();

constexpr std::size_t kStubBytes = 16;

// Segment descriptors (SDM vol. 3, 3.4.5); base and limit count for nothing in 64-bit mode.
constexpr u64 kKernelCode = 0x00af'9b00'0000'ffff, kKernelData = 0x00cf'9300'0000'ffff;
constexpr u64 kUserCode = 0x00af'fb00'0000'ffff, kUserData = 0x00cf'f300'0000'ffff;

constexpr u8 kInterruptGate = 0x8e, kInterruptGateForUser = 0xee;

struct [[gnu::packed]] TablePointer {
  u16 limit;
  const void* base;
};

constexpr u32 kFirstInterrupt = 32;

/// The interrupt-stack-table slot of a vector; 0: none.
u8 stack_of(u32 vector) {
  switch (static_cast<Vector>(vector)) {
    case Vector::Debug: return 1;
    case Vector::Nmi: return 2;
    case Vector::DoubleFault: return 3;
    case Vector::MachineCheck: return 4;
    default: return vector < kFirstInterrupt ? kProgramMode.fault_stack : kProgramMode.interrupt_stack;
  }
}

}  // namespace

void CoreTables::load(CoreArea& area, ExceptionStacks& stacks) {
  for (unsigned i = 0; i < ExceptionStacks::kCount; ++i) {
    stacks.stacks[i].area = &area;
    task.interrupt_stack[i] = reinterpret_cast<u64>(&stacks.stacks[i] + 1);
  }
  area.self = &area;
  area.entry_stack = reinterpret_cast<u64>(entry_stack) + sizeof entry_stack;
  task.rsp[0] = task.interrupt_stack[kEntryStack - 1] = area.entry_stack;

  segments[KERNEL_CODE_SELECTOR / 8] = kKernelCode;
  segments[KERNEL_DATA_SELECTOR / 8] = kKernelData;
  segments[USER_DATA_SELECTOR / 8] = kUserData;
  segments[USER_CODE_SELECTOR / 8] = kUserCode;
  const u64 base = reinterpret_cast<u64>(&task);
  segments[TASK_STATE_SELECTOR / 8] =
      (sizeof(TaskState) - 1) | (base & 0xff'ffff) << 16 | u64{0x89} << 40 | (base >> 24 & 0xff) << 56;
  segments[TASK_STATE_SELECTOR / 8 + 1] = base >> 32;

  const TablePointer pointer{sizeof segments - 1, segments};
  asm volatile("lgdt %0" : : "m"(pointer) : "memory");
  // A far return is the only way to load CS in 64-bit mode.
  u64 scratch;
  asm volatile(
      "pushq %1\n\t"
      "leaq 1f(%%rip), %0\n\t"
      "pushq %0\n\t"
      "lretq\n"
      "1:"
      : "=&r"(scratch)
      : "i"(KERNEL_CODE_SELECTOR)
      : "memory");
  asm volatile("movl %0, %%ss" : : "r"(KERNEL_DATA_SELECTOR));
  asm volatile("movl %0, %%ds; movl %0, %%es; movl %0, %%fs; movl %0, %%gs" : : "r"(0));
  asm volatile("ltr %w0" : : "r"(TASK_STATE_SELECTOR));
  asm volatile("lldt %w0" : : "r"(0));
  // After the null selector, which clears the base on some processors.
  write_msr(Msr::FsBase, 0);
  write_msr(Msr::KernelGsBase, 0);
  write_msr(Msr::GsBase, reinterpret_cast<u64>(&area));
}

void InterruptTable::fill() {
  for (u32 vector = 0; vector < 256; ++vector) {
    const u64 target = reinterpret_cast<u64>(vari_trap_stubs) + vector * kStubBytes;
    const bool for_user =
        vector == static_cast<u32>(Vector::Breakpoint) || vector == static_cast<u32>(Vector::Overflow);
    gates[vector] = {static_cast<u16>(target),
                     KERNEL_CODE_SELECTOR,
                     stack_of(vector),
                     for_user ? kInterruptGateForUser : kInterruptGate,
                     static_cast<u16>(target >> 16),
                     static_cast<u32>(target >> 32),
                     0};
  }
}

void InterruptTable::load() const {
  const TablePointer pointer{sizeof gates - 1, gates};
  asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

void enable_system_calls() {
  // Cleared on entry: TF IF DF IOPL NT RF VM AC, and the arithmetic flags with them but for nobody's use.
  constexpr u64 kCleared = 0x257fd5 & ~u64{2};
  write_msr(Msr::Star, u64{SYSRET_BASE_SELECTOR} << 48 | u64{KERNEL_CODE_SELECTOR} << 32);
  write_msr(Msr::LongStar, reinterpret_cast<u64>(&vari_system_call_entry));
  write_msr(Msr::CompatibilityStar, 0);
  write_msr(Msr::SystemCallMask, kCleared);
}

}  // namespace vari::machine
