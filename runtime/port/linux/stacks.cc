// Stacks of threads: mapped, with a page below that faults, and larger than asked for, since the
// sanitizers' frames and the C library's are.
#include <sys/mman.h>

#include "runtime/port.h"
#include "runtime/port/linux/probe.h"
#include "runtime/port/linux/sanitizers.h"

namespace vari::runtime::port {
namespace {
constexpr std::size_t kLeastBytes = 256 * kKiB;
}

Result<Stack> allocate_stack(std::size_t bytes) {
  if (!allocation_permitted()) return std::unexpected(Error::OutOfMemory);
  bytes = align_up(bytes < kLeastBytes ? kLeastBytes : bytes, kPageBytes);
  void* mapped = ::mmap(nullptr, bytes + kPageBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapped == MAP_FAILED) return std::unexpected(Error::OutOfMemory);
  ::mprotect(mapped, kPageBytes, PROT_NONE);
  count_live(1);
  const Stack stack{static_cast<u8*>(mapped) + kPageBytes, bytes};
  forget_stack(stack);
  return stack;
}

void free_stack(Stack stack) {
  forget_stack(stack);
  ::munmap(static_cast<u8*>(stack.base) - kPageBytes, stack.bytes + kPageBytes);
  count_live(-1);
}

}  // namespace vari::runtime::port
