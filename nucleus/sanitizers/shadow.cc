// Maps shadow pages under a piece of heap that is about to be mapped. They stay: a chunk that the heap
// gives back and takes again finds its shadow, cleared.
#include "nucleus/sanitizers/shadow.h"

#include "nucleus/heap_sanitizer.h"
#include "nucleus/kernel_space.h"

namespace vari::nucleus {
namespace {

bool provide(KernelSpace& kernel, VirtualAddress page) {
  if (kernel.page_bytes_at(page)) {
    auto* words = reinterpret_cast<volatile u64*>(page.value);
    for (u64 i = 0; i < kPageBytes / sizeof(u64); ++i) words[i] = 0;
    return true;
  }
  const auto frame = kernel.frames().allocate();
  if (!frame) return false;
  if (kernel.map_page(page, *frame)) return true;
  kernel.frames().free(*frame);
  return false;
}

}  // namespace

bool heap_sanitizer_mapped(KernelSpace& kernel, void* begin, std::size_t bytes) {
  const auto heap = reinterpret_cast<u64>(begin);
  if (!in_heap(heap)) return true;
  for (u64 offset = 0; offset < bytes; offset += kHeapPerShadowPage)
    if (!provide(kernel, VirtualAddress{shadow_of(heap + offset)}.page())) return false;
  return true;
}

}  // namespace vari::nucleus
