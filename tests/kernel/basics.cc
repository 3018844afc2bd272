// The first things that must hold on a booted nucleus.
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
namespace {

KERNEL_TEST(frames_come_back) {
  auto& frames = test.memory().frames();
  const u64 before = frames.free_frames();
  Frame taken[64];
  for (auto& frame : taken) {
    const auto got = frames.allocate();
    EXPECT(got.has_value());
    frame = got.value_or(Frame{});
    const u64* words = frames.window().at<u64>(frame);
    for (std::size_t i = 0; i < kPageBytes / 8; ++i) EXPECT(words[i] == 0);
    frames.window().at<u64>(frame)[5] = 0x5ec4e7;
  }
  for (auto& frame : taken) frames.free(frame);
  EXPECT(frames.free_frames() == before);
}

KERNEL_TEST(heap_lies_on_large_pages) {
  void* memory = runtime::allocate(100);
  EXPECT(memory != nullptr);
  EXPECT(test.memory().kernel().page_bytes_at({reinterpret_cast<u64>(memory)}) == kLargePageBytes);
  runtime::free(memory, 100);
}

KERNEL_TEST(sleep_takes_as_long_as_it_says) {
  const Nanoseconds before = runtime::port::now_ns();
  (void)runtime::Thread::sleep_until(before + 20 * kMillisecond);
  const Nanoseconds slept = runtime::port::now_ns() - before;
  EXPECT(slept >= 20 * kMillisecond);
}

struct Crowd {
  runtime::Semaphore done;
  runtime::Mutex mutex;
  u64 count = 0;
  u64 cpus_seen = 0;
};

void take_part(void* argument) {
  auto& crowd = *static_cast<Crowd*>(argument);
  for (int i = 0; i < 1000; ++i) {
    runtime::Guard guard(crowd.mutex);
    ++crowd.count;
    crowd.cpus_seen |= u64{1} << (runtime::Thread::current().last_cpu().value % 64);
  }
  crowd.done.signal();
}

KERNEL_TEST(threads_on_all_cores_exclude_each_other) {
  Crowd crowd;
  constexpr u64 kThreads = 16;
  for (u64 i = 0; i < kThreads; ++i) EXPECT(runtime::Thread::start(take_part, &crowd).has_value());
  for (u64 i = 0; i < kThreads; ++i) (void)crowd.done.wait();
  EXPECT(crowd.count == kThreads * 1000);
  test.figure("cpus_seen", static_cast<u64>(__builtin_popcountll(crowd.cpus_seen)));
}

}  // namespace
}  // namespace vari::kernel_tests
