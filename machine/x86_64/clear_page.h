// Zeroing a frame: one string instruction, which the processor turns into whole cache lines.
#pragma once

#include "base/types.h"

namespace vari::machine {

/// `memory` is 8-byte aligned, `bytes` a multiple of 8. The direction flag is clear in all kernel code.
inline void clear_memory(void* memory, u64 bytes) {
  u64 words = bytes / 8;
  asm volatile("rep stosq" : "+D"(memory), "+c"(words) : "a"(0) : "memory");
}
inline void clear_page(void* page) {
  clear_memory(page, kPageBytes);
}

}  // namespace vari::machine
