// On which processors cores and their guests run: together by default, apart where looking pays, and nobody
// is held on a processor where a core no longer waits for him.
#include "hosted/company.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace vari::hosted {
namespace {

constexpr u32 kNobody = 0x3fff'ffff;  // no thread's number: what is asked for it fails, and nothing else

cpu_set_t affinity_of(u32 thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(static_cast<pid_t>(thread), sizeof set, &set);
  return set;
}

/// A thread that stands for a guest's.
class Guest {
 public:
  Guest() {
    while (number_ == 0) std::this_thread::yield();
    slot.thread = number_;
    slot.state = kRun;
  }
  ~Guest() {
    ended_ = true;
    thread_.join();
  }
  int processors() const {
    const auto set = affinity_of(slot.thread);
    return CPU_COUNT(&set);
  }
  Slot slot{};

 private:
  std::atomic<u32> number_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_{[this] {
    number_ = static_cast<u32>(::syscall(SYS_gettid));
    while (!ended_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }};
};

/// As a core, which is bound to a processor: not the test's own thread.
template <class Act>
void as_core(Act&& act) {
  std::thread(act).join();
}

int all_processors() {
  const auto set = affinity_of(0);
  return CPU_COUNT(&set);
}

TEST(Company, AGuestIsBoundBesideItsCoreAndSetFreeForTheNext) {
  const int all = all_processors();
  if (all < 2) GTEST_SKIP() << "one processor";
  Guest first, second;
  Acquaintance of_first, of_second;
  Company company;  // ends first: its watch looks at the guests' slots
  as_core([&] {
    company.before_resume(CpuId{0}, first.slot, of_first);
    EXPECT_EQ(first.processors(), 1);
    const auto own = affinity_of(0), guests = affinity_of(first.slot.thread);
    EXPECT_TRUE(CPU_EQUAL(&own, &guests));
    EXPECT_EQ(first.slot.spin_cycles, 0u);
    company.before_resume(CpuId{0}, second.slot, of_second);
    EXPECT_EQ(first.processors(), all);
    EXPECT_EQ(second.processors(), 1);
    // One that has stopped stays where it is: it comes back soon.
    second.slot.state = kTrapped;
    company.before_resume(CpuId{0}, first.slot, of_first);
    EXPECT_EQ(second.processors(), 1);
  });
}

TEST(Company, AGuestThatDoesNotComeBackIsSetFree) {
  const int all = all_processors();
  if (all < 2) GTEST_SKIP() << "one processor";
  Guest guest;
  Acquaintance known;
  Company company;
  as_core([&] { company.before_resume(CpuId{0}, guest.slot, known); });
  for (int tries = 0; tries < 3000 && guest.processors() != all; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(guest.processors(), all);
}

TEST(Company, QuickAnswersPartThemAndLateOnesJoinThemAgain) {
  if (all_processors() < 2) GTEST_SKIP() << "one processor";
  Slot slot{};
  slot.thread = kNobody;
  Acquaintance known;
  Company company;
  as_core([&] {
    const auto stop = [&](bool quick, bool in_time) {
      company.before_resume(CpuId{0}, slot, known);
      if (!quick)
        known.resumed_at -= u64{1} << 40;
      else
        known.resumed_at = __builtin_ia32_rdtsc();
      company.after_stop(known, in_time);
    };
    for (u32 i = 0; i < 10 * Acquaintance::kQuickRuns; ++i) stop(i % 8 != 0, false);
    EXPECT_FALSE(known.apart) << "one that works now and then stays";
    for (u32 tries = 0; tries < 100 && !known.apart; ++tries)
      for (u32 i = 0; i < Acquaintance::kQuickRuns && !known.apart; ++i) stop(true, false);
    EXPECT_TRUE(known.apart);
    company.before_resume(CpuId{0}, slot, known);
    EXPECT_EQ(slot.spin_cycles, kSpinCycles);
    for (u32 i = 0; i < 640; ++i) stop(true, true);
    EXPECT_TRUE(known.apart);
    for (u32 i = 0; i < 128 && known.apart; ++i) stop(true, false);
    EXPECT_FALSE(known.apart);
    EXPECT_EQ(known.needed, 4 * Acquaintance::kQuickRuns);
  });
}

}  // namespace
}  // namespace vari::hosted
