// The process model, as kernels log it (nucleus/thread_model.h; E08, E09): a stack a thread, its size, its
// guard page, and what a blocked thread costs in all.
#include "nucleus/thread_model.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"

namespace vari::kernel_tests {
namespace {

constexpr u32 kThreads = 512;
constexpr u64 kStackBytes = 16 * kKiB;

struct Crowd {
  runtime::Semaphore gate, done;
  u32 arrived = 0;  // atomic
};

void wait_at_the_gate(void* argument) {
  auto& crowd = *static_cast<Crowd*>(argument);
  __atomic_fetch_add(&crowd.arrived, 1, __ATOMIC_RELEASE);
  (void)crowd.gate.wait();
  crowd.done.signal();
}

u64 bytes_in_use(Test& test) {
  auto& memory = test.memory();
  const auto heap = memory.heap().statistics();
  return (memory.frames().total_frames() - memory.frames().free_frames()) * kPageBytes - heap.free_page_bytes;
}

struct Turns {
  u64 ticks = 0;
  u32 rounds;
};

void take_turns(void* argument) {
  auto& turns = *static_cast<Turns*>(argument);
  const u64 before = machine::read_tsc();
  for (u32 i = 0; i < turns.rounds; ++i) runtime::Thread::yield();
  turns.ticks = machine::read_tsc() - before;
}

}  // namespace

KERNEL_TEST(a_blocked_thread_is_a_stack_and_little_more) {
  EXPECT(std::string_view(nucleus::ProcessModel::kStack).starts_with("16 KiB"));
  Crowd crowd;
  Ref<runtime::Thread> threads[kThreads];
  const u64 before = bytes_in_use(test);
  for (auto& slot : threads) {
    auto thread = runtime::Thread::start(wait_at_the_gate, &crowd, {.name = "blocked"});
    EXPECT(thread.has_value());
    if (thread) slot = *thread;
  }
  while (__atomic_load_n(&crowd.arrived, __ATOMIC_ACQUIRE) < kThreads) {
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kMillisecond);
  }
  const u64 each = (bytes_in_use(test) - before) / kThreads;
  test.figure("bytes_a_blocked_thread", each);
  EXPECT(each < kStackBytes + 2 * kKiB);
  // Cores keep some stacks of ended threads at hand; where there are many cores, these serve part of the
  // crowd.
  if (test.processors().count() <= 4) EXPECT(each > kStackBytes - kKiB);
  for (const auto& thread : threads) {
    const auto stack = thread->stack();
    EXPECT(stack.bytes == kStackBytes);
    const VirtualAddress bottom{reinterpret_cast<u64>(stack.base)};
    EXPECT(test.memory().kernel().page_bytes_at(bottom) == kPageBytes);
    EXPECT(test.memory().kernel().page_bytes_at(bottom - 1) == 0);
  }
  crowd.gate.signal(kThreads);
  for (u32 i = 0; i < kThreads; ++i) (void)crowd.done.wait();
  for (auto& thread : threads) thread->join();
}

KERNEL_TEST(a_switch_has_a_price) {
  constexpr u32 kRounds = 1000;
  Turns turns[2] = {{0, kRounds}, {0, kRounds}};
  Ref<runtime::Thread> threads[2];
  for (int i = 0; i < 2; ++i) {
    auto thread = runtime::Thread::start(take_turns, &turns[i],
                                         {.name = "turns", .affinity = runtime::CpuSet::only(CpuId{0})});
    EXPECT(thread.has_value());
    if (thread) threads[i] = *thread;
  }
  for (auto& thread : threads) {
    if (thread) thread->join();
  }
  const u64 each = turns[0].ticks / (2 * kRounds);
  test.figure("switch_ticks", each);
  if (counts_instructions()) EXPECT(each < 600);
}

}  // namespace vari::kernel_tests
