// The paths that a loaded machine takes most, as the hints fastpath() and slowpath() mean them (KOS paper,
// section 4.9; K61). The suite compares this kernel's figure with that of one whose hints are swapped.
#include "nucleus/domain.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"

namespace vari::kernel_tests {
namespace {

constexpr u32 kRounds = 200;
constexpr VirtualAddress kPage{0x30'0000'0000};

struct Free final : Domain::Visitor {
  explicit Free(nucleus::FrameManager& frames) : frames(frames) {}
  void visit(VirtualAddress, const Mapping& mapping) override { frames.free(mapping.frame); }
  nucleus::FrameManager& frames;
};

/// Blocks, wakes, is woken: two threads of one core that is never idle.
struct Pair {
  runtime::Semaphore ping, pong;
  runtime::Mutex mutex;
};

void answer(void* argument) {
  auto& pair = *static_cast<Pair*>(argument);
  for (u32 i = 0; i < kRounds; ++i) {
    (void)pair.ping.wait();
    pair.pong.signal();
  }
}

u64 blocking(Test& test) {
  Pair pair;
  auto thread =
      runtime::Thread::start(answer, &pair, {.name = "answer", .affinity = runtime::CpuSet::only(CpuId{0})});
  EXPECT(thread.has_value());
  if (!thread) return 0;
  const u64 before = machine::read_tsc();
  for (u32 i = 0; i < kRounds; ++i) {
    runtime::Guard guard(pair.mutex);
    pair.ping.signal();
    (void)pair.pong.wait();
  }
  const u64 ticks = machine::read_tsc() - before;
  (*thread)->join();
  return ticks;
}

u64 memory(Test& test) {
  auto& frames = test.memory().frames();
  auto domain = nucleus::DomainWith<nucleus::SynchronousTlb>::create(test.memory(), test.tlb());
  EXPECT(domain.has_value());
  if (!domain) return 0;
  nucleus::PreemptionGuard guard;
  nucleus::NucleusDomain::of(**domain).space().activate();
  u64 ticks = 0;
  for (u32 i = 0; i < kRounds; ++i) {
    Free visitor(frames);
    u64 word = i;
    ticks += ticks_of([&] {
      const auto frame = frames.allocate_uncleared();
      if (frame) (void)(*domain)->map(kPage, *frame, Access::Read | Access::Write);
      (void)(*domain)->copy_out(kPage, &word, sizeof word);
      (void)(*domain)->copy_in(&word, kPage, sizeof word);
      runtime::free(runtime::allocate(100), 100);
    });
    EXPECT(word == i);
    (*domain)->unmap(kPage, kPageBytes, visitor);
  }
  return ticks;
}

}  // namespace

KERNEL_TEST(loaded_paths_have_a_price) {
  OnCore here(CpuId{0});
  (void)memory(test);
  const u64 of_memory = memory(test) / kRounds, of_blocking = blocking(test) / kRounds;
  test.figure("loaded_memory_ticks", of_memory);
  test.figure("loaded_blocking_ticks", of_blocking);
  EXPECT(of_memory != 0 && of_blocking != 0);
}

}  // namespace vari::kernel_tests
