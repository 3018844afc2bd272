// The kernel's half of every address space. Assembly and the linker script repeat kImageBase.
//
//   slot 256…  ffff8000'00000000  direct map of all physical memory (1 GiB or 2 MiB pages)
//   slot 384   ffffc000'00000000  kernel heap, 2 MiB pages
//   slot 400   ffffc800'00000000  kernel stacks, each with an unmapped guard page below it
//   slot 416   ffffd000'00000000  device registers and firmware tables outside the direct map
//   slot 432   ffffd800'00000000  KASan shadow of heap and stacks (debug)
//   slot 509   fffffe80'00000000  a second, foreign page table, by recursion (unused: foreign tables are
//                                 walked through the direct map)
//   slot 510   ffffff00'00000000  the page tables themselves, by recursion
//   slot 511   ffffffff'80000000  the kernel image, physical 0 at this address
//
// All kernel slots of the root table are filled when the first address space is made, so a kernel
// mapping added later is seen in all of them without a walk over them.
#pragma once

#include "base/types.h"

namespace vari::machine {

inline constexpr u64 kDirectMap = 0xffff'8000'0000'0000;
inline constexpr u64 kHeapBegin = 0xffff'c000'0000'0000;
inline constexpr u64 kStacksBegin = 0xffff'c800'0000'0000;
inline constexpr u64 kDevicesBegin = 0xffff'd000'0000'0000;
inline constexpr u64 kShadowBegin = 0xffff'd800'0000'0000;
inline constexpr unsigned kRecursiveSlot = 510;
inline constexpr u64 kRecursiveBegin = 0xffff'ff00'0000'0000;
inline constexpr u64 kImageBase = 0xffff'ffff'8000'0000;

/// What the boot path guarantees on entry to kmain: physical [0, kBootMapped) is mapped at 0 (identity),
/// at kDirectMap and, its first GiB, at kImageBase, by 2 MiB pages; the root table has its recursive slot.
inline constexpr u64 kBootMapped = 4 * kGiB;

}  // namespace vari::machine
