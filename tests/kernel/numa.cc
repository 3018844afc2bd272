// Frames of a NUMA node for the cores of that node (K40). The suite boots this on a machine of two nodes, and
// requires that there are two; on others there is one, and all is local.
#include "nucleus/domain.h"
#include "runtime/thread.h"
#include "tests/kernel/meter.h"

namespace vari::kernel_tests {
namespace {

u32 node_of(Test& test, Frame frame) {
  for (const auto& region : test.memory().frames().regions()) {
    if (region.contains(frame)) return region.node();
  }
  test.fail("a frame of no region", __FILE_NAME__, __LINE__);
  return 0;
}

u32 nodes(Test& test) {
  u64 seen = 0;
  for (const auto& region : test.memory().frames().regions()) seen |= u64{1} << region.node();
  return static_cast<u32>(__builtin_popcountll(seen));
}

/// Of 100 frames asked for on `wanted`, those that lie on `node`.
u64 percent_on(Test& test, u32 wanted, u32 node) {
  Frame taken[100];
  u64 found = 0;
  for (auto& frame : taken) {
    frame = test.memory().frames().allocate(wanted).value_or(Frame{});
    EXPECT(frame);
    found += frame && node_of(test, frame) == node;
  }
  for (const Frame frame : taken) test.memory().frames().free(frame);
  return found;
}

}  // namespace

KERNEL_TEST(frames_are_local_to_the_node_of_their_core) {
  test.figure("numa_nodes", nodes(test));
  u64 local = 100, elsewhere = 0, tables = 100;
  for (u32 cpu = 0; cpu < test.processors().count(); ++cpu) {
    OnCore here(CpuId{cpu});
    const u32 node = test.processors().at(CpuId{cpu}).memory.node;
    local = std::min(local, percent_on(test, node, node));
    // The negative control: asked for on another node, none is local.
    if (nodes(test) > 1) elsewhere = std::max(elsewhere, percent_on(test, (node + 1) % nodes(test), node));
    auto domain = nucleus::DomainWith<nucleus::SynchronousTlb>::create(test.memory(), test.tlb());
    EXPECT(domain.has_value());
    if (!domain) return;
    const auto root = nucleus::NucleusDomain::of(**domain).space().root();
    if (node_of(test, Frame::containing(root)) != node) tables = 0;
  }
  test.figure("numa_local_percent", local);
  test.figure("numa_local_percent_when_asked_elsewhere", elsewhere);
  test.figure("numa_local_root_tables_percent", tables);
  EXPECT(local == 100 && elsewhere == 0 && tables == 100);
}

// A node that is used up takes from the others: a preference, not a partition.
KERNEL_TEST(a_full_node_takes_from_others) {
  if (nodes(test) < 2) return;
  auto& frames = test.memory().frames();
  Frame list;  // each frame's first word is the number of the next
  u64 taken = 0;
  bool crossed = false;
  while (!crossed) {
    const auto frame = frames.allocate_uncleared(1);
    EXPECT(frame.has_value());
    if (!frame) break;
    frames.window().at<u64>(*frame)[0] = list.number;
    list = *frame;
    ++taken;
    crossed = node_of(test, *frame) != 1;
  }
  test.figure("frames_of_node_1_before_another_node_was_asked", taken);
  EXPECT(crossed && taken > 1000);
  while (list) {
    const Frame next{frames.window().at<u64>(list)[0]};
    frames.free(list);
    list = next;
  }
}

}  // namespace vari::kernel_tests
