// Cores at once: no frame is issued twice, no entry is lost, no table leaks (K45, K48). For TSan, too.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "nucleus/domain.h"
#include "nucleus/tlb.h"
#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

constexpr unsigned kThreads = 4;
constexpr VirtualAddress kBase{0x20'0000'0000};

template <class Function>
void on_all_cores(SimulatedMachine& machine, Function&& function) {
  std::vector<std::thread> threads;
  std::atomic<unsigned> working{kThreads};
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      RunAs run(machine, i);
      function(i);
      // Serve the others until all are done.
      --working;
      while (working != 0) {
        poll();
        std::this_thread::yield();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Concurrency, NoFrameIsIssuedTwice) {
  SimulatedMachine machine({.ram_bytes = 16 * kMiB});
  const u64 before = machine.settled_free_frames();
  std::vector<std::atomic<u32>> owner(16 * kMiB / kPageBytes);
  on_all_cores(machine, [&](unsigned core) {
    std::mt19937_64 random(core);
    std::vector<Frame> held;
    const auto claim = [&](Frame frame) { ASSERT_EQ(owner[frame.number].exchange(core + 1), 0u); };
    const auto give = [&](Frame frame) { ASSERT_EQ(owner[frame.number].exchange(0), core + 1); };
    for (int step = 0; step < 8000; ++step) {
      poll();
      const u64 dice = random() % 100;
      if (dice < 50 && held.size() < 800) {
        const auto frame = dice < 25 ? machine.frames().allocate() : machine.frames().allocate_uncleared();
        if (!frame) continue;
        claim(*frame);
        held.push_back(*frame);
      } else if (dice < 52) {
        const auto large = machine.frames().allocate_large();
        if (!large) continue;
        for (u64 i = 0; i < kFramesPerLarge; ++i) claim({large->number + i});
        for (u64 i = 0; i < kFramesPerLarge; ++i) give({large->number + i});
        machine.frames().free_large(*large);
      } else if (dice < 54) {
        const u64 count = 1 + random() % 100;
        const auto run = machine.frames().allocate_run(count);
        if (!run) continue;
        for (u64 i = 0; i < count; ++i) claim({run->number + i});
        for (u64 i = 0; i < count; ++i) give({run->number + i});
        machine.frames().free_run(*run, count);
      } else if (dice < 60) {
        machine.frames().zero_some();
      } else if (!held.empty()) {
        const auto i = random() % held.size();
        give(held[i]);
        machine.frames().free(held[i]);
        held[i] = held.back();
        held.pop_back();
      }
    }
    for (const Frame frame : held) {
      give(frame);
      machine.frames().free(frame);
    }
  });
  EXPECT_EQ(machine.settled_free_frames(), before);
}

/// Every frame mapped is either returned by a later map(), handed to a visitor, or still there at the end:
/// exactly one of the three.
TEST(Concurrency, FourCoresMapAndUnmapTheSamePages) {
  SimulatedMachine machine({.ram_bytes = 32 * kMiB});
  const u64 before = machine.settled_free_frames();
  SynchronousTlb tlb;
  {
    Ref<Domain> domain;
    {
      RunAs run(machine, 0);
      domain = *DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
    }
    std::vector<std::atomic<u32>> mapped(32 * kMiB / kPageBytes);
    std::atomic<u64> maps{0}, returns{0};
    const auto take_back = [&](Frame frame) {
      ASSERT_EQ(mapped[frame.number].exchange(0), 1u) << "an entry was lost or came back twice";
      machine.frames().free(frame);
      ++returns;
    };
    struct Back final : Domain::Visitor {
      explicit Back(decltype(take_back)& function) : function(function) {}
      void visit(VirtualAddress, const Mapping& mapping) override { function(mapping.frame); }
      decltype(take_back)& function;
    };
    on_all_cores(machine, [&](unsigned core) {
      NucleusDomain::of(*domain).space().activate();
      std::mt19937_64 random(core + 10);
      Back back(take_back);
      for (int step = 0; step < 3000; ++step) {
        poll();
        // 512 pages in four tables, so that table installation races, too.
        const u64 index = random() % 512;
        const VirtualAddress page = kBase + (index % 4) * kGiB + (index / 4) * kPageBytes;
        if (random() % 3 != 0) {
          const auto frame = machine.frames().allocate();
          ASSERT_TRUE(frame);
          mapped[frame->number] = 1;
          const auto old = domain->map(page, *frame, Access::Read | Access::Write);
          ASSERT_TRUE(old);
          ++maps;
          if (*old) take_back(*old);
        } else if (random() % 4 == 0) {
          domain->protect(page, 16 * kPageBytes, random() % 2 ? Access::Read : Access::None);
        } else {
          domain->unmap(page, (1 + random() % 8) * kPageBytes, back);
        }
      }
    });
    RunAs run(machine, 0);
    Back back(take_back);
    domain->unmap(Domain::kUserBegin, Domain::kUserEnd - Domain::kUserBegin, back);
    EXPECT_EQ(maps, returns);
    // Root apart: one at level 3, four... tables: what one mapping each would have made.
    EXPECT_EQ(NucleusDomain::of(*domain).space().table_frames(), 1u + 4 + 4);
    domain = nullptr;
  }
  EXPECT_EQ(machine.settled_free_frames(), before);
}

TEST(Concurrency, HeapOnFourCoresGivesAllBack) {
  SimulatedMachine machine({.ram_bytes = 64 * kMiB});
  {
    RunAs run(machine, 0);
    machine.memory().heap().free(machine.memory().heap().allocate(40 * kMiB), 40 * kMiB);
  }
  const u64 before = machine.settled_free_frames();
  // Blocks are freed by other cores than the one that made them.
  std::vector<std::atomic<u8*>> exchange(64);
  on_all_cores(machine, [&](unsigned core) {
    Heap& heap = machine.memory().heap();
    std::mt19937_64 random(core);
    for (int step = 0; step < 10'000; ++step) {
      poll();
      const std::size_t bytes = 16 + random() % 3000;
      auto* memory = static_cast<u8*>(heap.allocate(bytes + 8));
      ASSERT_TRUE(memory);
      *reinterpret_cast<u64*>(memory) = bytes;
      memory = exchange[random() % exchange.size()].exchange(memory);
      if (memory) heap.free(memory, *reinterpret_cast<u64*>(memory) + 8);
    }
  });
  {
    RunAs run(machine, 0);
    for (auto& slot : exchange) {
      if (u8* memory = slot) machine.memory().heap().free(memory, *reinterpret_cast<u64*>(memory) + 8);
    }
  }
  EXPECT_EQ(machine.settled_free_frames(), before);
}

/// A core copies through foreign tables while another unmaps and reuses the frames: it never sees or
/// writes the new owner's bytes.
TEST(Concurrency, ForeignCopiesNeverReachAFrameThatWasGivenAway) {
  SimulatedMachine machine({.ram_bytes = 16 * kMiB, .cores = kThreads});
  SynchronousTlb tlb;
  Ref<Domain> domain;
  {
    RunAs run(machine, 0);
    domain = *DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
  }
  std::atomic<bool> stop{false};
  on_all_cores(machine, [&](unsigned core) {
    if (core == 0) {
      for (int round = 0; round < 2000; ++round) {
        const Frame frame = *machine.frames().allocate();
        ASSERT_TRUE(domain->map(kBase, frame, Access::Read | Access::Write));
        poll();
        struct Back final : Domain::Visitor {
          void visit(VirtualAddress, const Mapping& mapping) override { frame = mapping.frame; }
          Frame frame;
        } back;
        domain->unmap(kBase, kPageBytes, back);
        // Now ours alone: nobody may write it.
        auto* word = machine.window().at<u32>(back.frame) + 100;
        __atomic_store_n(word, 1, __ATOMIC_RELAXED);
        for (int i = 0; i < 20; ++i) ASSERT_EQ(__atomic_load_n(word, __ATOMIC_RELAXED), 1u);
        machine.frames().free(back.frame);
      }
      stop = true;
    } else {
      while (!stop) {
        poll();
        const auto found = domain->load(kBase + 400);
        if (found) {
          ASSERT_TRUE(*found == 0 || *found > 4) << "the new owner's value";
        }
        (void)domain->compare_exchange(kBase + 400, 0, 5 + core);
      }
    }
  });
  RunAs run(machine, 0);
  domain = nullptr;
}

}  // namespace
}  // namespace vari::nucleus
