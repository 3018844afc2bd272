// How long the nucleus keeps a core from looking up (C05): with interrupts masked, and without preemption. A
// thread of high priority sleeps for odd times while another does the nucleus's longest operations; what the
// timer's interrupt comes late is time masked, what the thread wakes late is time without preemption besides.
// Judged where the clock counts instructions (the suite's boot under -icount: a nanosecond is one).
#include "nucleus/domain.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"

namespace vari::kernel_tests {
namespace {

constexpr CpuId kHere{0};
constexpr Nanoseconds kMicrosecond = kMillisecond / 1000;
constexpr Nanoseconds kMaskedAtMost = 10 * kMicrosecond, kUnpreemptedAtMost = 100 * kMicrosecond;
constexpr VirtualAddress kBase{0x30'0000'0000};
constexpr u32 kPages = 1500;

/// Works on core 0 until told to stop.
struct Work {
  Test& test;
  void (*once)(Test&);
  bool stop = false;  // atomic
  u64 rounds = 0;
};

void work(void* argument) {
  auto& self = *static_cast<Work*>(argument);
  while (!__atomic_load_n(&self.stop, __ATOMIC_RELAXED)) {
    self.once(self.test);
    ++self.rounds;
  }
}

struct Free final : Domain::Visitor {
  explicit Free(nucleus::FrameManager& frames) : frames(frames) {}
  void visit(VirtualAddress, const Mapping& mapping) override { frames.free(mapping.frame); }
  nucleus::FrameManager& frames;
};

/// A domain with many pages and copies, its end, large and small heap blocks, long runs of frames, the log.
void use_the_nucleus(Test& test) {
  auto& frames = test.memory().frames();
  if (auto domain = nucleus::DomainWith<nucleus::SynchronousTlb>::create(test.memory(), test.tlb())) {
    for (u32 i = 0; i < kPages; ++i) {
      const auto frame = frames.allocate();
      if (frame && !(*domain)->map(kBase + i * kPageBytes, *frame, Access::Read | Access::Write))
        frames.free(*frame);
    }
    constexpr std::size_t kBytes = 512 * kKiB;
    if (void* buffer = runtime::allocate(kBytes)) {
      (void)(*domain)->copy_in(buffer, kBase, kBytes);
      (void)(*domain)->copy_out(kBase + kBytes, buffer, kBytes);
      runtime::free(buffer, kBytes);
    }
    (*domain)->protect(kBase, kPages * kPageBytes, Access::Read);
    Free visitor(frames);
    (*domain)->unmap(kBase, kPages * kPageBytes, visitor);
  }
  if (void* large = runtime::allocate(8 * kMiB)) runtime::free(large, 8 * kMiB);
  void* small[300];
  for (auto& block : small) block = runtime::allocate(200);
  for (void* block : small) runtime::free(block, 200);
  if (const auto run = frames.allocate_run(3000)) frames.free_run(*run, 3000);
}

void count_with_interrupts_off(Test&) {
  nucleus::InterruptGuard masked;
  (void)ticks_of_three(50'000);
}

void count_without_preemption(Test&) {
  nucleus::PreemptionGuard guard;
  for (int i = 0; i < 30; ++i) (void)ticks_of_three(10'000);
}

struct Latency {
  Nanoseconds masked = 0;  // the longest that the timer's interrupt was late
  Nanoseconds woken = 0;   // the longest that the thread was
};

struct Sampler {
  Test& test;
  u32 samples;
  Latency found;
};

void sample(void* argument) {
  auto& self = *static_cast<Sampler*>(argument);
  Nanoseconds& masked = self.test.processors().at(kHere).area.statistics.timer_late_max_ns;
  masked = 0;
  u64 state = 88172645463325252;
  for (u32 i = 0; i < self.samples; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    const Nanoseconds wake = runtime::port::now_ns() + 5 * kMicrosecond + state % (60 * kMicrosecond);
    (void)runtime::Thread::sleep_until(wake);
    self.found.woken = std::max(self.found.woken, runtime::port::now_ns() - wake);
  }
  self.found.masked = masked;
}

Latency latency_beside(Test& test, void (*once)(Test&), u32 samples) {
  Work job{test, once};
  Sampler sampler{test, samples, {}};
  const auto affinity = runtime::CpuSet::only(kHere);
  auto worker = runtime::Thread::start(work, &job, {.name = "work", .affinity = affinity});
  auto watcher = runtime::Thread::start(
      sample, &sampler, {.name = "sampler", .priority = runtime::Priority::High, .affinity = affinity});
  EXPECT(worker.has_value() && watcher.has_value());
  if (watcher) (*watcher)->join();
  __atomic_store_n(&job.stop, true, __ATOMIC_RELAXED);
  if (worker) (*worker)->join();
  EXPECT(job.rounds > 0);
  return sampler.found;
}

}  // namespace

KERNEL_TEST(the_nucleus_looks_up_soon) {
  const bool judged = counts_instructions();
  test.figure("instructions_counted", judged);
  const Latency found = latency_beside(test, use_the_nucleus, judged ? 20'000 : 200);
  test.figure("interrupts_masked_max_ns", found.masked);
  test.figure("woken_late_max_ns", found.woken);
  if (!judged) return;
  EXPECT(found.masked <= kMaskedAtMost);
  EXPECT(found.woken <= kUnpreemptedAtMost);
}

// The negative controls: long stretches of either kind are seen for what they are.
KERNEL_TEST(latency_is_seen_where_it_is_planted) {
  const Latency masked = latency_beside(test, count_with_interrupts_off, 50);
  test.figure("planted_interrupts_masked_max_ns", masked.masked);
  const Latency held = latency_beside(test, count_without_preemption, 50);
  test.figure("planted_woken_late_max_ns", held.woken);
  if (!counts_instructions()) return;
  EXPECT(masked.masked > kMaskedAtMost && masked.masked <= 160 * kMicrosecond);
  EXPECT(held.masked <= 60 * kMicrosecond);
  EXPECT(held.woken > kUnpreemptedAtMost && held.woken <= 1000 * kMicrosecond);
}

}  // namespace vari::kernel_tests
