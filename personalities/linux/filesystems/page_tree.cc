// See page_tree.h. A node's slots hold children or, in the lowest level, frame numbers.
#include "personalities/linux/filesystems/page_tree.h"

#include "base/assert.h"
#include "runtime/memory.h"

namespace vari::linux {

struct PageTree::Node {
  u64 slots[kFanOut] = {};
  u32 used = 0;
  Node* child(unsigned slot) const { return reinterpret_cast<Node*>(slots[slot]); }
};

namespace {
constexpr unsigned slot_of(u64 index, unsigned level) {
  return static_cast<unsigned>(index >> (PageTree::kBits * level)) & (PageTree::kFanOut - 1);
}
}  // namespace

PageTree::Reserve::~Reserve() {
  while (first_) runtime::free(take(), sizeof(Node));
}

LinuxResult<> PageTree::Reserve::fill(unsigned count) {
  while (count_ < count) {
    void* memory = runtime::allocate(sizeof(Node));
    if (!memory) return std::unexpected(Errno::NoMemory);
    *static_cast<void**>(memory) = first_;
    first_ = memory;
    ++count_;
  }
  return {};
}

void* PageTree::Reserve::take() {
  ASSERT(first_);
  void* memory = first_;
  first_ = *static_cast<void**>(memory);
  --count_;
  return memory;
}

PageTree::~PageTree() {
  if (root_) destroy(root_, levels_ - 1);
}

// Recursion is bounded by kMaximumLevels.
void PageTree::destroy(Node* node, unsigned level) {
  if (level > 0) {
    for (unsigned slot = 0; slot < kFanOut; ++slot)
      if (node->slots[slot]) destroy(node->child(slot), level - 1);
  }
  runtime::free(node, sizeof(Node));
}

Frame PageTree::find(u64 index) const {
  if (levels_ == 0 || (levels_ < kMaximumLevels && index >= span_of(levels_))) return {};
  const Node* node = root_;
  for (unsigned level = levels_ - 1; level > 0; --level) {
    node = node->child(slot_of(index, level));
    if (!node) return {};
  }
  return {node->slots[slot_of(index, 0)]};
}

unsigned PageTree::missing(u64 index) const {
  unsigned wanted = 1;
  while (wanted < kMaximumLevels && index >= span_of(wanted)) ++wanted;
  if (levels_ == 0) return wanted;
  // New roots above the present one, and then a chain of new nodes beside it.
  if (wanted > levels_) return (wanted - levels_) + (wanted - 1);
  const Node* node = root_;
  for (unsigned level = levels_ - 1; level > 0; --level) {
    node = node->child(slot_of(index, level));
    if (!node) return level;
  }
  return 0;
}

void PageTree::insert(u64 index, Frame frame, Reserve& reserve) {
  unsigned wanted = 1;
  while (wanted < kMaximumLevels && index >= span_of(wanted)) ++wanted;
  while (levels_ < wanted) {
    if (!root_) {
      root_ = new (reserve.take()) Node();
      levels_ = wanted;
      break;
    }
    Node* above = new (reserve.take()) Node();
    above->slots[0] = reinterpret_cast<u64>(root_);
    above->used = 1;
    root_ = above;
    ++levels_;
  }
  Node* node = root_;
  for (unsigned level = levels_ - 1; level > 0; --level) {
    const unsigned slot = slot_of(index, level);
    if (!node->slots[slot]) {
      node->slots[slot] = reinterpret_cast<u64>(new (reserve.take()) Node());
      ++node->used;
    }
    node = node->child(slot);
  }
  u64& slot = node->slots[slot_of(index, 0)];
  ASSERT(slot == 0);
  slot = frame.number;
  ++node->used;
}

PageTree::Found PageTree::next(u64 index) const {
  if (levels_ == 0 || (levels_ < kMaximumLevels && index >= span_of(levels_))) return {};
  return next_in(root_, levels_ - 1, index, 0);
}

PageTree::Found PageTree::next_in(const Node* node, unsigned level, u64 index, u64 base) {
  for (unsigned slot = slot_of(index, level); slot < kFanOut; ++slot) {
    const u64 begin = base + (u64{slot} << (kBits * level));
    if (!node->slots[slot]) continue;
    if (level == 0) return {begin, {node->slots[slot]}};
    const auto found = next_in(node->child(slot), level - 1, begin > index ? begin : index, begin);
    if (found.frame) return found;
    index = begin + (u64{1} << (kBits * level));
    if (slot + 1 == kFanOut) break;
  }
  return {};
}

Frame PageTree::remove(u64 index) {
  if (!find(index)) return {};
  Node* path[kMaximumLevels];
  Node* node = root_;
  for (unsigned level = levels_ - 1; level > 0; --level) {
    path[level] = node;
    node = node->child(slot_of(index, level));
  }
  path[0] = node;
  const Frame frame{node->slots[slot_of(index, 0)]};
  for (unsigned level = 0; level < levels_; ++level) {
    path[level]->slots[slot_of(index, level)] = 0;
    if (--path[level]->used > 0) return frame;
    runtime::free(path[level], sizeof(Node));
  }
  root_ = nullptr;
  levels_ = 0;
  return frame;
}

}  // namespace vari::linux
