// The tables that the processor reads: segments and task state, one set a core, and the interrupt table,
// one for all (Intel SDM vol. 3, chapters 3, 6, 8). 64-bit code only: there is no descriptor with which a
// program could get to compatibility mode.
#pragma once

#include "base/types.h"
#include "machine/x86_64/core_area.h"

namespace vari::machine {

struct [[gnu::packed]] TaskState {
  u32 reserved0 = 0;
  u64 rsp[3] = {};
  u64 reserved1 = 0;
  u64 interrupt_stack[7] = {};
  u64 reserved2 = 0;
  u16 reserved3 = 0;
  u16 io_map = 104;  // beyond the limit: user code has no ports
};
static_assert(sizeof(TaskState) == 104);

/// Where the processor puts frames when the current stack can't be trusted. Each begins with its core's
/// CoreArea pointer, by which the entry finds GS whatever it was (trap_entry.S).
struct alignas(kPageBytes) ExceptionStacks {
  static constexpr unsigned kCount =
      5;  // #DB, NMI, #DF, #MC; and all other exceptions, where programs run in ring 0
  struct Stack {
    CoreArea* area;
    u8 bytes[kPageBytes - sizeof(CoreArea*)];
  } stacks[kCount];
};
static_assert(sizeof(ExceptionStacks) == ExceptionStacks::kCount * kPageBytes);

struct CoreTables {
  /// Slots of the interrupt stack table for ProgramMode: the last exception stack, and the entry stack.
  static constexpr u8 kFaultStack = ExceptionStacks::kCount, kEntryStack = kFaultStack + 1;

  u64 segments[10] = {};
  TaskState task;
  alignas(16) u64 entry_stack[32] = {};  // frames from programs; copied away at once

  /// Fills both and loads them on the calling core, with `area` as its GS.
  void load(CoreArea& area, ExceptionStacks& stacks);
};

struct alignas(16) InterruptTable {
  struct Gate {
    u16 offset_low;
    u16 selector;
    u8 stack;
    u8 type;
    u16 offset_middle;
    u32 offset_high;
    u32 reserved;
  } gates[256];

  void fill();
  void load() const;
};
static_assert(sizeof(InterruptTable::Gate) == 16);

/// The calling core's SYSCALL registers (STAR, LSTAR, SFMASK).
void enable_system_calls();

}  // namespace vari::machine
