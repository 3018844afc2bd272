// Model-specific registers that Vari uses (Intel SDM vol. 4), and their two instructions.
#pragma once

#include "base/types.h"

namespace vari::machine {

enum class Msr : u32 {
  ApicBase = 0x1b,
  TscDeadline = 0x6e0,
  Pat = 0x277,
  X2ApicBase = 0x800,  // + register offset / 16
  Efer = 0xc0000080,
  Star = 0xc0000081,
  LongStar = 0xc0000082,
  CompatibilityStar = 0xc0000083,
  SystemCallMask = 0xc0000084,
  FsBase = 0xc0000100,
  GsBase = 0xc0000101,
  KernelGsBase = 0xc0000102,
  TscAux = 0xc0000103,
};

inline constexpr u64 kEferSystemCalls = 1 << 0;
inline constexpr u64 kEferNoExecute = 1 << 11;
inline constexpr u64 kApicBaseEnable = 1 << 11;
inline constexpr u64 kApicBaseX2 = 1 << 10;

inline u64 read_msr(Msr msr) {
  u32 low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(static_cast<u32>(msr)));
  return u64{high} << 32 | low;
}
inline void write_msr(Msr msr, u64 value) {
  asm volatile("wrmsr"
               :
               : "c"(static_cast<u32>(msr)), "a"(static_cast<u32>(value)), "d"(static_cast<u32>(value >> 32))
               : "memory");
}

}  // namespace vari::machine
