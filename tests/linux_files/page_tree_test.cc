// The radix tree of a file's pages against a map, with indices of all sizes.
#include "personalities/linux/filesystems/page_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vari::linux {
namespace {

void insert(PageTree& tree, u64 index, u64 frame) {
  PageTree::Reserve reserve;
  ASSERT_TRUE(reserve.fill(tree.missing(index)).has_value());
  tree.insert(index, {frame}, reserve);
  EXPECT_EQ(reserve.count(), 0u) << "missing() asked for more nodes than were needed";
}

TEST(PageTree, EqualsAMap) {
  std::mt19937_64 random(7);
  for (const u64 bound : {u64{50}, u64{5000}, u64{1} << 30, PageTree::kMaximumPages}) {
    PageTree tree;
    std::map<u64, u64> model;
    for (int step = 0; step < 4000; ++step) {
      const u64 index = random() % bound;
      if (random() % 3 == 0) {
        const auto found = model.find(index);
        EXPECT_EQ(tree.remove(index).number, found == model.end() ? 0 : found->second);
        if (found != model.end()) model.erase(found);
      } else if (!model.contains(index)) {
        const u64 frame = random() % 1'000'000 + 1;
        insert(tree, index, frame);
        model[index] = frame;
      }
      const u64 from = random() % bound;
      const auto next = model.lower_bound(from);
      const auto found = tree.next(from);
      EXPECT_EQ(found.frame.number, next == model.end() ? 0 : next->second);
      if (next != model.end()) {
        EXPECT_EQ(found.index, next->first);
      }
      EXPECT_EQ(tree.find(index).number, model.contains(index) ? model[index] : 0);
    }
    while (!model.empty()) {
      EXPECT_EQ(tree.remove(model.begin()->first).number, model.begin()->second);
      model.erase(model.begin());
    }
    EXPECT_TRUE(tree.empty());
  }
}

TEST(PageTree, HolesCostNothing) {
  PageTree tree;
  insert(tree, PageTree::kMaximumPages - 1, 3);
  insert(tree, 0, 4);
  EXPECT_FALSE(tree.find(1));
  EXPECT_EQ(tree.next(1).index, PageTree::kMaximumPages - 1);
  EXPECT_FALSE(tree.next(PageTree::kMaximumPages - 1).frame == Frame{});
}

}  // namespace
}  // namespace vari::linux
