// What vari_switch_stacks (switch_x86_64.S) leaves on a stack, and how a new stack is laid out so that
// the first switch to it enters a function.
#pragma once

#include <cstddef>

#include "base/types.h"
#include "runtime/port.h"

namespace vari::runtime::port {

extern "C" void vari_switch_stacks(void** save, void* load);
extern "C" void vari_thread_start();

/// From low to high addresses, as popped.
struct SwitchFrame {
  u64 r15, r14, r13, r12, rbx, rbp;
  void (*return_address)();
  u64 unused;  // keeps the top aligned: at vari_thread_start the stack pointer is a multiple of 16
};
static_assert(offsetof(SwitchFrame, return_address) == 48);
static_assert(sizeof(SwitchFrame) % 16 == 0);

inline void* lay_out_stack(Stack stack, void (*entry)(void*), void* argument) {
  const u64 top = align_down(reinterpret_cast<u64>(stack.base) + stack.bytes, 16);
  // The return pops 8 bytes: what remains above, `unused` and 8 more, is 16 bytes.
  auto* frame = reinterpret_cast<SwitchFrame*>(top - sizeof(SwitchFrame) - 8);
  *frame = SwitchFrame{};
  frame->r12 = reinterpret_cast<u64>(entry);
  frame->r13 = reinterpret_cast<u64>(argument);
  frame->return_address = &vari_thread_start;
  return frame;
}

}  // namespace vari::runtime::port
