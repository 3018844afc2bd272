// runtime::allocate() on the host is malloc, so that sanitizers see every object.
#include "runtime/port/linux/allocation.h"

#include <cstdlib>

#include "base/types.h"
#include "runtime/memory.h"
#include "runtime/port/linux/probe.h"

namespace vari::runtime {
namespace {
// The process's, not a machine's: tests of the host, outside rule 1.
constinit u64 allocations = 0;
constinit i64 live = 0;
constinit u64 fail_in = 0;
}  // namespace

namespace port {
bool allocation_permitted() {
  __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
  u64 left = __atomic_load_n(&fail_in, __ATOMIC_RELAXED);
  while (left != 0) {
    if (__atomic_compare_exchange_n(&fail_in, &left, left - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      return left != 1;
    }
  }
  return true;
}
void count_live(i64 difference) {
  __atomic_fetch_add(&live, difference, __ATOMIC_RELAXED);
}
}  // namespace port

u64 allocation_count() {
  return __atomic_load_n(&allocations, __ATOMIC_RELAXED);
}
i64 live_allocations() {
  return __atomic_load_n(&live, __ATOMIC_RELAXED);
}
void fail_allocation(u64 k) {
  __atomic_store_n(&fail_in, k, __ATOMIC_RELAXED);
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (!port::allocation_permitted()) return nullptr;
  void* memory = nullptr;
  if (::posix_memalign(&memory, alignment < sizeof(void*) ? sizeof(void*) : alignment, bytes) != 0)
    return nullptr;
  port::count_live(1);
  return memory;
}

void free(void* memory, std::size_t) noexcept {
  if (!memory) return;
  port::count_live(-1);
  ::free(memory);
}

}  // namespace vari::runtime
