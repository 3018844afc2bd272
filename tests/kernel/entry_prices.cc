// The three ways into a kernel side by side (K11): SYSCALL, SYSENTER and a software interrupt, there and back
// by Context::run(). Instructions where QEMU counts them; what the processor does inside one is not seen.
#include "machine/x86_64/core_area_offsets.h"
#include "machine/x86_64/msr.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"
#include "tests/kernel/user_program.h"

namespace vari::kernel_tests {
namespace {

extern "C" const u8 user_call_loop[], user_interrupt_loop[], user_sysenter_loop[];
extern "C" void sysenter_entry();

constexpr u64 kRounds = 1000;
constexpr machine::Msr kSysenterSegment{0x174}, kSysenterStack{0x175}, kSysenterEntry{0x176};

/// Ticks of a round trip; 0: it did not come as `kind`.
u64 round_trip(Test& test, const u8* entry, TrapKind kind) {
  UserProgram program(test, entry);
  program.registers().rdi = ~u64{0};
  Context& context = program.context();
  if (context.run() != kind) return 0;
  u64 others = 0;
  const u64 before = machine::read_tsc();
  for (u64 i = 0; i < kRounds; ++i) others += context.run() != kind;
  const u64 ticks = machine::read_tsc() - before;
  EXPECT(others == 0);
  return ticks / kRounds;
}

/// SYSENTER for a scope, on the calling core.
class SysenterOpen {
 public:
  SysenterOpen() {
    machine::write_msr(kSysenterSegment, KERNEL_CODE_SELECTOR);
    machine::write_msr(kSysenterStack, 0);
    machine::write_msr(kSysenterEntry, reinterpret_cast<u64>(&sysenter_entry));
  }
  ~SysenterOpen() {
    machine::write_msr(kSysenterSegment, 0);
    machine::write_msr(kSysenterEntry, 0);
  }
  SysenterOpen(const SysenterOpen&) = delete;
};

/// In 64-bit mode only Intel's processors, and QEMU's by that name, have it.
bool has_sysenter() {
  return machine::cpuid(0).ebx == 0x756e6547;  // "Genu"
}

}  // namespace

KERNEL_TEST(entries_have_their_prices) {
  OnCore here(CpuId{0});
  const u64 syscall = round_trip(test, user_call_loop, TrapKind::SystemCall);
  const u64 interrupt = round_trip(test, user_interrupt_loop, TrapKind::Exception);
  EXPECT(syscall != 0 && interrupt != 0);
  test.figure("entry_by_syscall_ticks", syscall);
  test.figure("entry_by_interrupt_ticks", interrupt);
  u64 sysenter = 0;
  if (has_sysenter()) {
    SysenterOpen open;
    sysenter = round_trip(test, user_sysenter_loop, TrapKind::SystemCall);
    EXPECT(sysenter != 0);
    test.figure("entry_by_sysenter_ticks", sysenter);
  }
  if (!counts_instructions()) return;
  EXPECT(syscall < interrupt);
  EXPECT(!has_sysenter() || syscall < sysenter);
}

// As kernels leave it, SYSENTER is no way in.
KERNEL_TEST(sysenter_is_closed) {
  OnCore here(CpuId{0});
  UserProgram program(test, user_sysenter_loop);
  EXPECT(program.context().run() == TrapKind::Exception);
  const u8 vector = program.context().trap().vector;
  EXPECT(vector == 13 || vector == 6);  // no segment for it, or no such instruction
}

}  // namespace vari::kernel_tests
