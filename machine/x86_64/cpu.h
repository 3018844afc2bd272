// Control registers, flags, time stamp, CPUID, segment bases: one instruction a function. What belongs to
// paging is in paging.h.
#pragma once

#include "base/types.h"

namespace vari::machine {

inline constexpr u64 kFlagInterrupts = 1 << 9;

inline constexpr u64 kCr0MonitorCoprocessor = 1 << 1;
inline constexpr u64 kCr0Emulation = 1 << 2;
inline constexpr u64 kCr0TaskSwitched = 1 << 3;
inline constexpr u64 kCr0NumericError = 1 << 5;
inline constexpr u64 kCr0WriteProtect = 1 << 16;
inline constexpr u64 kCr0AlignmentMask = 1 << 18;

inline constexpr u64 kCr4GlobalPages = 1 << 7;
inline constexpr u64 kCr4Fxsave = 1 << 9;
inline constexpr u64 kCr4SimdExceptions = 1 << 10;
inline constexpr u64 kCr4Umip = 1 << 11;
inline constexpr u64 kCr4FsGsBase = 1 << 16;
inline constexpr u64 kCr4Pcid = 1 << 17;
inline constexpr u64 kCr4Xsave = 1 << 18;
inline constexpr u64 kCr4Smep = 1 << 20;
inline constexpr u64 kCr4Smap = 1 << 21;

inline u64 read_cr0() {
  u64 value;
  asm volatile("movq %%cr0, %0" : "=r"(value));
  return value;
}
inline void write_cr0(u64 value) {
  asm volatile("movq %0, %%cr0" : : "r"(value) : "memory");
}
inline u64 read_cr2() {
  u64 value;
  asm volatile("movq %%cr2, %0" : "=r"(value));
  return value;
}
inline u64 read_cr4() {
  u64 value;
  asm volatile("movq %%cr4, %0" : "=r"(value));
  return value;
}
inline void write_cr4(u64 value) {
  asm volatile("movq %0, %%cr4" : : "r"(value) : "memory");
}
inline void clear_task_switched() {
  asm volatile("clts" : : : "memory");
}
inline void set_task_switched() {
  write_cr0(read_cr0() | kCr0TaskSwitched);
}

/// DR6: forgets which debug conditions were met.
inline void clear_debug_status() {
  asm volatile("movq %0, %%dr6" : : "r"(0xffff0ff0ul));
}

inline u64 read_flags() {
  u64 flags;
  asm volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
  return flags;
}
inline bool interrupts_enabled() {
  return read_flags() & kFlagInterrupts;
}
inline void disable_interrupts() {
  asm volatile("cli" : : : "memory");
}
inline void enable_interrupts() {
  asm volatile("sti" : : : "memory");
}
/// The instruction after STI still runs with interrupts held back, so that none slips in before HLT.
inline void enable_interrupts_and_halt() {
  asm volatile("sti; hlt" : : : "memory");
}
[[noreturn]] inline void halt_forever() {
  for (;;) asm volatile("cli; hlt" : : : "memory");
}
inline void pause() {
  asm volatile("pause");
}

/// Not ordered with other instructions; see Clock for a monotonic reading.
inline u64 read_tsc() {
  u32 low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return u64{high} << 32 | low;
}
struct CpuidResult {
  u32 eax, ebx, ecx, edx;
};
inline CpuidResult cpuid(u32 leaf, u32 subleaf = 0) {
  CpuidResult result;
  asm volatile("cpuid"
               : "=a"(result.eax), "=b"(result.ebx), "=c"(result.ecx), "=d"(result.edx)
               : "a"(leaf), "c"(subleaf));
  return result;
}

inline u64 read_fs_base() {
  u64 base;
  asm volatile("rdfsbase %0" : "=r"(base));
  return base;
}
inline void write_fs_base(u64 base) {
  asm volatile("wrfsbase %0" : : "r"(base));
}
/// The user's GS base while the kernel's is loaded. Interrupts must be off; an NMI in between is
/// harmless, since its entry trusts its stack, not GS.
inline u64 read_user_gs_base() {
  u64 base;
  asm volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base) : : "memory");
  return base;
}
inline void write_user_gs_base(u64 base) {
  asm volatile("swapgs; wrgsbase %0; swapgs" : : "r"(base) : "memory");
}

constexpr bool is_canonical(u64 address) {
  return static_cast<u64>(static_cast<i64>(address << 16) >> 16) == address;
}

}  // namespace vari::machine
