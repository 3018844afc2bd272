// CR3 is written only where the address space changes (C17): each write empties the TLB. Counted in the one
// place that writes it, AddressSpace, by core.
#include "nucleus/processor.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"
#include "tests/kernel/user_program.h"

namespace vari::kernel_tests {
namespace {

extern "C" const u8 user_call_loop[];
constexpr u32 kRounds = 500;
constexpr CpuId kHere{0};

u64 root_loads(Test& test) {
  return test.processors().at(kHere).memory.root_loads;
}

/// A thread that runs a context for one system call, or none, and lets the other one run.
struct Player {
  Context* context = nullptr;  // null: a thread of the kernel
  u64 calls = 0;
};

void play(void* argument) {
  auto& player = *static_cast<Player*>(argument);
  for (u32 i = 0; i < kRounds; ++i) {
    if (player.context && player.context->run() == TrapKind::SystemCall) ++player.calls;
    runtime::Thread::yield();
  }
}

/// CR3 loads while two threads of one core take turns.
u64 loads_of_turns(Test& test, Context* first, Context* second) {
  Player players[2] = {{first}, {second}};
  Ref<runtime::Thread> threads[2];
  const u64 switches = test.processors().at(kHere).scheduler->statistics().switches;
  const u64 before = root_loads(test);
  for (int i = 0; i < 2; ++i) {
    auto thread = runtime::Thread::start(play, &players[i],
                                         {.name = "player", .affinity = runtime::CpuSet::only(kHere)});
    EXPECT(thread.has_value());
    if (thread) threads[i] = *thread;
  }
  for (auto& thread : threads) {
    if (thread) thread->join();
  }
  for (const auto& player : players) EXPECT(!player.context || player.calls == kRounds);
  EXPECT(test.processors().at(kHere).scheduler->statistics().switches - switches >= 2 * kRounds - 20);
  return root_loads(test) - before;
}

/// Another context of the program's domain, which makes calls without end.
Ref<Context> companion(UserProgram& program) {
  auto context = nucleus::Context::create(program.domain());
  if (!context) return {};
  (*context)->registers() = program.registers();
  return *context;
}

}  // namespace

KERNEL_TEST(calls_load_no_root_table) {
  OnCore here(kHere);
  UserProgram program(test, user_call_loop);
  program.registers().rdi = ~u64{0};
  EXPECT(program.context().run() == TrapKind::SystemCall);
  const u64 before = root_loads(test);
  for (u32 i = 0; i < kRounds; ++i) EXPECT(program.context().run() == TrapKind::SystemCall);
  EXPECT(root_loads(test) == before);
}

KERNEL_TEST(switches_within_a_domain_load_no_root_table) {
  OnCore here(kHere);
  UserProgram program(test, user_call_loop), stranger(test, user_call_loop);
  program.registers().rdi = stranger.registers().rdi = ~u64{0};
  auto other = companion(program);
  EXPECT(program.ready() && stranger.ready() && other);
  if (!other) return;
  const u64 within = loads_of_turns(test, &program.context(), other.get());
  const u64 with_the_kernel = loads_of_turns(test, &program.context(), nullptr);
  const u64 between = loads_of_turns(test, &program.context(), &stranger.context());
  test.figure("cr3_loads_of_1000_turns_within_a_domain", within);
  test.figure("cr3_loads_of_1000_turns_with_a_kernel_thread", with_the_kernel);
  test.figure("cr3_loads_of_1000_turns_between_domains", between);
  EXPECT(within <= 2);
  EXPECT(with_the_kernel <= 2);
  // The negative control: the counter sees the writes that are needed.
  EXPECT(between >= 2 * kRounds - 20 && between <= 2 * kRounds + 20);
}

}  // namespace vari::kernel_tests
