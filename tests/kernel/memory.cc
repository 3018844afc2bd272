// The memory system on the real machine: what host tests can't show, because they have no page tables that
// translate, no faults and no interrupts between cores.
#include <algorithm>

#include "machine/x86_64/page_table_format.h"
#include "nucleus/domain.h"
#include "nucleus/page_tables.h"
#include "nucleus/preemption.h"
#include "nucleus/this_core.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
namespace {

using nucleus::NucleusDomain;
using nucleus::PreemptionGuard;

constexpr VirtualAddress kBase{0x30'0000'0000};
constexpr Access kReadWrite = Access::Read | Access::Write;

struct GiveBack final : Domain::Visitor {
  explicit GiveBack(nucleus::FrameManager& frames) : frames(frames) {}
  void visit(VirtualAddress, const Mapping& mapping) override {
    frames.free(mapping.frame);
    ++count;
  }
  nucleus::FrameManager& frames;
  u64 count = 0;
};

/// A domain, the frames of which go back with it.
class Space {
 public:
  explicit Space(Test& test) : test_(test) {
    auto made = nucleus::DomainWith<nucleus::SynchronousTlb>::create(test.memory(), test.tlb());
    check(made.has_value());
    if (made) domain_ = *made;
  }
  ~Space() {
    GiveBack back(test_.memory().frames());
    domain_->unmap(Domain::kUserBegin, Domain::kUserEnd - Domain::kUserBegin, back);
  }
  Space(const Space&) = delete;
  void map(VirtualAddress page, Access access) {
    const auto frame = test_.memory().frames().allocate();
    check(frame.has_value());
    check(domain_->map(page, frame.value_or(Frame{}), access).has_value());
  }
  Domain& domain() { return *domain_; }
  nucleus::AddressSpace& space() { return NucleusDomain::of(*domain_).space(); }

 private:
  void check(bool condition) {
    if (!condition) test_.fail("space", __FILE_NAME__, __LINE__);
  }
  Test& test_;
  Ref<Domain> domain_;
};

/// The same copies, through the loaded tables (`loaded`) and through foreign ones.
void check_copies(Test& test, bool loaded) {
  Space space(test);
  space.map(kBase, kReadWrite);
  space.map(kBase + kPageBytes, kReadWrite);
  space.map(kBase + 2 * kPageBytes, Access::Read);
  auto& domain = space.domain();
  PreemptionGuard guard;
  if (loaded) space.space().activate();
  static constexpr std::size_t kBytes = 3 * kPageBytes;
  auto* buffer = static_cast<u8*>(runtime::allocate(kBytes));
  EXPECT(buffer != nullptr);
  if (!buffer) return;
  for (std::size_t i = 0; i < kBytes; ++i) buffer[i] = static_cast<u8>(i * 7 + 1);
  // The last byte before the forbidden page is reached, whatever the alignment on either side.
  for (u64 offset = 0; offset < 17; ++offset) {
    for (u64 skew = 0; skew < 9; ++skew) {
      const VirtualAddress to = kBase + 2 * kPageBytes - 100 - offset;
      EXPECT(domain.copy_out(to, buffer + skew, 300) == 100 + offset);
      const VirtualAddress from = kBase + 3 * kPageBytes - 50 - offset;
      EXPECT(domain.copy_in(buffer + kPageBytes + skew, from, 200) == 50 + offset);
    }
  }
  for (std::size_t i = 0; i < kBytes; ++i) buffer[i] = static_cast<u8>(i * 7 + 1);
  EXPECT(domain.copy_out(kBase, buffer, 2 * kPageBytes) == 2 * kPageBytes);
  for (std::size_t i = 0; i < kBytes; ++i) buffer[i] = 0;
  EXPECT(domain.copy_in(buffer, kBase + 3, 2 * kPageBytes - 3) == 2 * kPageBytes - 3);
  for (std::size_t i = 0; i < 2 * kPageBytes - 3; ++i) EXPECT(buffer[i] == static_cast<u8>((i + 3) * 7 + 1));
  EXPECT(domain.clear(kBase + 5, 2 * kPageBytes) == 2 * kPageBytes - 5);
  EXPECT(domain.copy_in(buffer, kBase, 16) == 16);
  EXPECT(buffer[4] == 4 * 7 + 1 && buffer[5] == 0 && buffer[15] == 0);
  EXPECT(domain.compare_exchange(kBase + 8, 0, 77).value_or(1) == 0);
  EXPECT(domain.load(kBase + 8).value_or(0) == 77);
  const auto refused = domain.compare_exchange(kBase + 2 * kPageBytes, 0, 1);
  EXPECT(!refused && refused.error() == Error::Fault);
  EXPECT(!domain.load(kBase + 3 * kPageBytes).has_value());
  EXPECT(domain.copy_in(buffer, {machine::kDirectMap}, 8) == 0);
  EXPECT(domain.copy_in(buffer, Domain::kUserEnd - 4, 8) == 0);
  EXPECT(domain.copy_out({0}, buffer, 8) == 0);
  runtime::free(buffer, kBytes);
}

KERNEL_TEST(user_copies_are_exact_in_the_loaded_space) {
  check_copies(test, true);
}
KERNEL_TEST(user_copies_are_exact_in_a_foreign_space) {
  check_copies(test, false);
}

KERNEL_TEST(recursive_slot_and_window_show_the_same_tables) {
  Space space(test);
  PreemptionGuard guard;
  space.space().activate();
  for (u64 i = 0; i < 40; ++i) space.map(kBase + i * i * 6321 * kPageBytes, kReadWrite);
  const nucleus::WindowTables window(space.space().window(), space.space().root());
  u64 seen = 0;
  nucleus::for_each_leaf(window, Domain::kUserBegin, Domain::kUserEnd,
                         [&](VirtualAddress page, u64* entry, unsigned) {
                           const auto leaf = nucleus::find_leaf(nucleus::RecursiveTables(), page);
                           EXPECT(leaf.entry && leaf.entry != entry);
                           const u64 noted = machine::kAccessed | machine::kDirty;
                           EXPECT((*leaf.entry | noted) == (*entry | noted));
                           ++seen;
                           return true;
                         });
  EXPECT(seen > 30);
  EXPECT(machine::address_of(*reinterpret_cast<u64*>(
             machine::recursive_entry<4>({machine::kRecursiveBegin}))) == space.space().root());
}

KERNEL_TEST(image_is_write_xor_execute) {
  const auto image = nucleus::KernelImage::of_this_kernel();
  const nucleus::WindowTables tables(test.memory().frames().window(), test.memory().kernel().root());
  const auto bits = [&](VirtualAddress address) {
    const auto leaf = nucleus::find_leaf(tables, address);
    return leaf.entry
               ? *leaf.entry & (machine::kPresent | machine::kWritable | machine::kNoExecute | machine::kUser)
               : 0;
  };
  EXPECT(bits(image.text_begin) == machine::kPresent);
  EXPECT(bits(image.rodata_begin) == (machine::kPresent | machine::kNoExecute));
  EXPECT(bits(image.data_begin) == (machine::kPresent | machine::kWritable | machine::kNoExecute));
  EXPECT(bits({0x8000}) == 0);
}

KERNEL_TEST(idle_time_drains_dirty_frames) {
  auto& frames = test.memory().frames();
  Frame taken[300];
  for (auto& frame : taken) frame = frames.allocate_uncleared().value_or(Frame{});
  for (const auto frame : taken) {
    if (!frame) continue;
    frames.window().at<u64>(frame)[1] = 1;
    frames.free(frame);
  }
  EXPECT(frames.dirty_frames() != 0);
  for (int i = 0; i < 100 && frames.dirty_frames() != 0; ++i)
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + 20 * kMillisecond);
  EXPECT(frames.dirty_frames() == 0);
}

KERNEL_TEST(frame_metadata_is_small) {
  auto& frames = test.memory().frames();
  test.figure("frame_metadata_bytes", frames.metadata_bytes());
  test.figure("frames_total", frames.total_frames());
  test.figure("frames_free", frames.free_frames());
  test.figure("frame_metadata_per_million",
              frames.metadata_bytes() * 1'000'000 / (frames.total_frames() * kPageBytes));
}

/// Threads on all cores, in one space, at the same 512 pages.
struct Storm {
  Test& test;
  Space& space;
  runtime::Semaphore done;
  u32 next = 0;                  // atomic
  u64 mapped = 0, returned = 0;  // atomic
};

void storm(void* argument) {
  auto& storm = *static_cast<Storm*>(argument);
  Test& test = storm.test;
  auto& frames = test.memory().frames();
  u64 state = 88172645463325252 + __atomic_fetch_add(&storm.next, 1, __ATOMIC_RELAXED);
  for (int step = 0; step < 600; ++step) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    const VirtualAddress page = kBase + (state >> 20) % 512 * kPageBytes;
    if (state % 3 != 0) {
      const auto frame = frames.allocate();
      EXPECT(frame.has_value());
      if (!frame) break;
      Result<Frame> old;
      {
        PreemptionGuard guard;
        storm.space.space().activate();  // so that the recursive slot is used, and shoot-downs reach us
        old = storm.space.domain().map(page, *frame, kReadWrite);
      }
      u32 mine = 0;
      (void)storm.space.domain().copy_out(page, &mine, sizeof mine);  // fills the TLB
      __atomic_fetch_add(&storm.mapped, 1, __ATOMIC_RELAXED);
      if (!old || !*old) continue;
      frames.free(*old);
      __atomic_fetch_add(&storm.returned, 1, __ATOMIC_RELAXED);
    } else if (state % 5 == 0) {
      storm.space.domain().protect(page, 8 * kPageBytes, Access::Read);
    } else {
      GiveBack back(frames);
      storm.space.domain().unmap(page, 4 * kPageBytes, back);
      __atomic_fetch_add(&storm.returned, back.count, __ATOMIC_RELAXED);
    }
  }
  storm.done.signal();
}

KERNEL_TEST(all_cores_map_and_unmap_the_same_pages) {
  Space space(test);
  Storm shared{.test = test, .space = space, .done = runtime::Semaphore()};
  const u32 cores = test.processors().count();
  u32 started = 0;
  for (u32 i = 0; i < cores && i < 8; ++i) {
    runtime::ThreadOptions options;
    options.affinity = runtime::CpuSet::only({i});
    started += runtime::Thread::start(storm, &shared, options).has_value();
  }
  for (u32 i = 0; i < started; ++i) (void)shared.done.wait();
  GiveBack back(test.memory().frames());
  space.domain().unmap(kBase, 600 * kPageBytes, back);
  EXPECT(shared.mapped == shared.returned + back.count);
}

KERNEL_TEST(spaces_and_stacks_leave_nothing_behind) {
  auto& memory = test.memory();
  // Another core's idle loop may hold a frame for the moment of zeroing it: the greatest of some readings.
  const auto settle = [&] {
    u64 free = 0;
    for (int reading = 0; reading < 10; ++reading) {
      while (memory.idle_work()) {
      }
      free = std::max(free, memory.frames().free_frames());
      (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kMillisecond);
    }
    return free;
  };
  // The first round makes tables that stay. A leak shows in each of the others; a core that the host let
  // hold its frame for longer than the readings take shows in one.
  bool level = false;
  for (int round = 0; round < 5 && !level; ++round) {
    const u64 before = settle();
    for (int i = 0; i < 50; ++i) {
      Space space(test);
      PreemptionGuard guard;
      space.space().activate();
      space.map(kBase + i * kGiB, kReadWrite);
    }
    nucleus::KernelStack stacks[20];
    for (auto& stack : stacks) stack = memory.kernel().allocate_stack().value_or(nucleus::KernelStack{});
    for (const auto& stack : stacks) {
      EXPECT(memory.kernel().page_bytes_at({reinterpret_cast<u64>(stack.bottom)}) == kPageBytes);
      EXPECT(memory.kernel().page_bytes_at({reinterpret_cast<u64>(stack.bottom) - 1}) == 0);
      memory.kernel().free_stack(stack);
    }
    level = round > 0 && settle() == before;
  }
  EXPECT(level);
}

}  // namespace
}  // namespace vari::kernel_tests
