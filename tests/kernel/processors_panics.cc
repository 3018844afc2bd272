// Panics on purpose: each ends the machine, so each runs in a boot of its own ("test=NAME").
#include "base/assert.h"
#include "runtime/thread.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {

KERNEL_TEST(planted_assertion) {
  EXPECT((ASSERT(!"planted"), true));
}

KERNEL_TEST(planted_null_pointer) {
  volatile u64* nowhere = nullptr;
  asm volatile("" : "+r"(nowhere));
  *nowhere = 1;
}

namespace {

[[gnu::noinline]] u64 descend(u64 depth) {
  volatile u64 filler[64] = {depth};
  asm volatile("" : : "r"(filler) : "memory");
  if (filler[0] != depth) return depth;  // never; the compiler can't know
  return descend(depth + 1) + filler[0];
}

}  // namespace

KERNEL_TEST(planted_stack_overflow) {
  EXPECT(descend(0) != 0);
}

}  // namespace vari::kernel_tests
