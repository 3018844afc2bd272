// Walking a kernel stack by saved frame pointers, for panics: nothing is trusted.
#pragma once

#include "base/types.h"
#include "machine/x86_64/memory_layout.h"

namespace vari::machine {

struct StackFrame {
  u64 code;     // an address inside the function
  u64 pointer;  // its frame pointer: where the caller's is saved, and behind it the return address
};

/// The frame of the function that calls this.
[[gnu::always_inline]] inline StackFrame calling_frame() {
  const auto* frame = static_cast<const u64*>(__builtin_frame_address(0));
  return {frame[1] - 1, frame[0]};
}

/// To the caller's frame; false where the chain ends or is broken. Each frame must lie above the one before,
/// near it, and in the kernel's half. (What is in that half but not mapped would still fault.)
inline bool step_out(StackFrame& frame) {
  constexpr u64 kLongestStep = 64 * kKiB;
  if (frame.pointer < kDirectMap || !is_aligned(frame.pointer, 8)) return false;
  const auto* words = reinterpret_cast<const u64*>(frame.pointer);
  const u64 caller = words[0], return_address = words[1];
  if (return_address < kImageBase) return false;
  frame.code = return_address - 1;  // inside the call, not behind it
  const bool plausible = caller > frame.pointer && caller - frame.pointer <= kLongestStep;
  frame.pointer = plausible ? caller : 0;
  return true;
}

}  // namespace vari::machine
