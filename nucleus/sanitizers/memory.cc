// The compilers' calls before each access to memory (-fsanitize=kernel-address, all checks outlined).
//
// Only heap addresses are checked. Each 8 bytes of heap have one shadow byte: 0, all may be used; 1 to 7,
// only the first so many; above, none. The shadow of a heap chunk is mapped before the chunk is
// (heap_sanitizer_mapped), so a check never faults where the access itself would not. Stacks, globals and
// the direct map are not covered: the nucleus guards its stacks by unmapped pages.
//
// The heap itself is built without these calls (cmake/rooms.cmake): it keeps its lists in freed memory.
#include "base/types.h"
#include "machine/x86_64/memory_layout.h"
#include "nucleus/heap_sanitizer.h"
#include "nucleus/sanitizers/report.h"
#include "nucleus/sanitizers/shadow.h"

namespace vari::nucleus {
namespace {

using Shadow = volatile u8;

const char* kind_of(u8 shadow) {
  if (shadow == kFreedShadow) return "heap memory used after it was freed";
  return "heap memory used past the end of its object";
}

void check(u64 address, u64 bytes, u64 code) {
  if (!in_heap(address)) return;
  // Objects begin on 8 bytes, so an access is sound if each 8-byte piece that it touches is.
  const u64 last = address + bytes - 1;
  for (u64 piece = align_down(address, kGranule); piece <= last; piece += kGranule) {
    const u8 shadow = *reinterpret_cast<Shadow*>(shadow_of(piece));
    if (shadow == 0) [[likely]]
      continue;
    const u64 end = (last < piece + kGranule - 1 ? last : piece + kGranule - 1) - piece + 1;
    if (shadow < kGranule && end <= shadow) continue;
    return sanitizer_report(kind_of(shadow), nullptr, 0, code);
  }
}

void fill(u64 address, u64 bytes, u8 value) {
  auto* at = reinterpret_cast<Shadow*>(shadow_of(address));
  for (u64 i = 0; i < bytes / kGranule; ++i) at[i] = value;
}

u64 number(const void* pointer) {
  return reinterpret_cast<u64>(pointer);
}

}  // namespace

void heap_sanitizer_allocated(void* memory, std::size_t bytes, std::size_t capacity) {
  if (!in_heap(number(memory))) return;
  const u64 whole = align_down(bytes, kGranule);
  fill(number(memory), whole, 0);
  if (whole == align_down(capacity, kGranule)) return;
  fill(number(memory) + whole, capacity - whole, kRedZoneShadow);
  if (bytes != whole)
    *reinterpret_cast<Shadow*>(shadow_of(number(memory) + whole)) = static_cast<u8>(bytes - whole);
}

void heap_sanitizer_freed(void* memory, std::size_t capacity) {
  if (in_heap(number(memory))) fill(number(memory), capacity, kFreedShadow);
}

}  // namespace vari::nucleus

using vari::u64;
using vari::nucleus::check;
using vari::nucleus::number;

#define CALLER reinterpret_cast<u64>(__builtin_return_address(0))

#define CHECKS(bytes)                                          \
  extern "C" void __asan_load##bytes##_noabort(u64 address) {  \
    check(address, bytes, CALLER);                             \
  }                                                            \
  extern "C" void __asan_store##bytes##_noabort(u64 address) { \
    check(address, bytes, CALLER);                             \
  }
CHECKS(1)
CHECKS(2)
CHECKS(4)
CHECKS(8)
CHECKS(16)
#undef CHECKS

extern "C" {

void __asan_loadN_noabort(u64 address, u64 bytes) {
  if (bytes) check(address, bytes, CALLER);
}
void __asan_storeN_noabort(u64 address, u64 bytes) {
  if (bytes) check(address, bytes, CALLER);
}
void __asan_handle_no_return() {}

// The linker puts these in front of the real ones (--wrap), since compilers call mem* without a check.
void* __real_memcpy(void* to, const void* from, std::size_t bytes);
void* __real_memmove(void* to, const void* from, std::size_t bytes);
void* __real_memset(void* to, int value, std::size_t bytes);

void* __wrap_memcpy(void* to, const void* from, std::size_t bytes) {
  if (bytes) {
    check(number(from), bytes, CALLER);
    check(number(to), bytes, CALLER);
  }
  return __real_memcpy(to, from, bytes);
}
void* __wrap_memmove(void* to, const void* from, std::size_t bytes) {
  if (bytes) {
    check(number(from), bytes, CALLER);
    check(number(to), bytes, CALLER);
  }
  return __real_memmove(to, from, bytes);
}
void* __wrap_memset(void* to, int value, std::size_t bytes) {
  if (bytes) check(number(to), bytes, CALLER);
  return __real_memset(to, value, bytes);
}

}  // extern "C"
