// Panics on purpose: each ends the machine, so each runs in a boot of its own ("test=NAME").
#include "base/assert.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/ports.h"
#include "nucleus/panic.h"
#include "runtime/port.h"
#include "runtime/thread.h"
#include "tests/kernel/await.h"
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

// The negative control of the suite's comparison of the two logs.
KERNEL_TEST(planted_line_on_the_serial_line_alone) {
  constexpr u16 kCom1 = 0x3f8;
  for (const char character : std::string_view("planted: the serial line alone\n"))
    machine::write_port8(kCom1, static_cast<u8>(character));
  nucleus::panic("planted");
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

namespace {

void arrive(void* arrived) {
  __atomic_fetch_add(static_cast<u32*>(arrived), 1, __ATOMIC_RELEASE);
}

[[gnu::noinline]] void spin_for_the_report(void* arrived) {
  arrive(arrived);
  for (;;) machine::pause();
}

[[gnu::noinline]] void spin_deaf_for_the_report(void* arrived) {
  machine::disable_interrupts();
  arrive(arrived);
  for (;;) machine::pause();
}

void panic_here(void*) {
  nucleus::panic("planted on core 2");
}

bool start_on(u32 core, void (*function)(void*), u32& arrived) {
  return runtime::Thread::start(function, &arrived,
                                {.name = "planted", .affinity = runtime::CpuSet::only(CpuId{core})})
      .has_value();
}

}  // namespace

// Needs four cores: 0 idle, 1 busy, 2 panics, 3 busy with interrupts off. Each one's stack must be in the
// report.
KERNEL_TEST(planted_panic_on_core_2) {
  u32 arrived = 0;  // atomic
  EXPECT(start_on(1, spin_for_the_report, arrived));
  EXPECT(start_on(3, spin_deaf_for_the_report, arrived));
  EXPECT(await([&] { return __atomic_load_n(&arrived, __ATOMIC_ACQUIRE) == 2; }));
  EXPECT(start_on(2, panic_here, arrived));
  (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 60 * kSecond);
}

}  // namespace vari::kernel_tests
