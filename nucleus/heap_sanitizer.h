// What the heap tells a sanitizer of kernel memory, if one is linked in (debug builds). Weak: without
// one each call is a test of an address against null.
#pragma once

#include <cstddef>

namespace vari::nucleus {

/// `capacity` bytes lie at `memory`, of which the client asked for `bytes`: it may touch only these.
[[gnu::weak]] void heap_sanitizer_allocated(void* memory, std::size_t bytes, std::size_t capacity);
/// The client has given it back and may not touch it.
[[gnu::weak]] void heap_sanitizer_freed(void* memory, std::size_t capacity);
/// Kernel addresses [begin, begin + bytes) have been mapped for heap or stacks (or are about to go):
/// the sanitizer sees to their shadow. False: no frames for it, the mapping must not be used.
[[gnu::weak]] bool heap_sanitizer_mapped(void* begin, std::size_t bytes);

inline void note_allocated(void* memory, std::size_t bytes, std::size_t capacity) {
  if (heap_sanitizer_allocated) heap_sanitizer_allocated(memory, bytes, capacity);
}
inline void note_freed(void* memory, std::size_t capacity) {
  if (heap_sanitizer_freed) heap_sanitizer_freed(memory, capacity);
}
inline bool note_mapped(void* begin, std::size_t bytes) {
  return !heap_sanitizer_mapped || heap_sanitizer_mapped(begin, bytes);
}

}  // namespace vari::nucleus
