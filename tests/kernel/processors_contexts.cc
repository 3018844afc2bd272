// Contexts: every register there and back, each kind of trap, interruption from another core, vector
// state and segment bases over switches, and input that must not hurt the kernel.
#include <algorithm>

#include "machine/x86_64/cpu.h"
#include "nucleus/preemption.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/await.h"
#include "tests/kernel/user_program.h"

namespace vari::kernel_tests {
namespace {

extern "C" const u8 user_all_registers[], user_call_loop[], user_exceptions[], user_faults[], user_spin[],
    user_vectors[], user_fs[], user_single_step[];

constexpr u64 kDirection = 1 << 10;

bool is_exception(Context& context, TrapKind kind, u8 vector) {
  return kind == TrapKind::Exception && context.trap().vector == vector;
}

}  // namespace

KERNEL_TEST(context_keeps_registers) {
  UserProgram program(test, user_all_registers);
  EXPECT(program.ready());
  EXPECT(program.context().run() == TrapKind::SystemCall);
  Registers& r = program.registers();
  EXPECT(r.rax == 0x1001 && r.rbx == 0x1002 && r.rdx == 0x1004 && r.rsi == 0x1005 && r.rdi == 0x1006);
  EXPECT(r.rbp == 0x1007 && r.r8 == 0x1008 && r.r9 == 0x1009 && r.r10 == 0x100a && r.r12 == 0x100c);
  EXPECT(r.r13 == 0x100d && r.r14 == 0x100e && r.r15 == 0x100f);
  EXPECT(r.rcx == r.rip && r.r11 == r.rflags);
  EXPECT(r.rsp == UserProgram::kStack.value + kPageBytes);
  EXPECT(r.rflags & kDirection);
  EXPECT(!(machine::read_flags() & kDirection));
  EXPECT(machine::interrupts_enabled());
  r.rax = 5;
  EXPECT(program.context().run() == TrapKind::SystemCall);
  EXPECT(r.rax == 5 + 0x1002);
  // By IRETQ: rcx and r11 as they are wanted.
  r.rcx = 0x77;
  r.r11 = 0x88;
  EXPECT(is_exception(program.context(), program.context().run(), 6));
  EXPECT(r.rcx == 0x77 && r.r11 == 0x88 && r.r15 == 0x100f);
}

KERNEL_TEST(context_exceptions) {
  UserProgram program(test, user_exceptions);
  Context& context = program.context();
  Registers& r = program.registers();
  EXPECT(is_exception(context, context.run(), 3));
  EXPECT(is_exception(context, context.run(), 0));
  r.rip += 2;  // over the division
  EXPECT(is_exception(context, context.run(), 6));
  r.rip += 2;
  EXPECT(is_exception(context, context.run(), 13));
  EXPECT(context.trap().error_code & 2);  // "from the interrupt table"; QEMU 7.2 scales the index wrongly
  r.rip += 2;
  EXPECT(is_exception(context, context.run(), 13));
}

KERNEL_TEST(context_page_faults) {
  UserProgram program(test, user_faults);
  Context& context = program.context();
  Registers& r = program.registers();
  EXPECT(context.run() == TrapKind::PageFault);
  EXPECT(context.trap().address.value == 0x700123 && !context.trap().present);
  EXPECT(context.trap().access == Access::Read);
  r.rip += 2;
  EXPECT(context.run() == TrapKind::PageFault);
  EXPECT(context.trap().address.value == 0x400000 && context.trap().present);
  EXPECT(context.trap().access == Access::Write);
  r.rip += 3;
  EXPECT(context.run() == TrapKind::PageFault);
  EXPECT(context.trap().address.value == 0x600000 && context.trap().access == Access::Execute);
}

// Whatever the registers hold, the kernel stays in command.
KERNEL_TEST(context_hostile_registers) {
  UserProgram program(test, user_spin);
  Context& context = program.context();
  Registers& r = program.registers();
  const u64 entry = r.rip;
  r.rip = 0x8000'0000'0000;
  EXPECT(is_exception(context, context.run(), 13));
  r.rip = r.rcx = ~u64{0} << 47;
  r.rflags = r.r11 = 0x202;
  EXPECT(is_exception(context, context.run(), 13));
  r.rip = Domain::kUserEnd.value;  // user half, never mapped
  EXPECT(context.run() == TrapKind::PageFault);
  // IOPL, NT, VM, interrupts off: forced away; then it spins, so interrupt it first.
  r.rip = entry;
  r.rflags = ~u64{0} & ~u64{0x100};
  context.interrupt();
  EXPECT(context.run() == TrapKind::Interrupted);
  r.rip = entry + 0x1000;  // absent page: comes back at once
  EXPECT(context.run() == TrapKind::PageFault);
  EXPECT((r.rflags & 0x3000) == 0 && (r.rflags & 0x4000) == 0 && (r.rflags & 0x200) != 0);
  // Bases that the processor would refuse.
  r.rflags = 0x202;
  context.all_registers().fs_base = 0x8000'0000'0000'0000;
  context.all_registers().gs_base = 0x0001'0000'0000'0000;
  EXPECT(context.run() == TrapKind::PageFault);
  r.rsp = 0x8000'0000'0000'0001;
  EXPECT(context.run() == TrapKind::PageFault);
}

KERNEL_TEST(context_single_step) {
  UserProgram program(test, user_single_step);
  Context& context = program.context();
  EXPECT(is_exception(context, context.run(), 1));
  // The system call is entered with TF cleared, and gives it back to the program.
  EXPECT(context.run() == TrapKind::SystemCall);
  EXPECT(program.registers().rflags & 0x100);
}

KERNEL_TEST(context_fs_base) {
  UserProgram program(test, user_fs);
  program.data()[0] = 0xabcd;
  program.data()[1] = 0xef01;
  program.registers().fs_base = UserProgram::kData.value;
  EXPECT(program.context().run() == TrapKind::SystemCall);
  EXPECT(program.registers().rax == 0xabcd);
  EXPECT(program.context().all_registers().fs_base == UserProgram::kData.value);
  program.context().all_registers().fs_base = UserProgram::kData.value + 8;
  EXPECT(program.context().run() == TrapKind::SystemCall);
  EXPECT(program.registers().rax == 0xef01);
}

namespace {

struct Interruption {
  Context& context;
  volatile u64* counter;
};

void interrupt_when_it_runs(void* argument) {
  auto& interruption = *static_cast<Interruption*>(argument);
  while (*interruption.counter < 1000) runtime::Thread::yield();
  interruption.context.interrupt();
}

}  // namespace

// A context that spins is stopped by a thread of the same core (by preemption) or of another (by IPI).
KERNEL_TEST(context_interrupt) {
  for (u32 round = 0; round < 20; ++round) {
    UserProgram program(test, user_spin);
    Interruption interruption{program.context(), program.data()};
    auto thread = runtime::Thread::start(interrupt_when_it_runs, &interruption, {.name = "interrupter"});
    EXPECT(thread.has_value());
    if (!thread) return;
    EXPECT(program.context().run() == TrapKind::Interrupted);
    (*thread)->join();
  }
}

namespace {

struct OwnedUserProgram : UserProgram, runtime::Allocated {
  using UserProgram::UserProgram;
};

struct VectorProgram {
  UserProgram* program = nullptr;
  u64 rounds = 0;     // atomic
  bool stop = false;  // atomic
  bool broken = false;
};

void run_vectors(void* argument) {
  auto& self = *static_cast<VectorProgram*>(argument);
  while (!__atomic_load_n(&self.stop, __ATOMIC_ACQUIRE)) {
    if (self.program->context().run() != TrapKind::Interrupted) self.broken = true;
    if (self.broken) return;
    __atomic_fetch_add(&self.rounds, 1, __ATOMIC_RELAXED);
  }
}

}  // namespace

// More contexts than cores, each with vector registers of its own, preempted, interrupted and moved as it
// comes.
KERNEL_TEST(context_vectors_are_kept) {
  constexpr u32 kPrograms = 6;
  VectorProgram runs[kPrograms];
  Ref<runtime::Thread> threads[kPrograms];
  for (u32 i = 0; i < kPrograms; ++i) {
    auto program = runtime::make_owned<OwnedUserProgram>(test, user_vectors);
    EXPECT(program.has_value() && (*program)->ready());
    if (!program) return;
    runs[i].program = program->leak();
    runs[i].program->registers().rdi = 0x1111'1111'1111'1111 * (i + 1);
    auto thread = runtime::Thread::start(run_vectors, &runs[i], {.name = "vectors"});
    EXPECT(thread.has_value());
    if (thread) threads[i] = *thread;
  }
  u32 round = 0;
  EXPECT(await([&] {
    for (auto& run : runs) run.program->context().interrupt();
    return ++round >= 60 && std::ranges::all_of(runs, [](const VectorProgram& run) {
      return __atomic_load_n(&run.rounds, __ATOMIC_RELAXED) > 0 && *run.program->data() > 0;
    });
  }));
  for (u32 i = 0; i < kPrograms; ++i) {
    __atomic_store_n(&runs[i].stop, true, __ATOMIC_RELEASE);
    runs[i].program->context().interrupt();
    if (threads[i]) threads[i]->join();
    EXPECT(!runs[i].broken);
    EXPECT(runs[i].rounds > 0);
    EXPECT(runs[i].program->data()[0] > 0);
    delete static_cast<OwnedUserProgram*>(runs[i].program);
  }
}

KERNEL_TEST(context_vector_state_is_checked) {
  UserProgram program(test, user_spin);
  Context& context = program.context();
  alignas(64) u8 state[4096] = {};
  const std::size_t bytes = context.vector_state_bytes();
  EXPECT(bytes >= 512 && bytes <= sizeof state);
  context.save_vector_state({state, bytes});
  EXPECT(context.restore_vector_state({state, bytes}).has_value());
  EXPECT(context.restore_vector_state({state, 512}).has_value());
  EXPECT(!context.restore_vector_state({state, bytes - 1}).has_value());
  state[27] = 0x80;  // MXCSR, a reserved bit
  EXPECT(!context.restore_vector_state({state, bytes}).has_value());
  state[27] = 0;
  if (bytes > 512) {
    state[512 + 7] = 0x80;  // XSTATE_BV: a component that nobody has
    EXPECT(!context.restore_vector_state({state, bytes}).has_value());
    state[512 + 7] = 0;
    state[512 + 15] = 0x80;  // XCOMP_BV: the compacted format
    EXPECT(!context.restore_vector_state({state, bytes}).has_value());
    state[512 + 15] = 0;
    state[512 + 40] = 1;  // reserved
    EXPECT(!context.restore_vector_state({state, bytes}).has_value());
  }
}

// A figure: instructions under icount, else nanoseconds of whatever the host is.
KERNEL_TEST(context_call_cost) {
  UserProgram program(test, user_call_loop);
  constexpr u64 kRounds = 10'000;
  program.registers().rdi = ~u64{0};
  Context& context = program.context();
  (void)context.run();
  const u64 before = machine::read_tsc();
  for (u64 i = 0; i < kRounds; ++i) EXPECT(context.run() == TrapKind::SystemCall);
  test.figure("call_round_trip_tsc_per_1000", (machine::read_tsc() - before) * 1000 / kRounds);
}

}  // namespace vari::kernel_tests
