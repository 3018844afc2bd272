// Domains and their page tables: mapping, protection, copying through foreign tables, exact return of
// every table frame, and the two non-present encodings.
#include "nucleus/domain.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "nucleus/page_tables.h"
#include "nucleus/tlb.h"
#include "tests/nucleus/machine_double.h"

namespace vari::nucleus {
namespace {

constexpr VirtualAddress kBase{0x40'0000'0000};
constexpr Access kReadWrite = Access::Read | Access::Write;

struct Collect final : Domain::Visitor {
  void visit(VirtualAddress page, const Mapping& mapping) override { found[page.value] = mapping; }
  std::map<u64, Mapping> found;
};

class DomainTest : public testing::Test {
 protected:
  DomainTest() : run(machine, 0) {}
  Ref<Domain> create() {
    auto domain = DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
    EXPECT_TRUE(domain.has_value());
    return *domain;
  }
  Frame frame() { return *machine.frames().allocate(); }
  /// Unmaps all, frees the frames.
  void clear(Domain& domain) {
    Collect all;
    domain.unmap(Domain::kUserBegin, Domain::kUserEnd - Domain::kUserBegin, all);
    for (const auto& [page, mapping] : all.found) machine.frames().free(mapping.frame);
  }
  SimulatedMachine machine;
  RunAs run;
  SynchronousTlb tlb;
};

TEST_F(DomainTest, MapLookupProtectUnmap) {
  const u64 before = machine.settled_free_frames();
  {
    auto domain = create();
    const Frame first = frame(), second = frame();
    EXPECT_FALSE(*domain->map(kBase, first, kReadWrite));
    EXPECT_EQ(*domain->map(kBase, second, Access::Read), first) << "the old frame comes back";
    machine.frames().free(first);
    auto mapping = domain->lookup(kBase);
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->frame, second);
    EXPECT_EQ(mapping->access, Access::Read);
    EXPECT_EQ(domain->lookup(kBase + kPageBytes).error(), Error::NotFound);
    domain->protect(kBase, kPageBytes, Access::None);
    mapping = domain->lookup(kBase);
    EXPECT_EQ(mapping->frame, second) << "kept, though it forbids everything";
    EXPECT_EQ(mapping->access, Access::None);
    u8 byte;
    EXPECT_EQ(domain->copy_in(&byte, kBase, 1), 0u);
    domain->protect(kBase, kPageBytes, kReadWrite | Access::Execute);
    EXPECT_EQ(domain->lookup(kBase)->access, kReadWrite | Access::Execute);
    clear(*domain);
    EXPECT_EQ(domain->lookup(kBase).error(), Error::NotFound);
  }
  EXPECT_EQ(machine.settled_free_frames(), before);
}

// An unmapping takes pages out in batches. Wherever a batch ends, at the last entry of a page table, too, the
// next one goes on behind it.
TEST_F(DomainTest, BatchesOfUnmappingMayEndWhereATableEnds) {
  constexpr u64 kPages = 300, kTableBytes = 512 * kPageBytes;
  const u64 before = machine.settled_free_frames();
  for (const u64 ahead : {95, 96, 97, 191, 192, 193}) {
    auto domain = create();
    const VirtualAddress begin{kBase.value + kTableBytes - ahead * kPageBytes};
    for (u64 i = 0; i < kPages; ++i) ASSERT_TRUE(domain->map(begin + i * kPageBytes, frame(), kReadWrite));
    Collect all;
    domain->unmap(begin, kPages * kPageBytes, all);
    EXPECT_EQ(all.found.size(), kPages) << ahead << " pages in the first table";
    for (const auto& [page, mapping] : all.found) machine.frames().free(mapping.frame);
  }
  EXPECT_EQ(machine.settled_free_frames(), before);
}

TEST_F(DomainTest, AddressesOutsideUserMemoryAreRefused) {
  auto domain = create();
  const Frame some = frame();
  for (const u64 address : {u64{0}, Domain::kUserEnd.value, u64{0x8000'0000'0000}, u64{0xffff'8000'0000'0000},
                            ~u64{0} << 12, kBase.value + 1})
    EXPECT_EQ(domain->map({address}, some, kReadWrite).error(), Error::InvalidArgument) << address;
  char buffer[16] = {};
  for (const u64 address : {u64{0}, Domain::kUserEnd.value, u64{0xffff'8000'0000'0000}, ~u64{0}}) {
    EXPECT_EQ(domain->copy_in(buffer, {address}, 16), 0u);
    EXPECT_EQ(domain->copy_out({address}, buffer, 16), 0u);
    EXPECT_EQ(domain->clear({address}, ~u64{0}), 0u);
  }
  Collect none;
  domain->unmap({0}, ~u64{0}, none);
  domain->unmap(Domain::kUserEnd - kPageBytes, ~u64{0}, none);
  domain->protect({~u64{0} - 5}, 100, Access::Read);
  EXPECT_TRUE(none.found.empty());
  EXPECT_EQ(domain->load(kBase + 2).error(), Error::InvalidArgument);
}

TEST_F(DomainTest, CopiesStopAtTheFirstForbiddenByte) {
  auto domain = create();
  ASSERT_TRUE(domain->map(kBase, frame(), kReadWrite));
  ASSERT_TRUE(domain->map(kBase + kPageBytes, frame(), Access::Read));
  std::vector<char> out(3 * kPageBytes, 'x'), in(3 * kPageBytes, 0);
  EXPECT_EQ(domain->copy_out(kBase + 100, out.data(), out.size()), kPageBytes - 100);
  EXPECT_EQ(domain->copy_in(in.data(), kBase, in.size()), 2 * kPageBytes);
  EXPECT_EQ(in[99], 0);
  EXPECT_EQ(in[100], 'x');
  EXPECT_EQ(in[kPageBytes], 0);
  EXPECT_EQ(domain->clear(kBase, 200), 200u);
  EXPECT_EQ(domain->copy_in(in.data(), kBase + 199, 2), 2u);
  EXPECT_EQ(in[0], 0);
  EXPECT_EQ(in[1], 'x');
  EXPECT_TRUE(domain->lookup(kBase)->dirty);
  EXPECT_FALSE(domain->lookup(kBase + kPageBytes)->dirty);
  clear(*domain);
}

TEST_F(DomainTest, FutexWords) {
  auto domain = create();
  ASSERT_TRUE(domain->map(kBase, frame(), kReadWrite));
  EXPECT_EQ(*domain->load(kBase + 8), 0u);
  EXPECT_EQ(*domain->compare_exchange(kBase + 8, 0, 7), 0u);
  EXPECT_EQ(*domain->compare_exchange(kBase + 8, 0, 9), 7u);
  EXPECT_EQ(*domain->load(kBase + 8), 7u);
  domain->protect(kBase, kPageBytes, Access::Read);
  EXPECT_EQ(domain->compare_exchange(kBase + 8, 7, 1).error(), Error::Fault);
  EXPECT_EQ(domain->load(kBase + kPageBytes).error(), Error::Fault);
  clear(*domain);
}

TEST_F(DomainTest, AgreesWithAModelOverManyOperations) {
  const u64 before = machine.settled_free_frames();
  std::mt19937_64 random(5);
  {
    auto domain = create();
    std::map<u64, Mapping> model;
    for (int step = 0; step < 20'000; ++step) {
      // Pages at both sides of table borders.
      const VirtualAddress page =
          kBase + (random() % 4) * kGiB - (random() % 64) * kPageBytes + (random() % 3) * 2 * kMiB;
      const Access access = random() % 3 == 0 ? Access::None : random() % 2 ? Access::Read : kReadWrite;
      switch (random() % 4) {
        case 0:
        case 1: {
          const auto mine = machine.frames().allocate();
          if (!mine) break;
          const auto old = domain->map(page, *mine, access);
          ASSERT_TRUE(old);
          ASSERT_EQ(*old, model.contains(page.value) ? model[page.value].frame : Frame{});
          if (*old) machine.frames().free(*old);
          model[page.value] = {*mine, access};
          break;
        }
        case 2: {
          const u64 bytes = random() % 40 * kPageBytes;
          Collect removed;
          domain->unmap(page, bytes, removed);
          for (const auto& [address, mapping] : removed.found) {
            ASSERT_TRUE(model.contains(address) && address >= page.value && address < page.value + bytes);
            ASSERT_EQ(model[address].frame, mapping.frame);
            model.erase(address);
            machine.frames().free(mapping.frame);
          }
          ASSERT_TRUE(model.lower_bound(page.value) == model.lower_bound(page.value + bytes));
          break;
        }
        case 3: {
          const u64 bytes = random() % 600 * kPageBytes;
          domain->protect(page, bytes, access);
          for (auto i = model.lower_bound(page.value); i != model.lower_bound(page.value + bytes); ++i)
            i->second.access = access;
        }
      }
      if (step % 500 != 0) continue;
      Collect all;
      domain->visit(Domain::kUserBegin, Domain::kUserEnd - Domain::kUserBegin, all);
      ASSERT_EQ(all.found.size(), model.size());
      for (const auto& [address, mapping] : all.found) {
        ASSERT_EQ(mapping.frame, model[address].frame);
        ASSERT_EQ(mapping.access, model[address].access);
      }
    }
    clear(*domain);
  }
  EXPECT_EQ(machine.settled_free_frames(), before);
}

TEST_F(DomainTest, AThousandSpacesLeaveNothingBehind) {
  const u64 before = machine.settled_free_frames();
  for (int i = 0; i < 1000; ++i) {
    auto domain = create();
    auto& space = NucleusDomain::of(*domain).space();
    space.activate();
    for (int j = 0; j < 8; ++j) ASSERT_TRUE(domain->map(kBase + j * kGiB * 100, frame(), kReadWrite));
    EXPECT_GE(space.table_frames(), 17u);
    clear(*domain);
    // Goes while this core, and another one, still have it loaded.
    RunAs other(machine, 1);
    space.activate();
  }
  EXPECT_EQ(machine.core(0).memory.loaded, nullptr);
  EXPECT_EQ(machine.core(1).root, machine.memory().kernel().root());
  EXPECT_EQ(machine.settled_free_frames(), before);
}

TEST_F(DomainTest, RunningOutOfTablesIsAnErrorAndLeaksNothing) {
  const u64 before = machine.settled_free_frames();
  {
    auto domain = create();
    const Frame mine = frame();
    std::vector<Frame> held;
    while (const auto taken = machine.frames().allocate()) held.push_back(*taken);
    EXPECT_EQ(domain->map(kBase, mine, kReadWrite).error(), Error::OutOfMemory);
    const auto another = DomainWith<SynchronousTlb>::create(machine.memory(), tlb);
    EXPECT_EQ(another.error(), Error::OutOfMemory);
    machine.frames().free(held.back());
    held.pop_back();
    EXPECT_EQ(domain->map(kBase, mine, kReadWrite).error(), Error::OutOfMemory);
    for (const Frame taken : held) machine.frames().free(taken);
    EXPECT_TRUE(domain->map(kBase, mine, kReadWrite));
    clear(*domain);
  }
  EXPECT_EQ(machine.settled_free_frames(), before);
}

TEST_F(DomainTest, KernelMappingsMadeLaterAreSeenInAllSpaces) {
  auto domain = create();
  const auto device = machine.memory().kernel().map_physical({0xfee0'0010}, 32, false);
  ASSERT_TRUE(device);
  auto& space = NucleusDomain::of(*domain).space();
  const VirtualAddress address{reinterpret_cast<u64>(*device)};
  const Leaf leaf = find_leaf(WindowTables(space.window(), space.root()), address);
  ASSERT_TRUE(leaf.entry);
  EXPECT_EQ(machine::address_of(*leaf.entry).value, 0xfee0'0000u);
  EXPECT_EQ(*leaf.entry & machine::kUncached, machine::kUncached);
  EXPECT_EQ(address.page_offset(), 0x10u);
  machine.memory().kernel().unmap_physical(*device, 32);
  EXPECT_EQ(*leaf.entry, 0u);
}

}  // namespace
}  // namespace vari::nucleus
