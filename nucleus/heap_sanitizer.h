// What the heap tells a sanitizer of kernel memory, if one is linked in (debug builds, nucleus/sanitizers).
// Weak: without one each call is a test of an address against null.
#pragma once

#include <cstddef>

namespace vari::nucleus {

class KernelSpace;

/// `capacity` bytes lie at `memory`, of which the client asked for `bytes`: it may touch only these.
[[gnu::weak]] void heap_sanitizer_allocated(void* memory, std::size_t bytes, std::size_t capacity);
/// The client has given it back and may not touch it.
[[gnu::weak]] void heap_sanitizer_freed(void* memory, std::size_t capacity);
/// Heap addresses [begin, begin + bytes), multiples of 32 KiB, have been or will at once be mapped in
/// `kernel`: the sanitizer sees to their shadow and keeps it. False: no frames for it, the mapping must not
/// be used. May take the frames' and the kernel space's locks.
[[gnu::weak]] bool heap_sanitizer_mapped(KernelSpace& kernel, void* begin, std::size_t bytes);

inline void note_allocated(void* memory, std::size_t bytes, std::size_t capacity) {
  if (heap_sanitizer_allocated) heap_sanitizer_allocated(memory, bytes, capacity);
}
inline void note_freed(void* memory, std::size_t capacity) {
  if (heap_sanitizer_freed) heap_sanitizer_freed(memory, capacity);
}
inline bool note_mapped(KernelSpace& kernel, void* begin, std::size_t bytes) {
  return !heap_sanitizer_mapped || heap_sanitizer_mapped(kernel, begin, bytes);
}

/// The heap adds this to each request (and to the size given to free), so that a step past the end of an
/// object is not a step into its neighbour.
inline std::size_t red_zone_bytes() {
  return heap_sanitizer_allocated ? 16 : 0;
}

}  // namespace vari::nucleus
