// The pages of a file in memory: a radix tree from page index to frame, with nothing stored for holes.
//
// Not synchronised: its owner has a lock. Nodes are made beforehand (reserve()), so that an insertion
// under a spinlock allocates nothing.
#pragma once

#include "base/types.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

class PageTree {
 public:
  static constexpr unsigned kBits = 6, kFanOut = 1 << kBits, kMaximumLevels = 9;
  /// Page indices are below 2^51: byte offsets fit a signed 64-bit number.
  static constexpr u64 kMaximumPages = u64{1} << 51;

  PageTree() = default;
  ~PageTree();
  PageTree(const PageTree&) = delete;

  /// Spare nodes for one insertion.
  class Reserve {
   public:
    Reserve() = default;
    ~Reserve();
    Reserve(const Reserve&) = delete;
    /// NoMemory. `levels` as told by missing().
    LinuxResult<> fill(unsigned count);
    unsigned count() const { return count_; }

   private:
    friend class PageTree;
    void* take();
    void* first_ = nullptr;  // chained through their first words
    unsigned count_ = 0;
  };

  /// The frame at `index`; Frame{} for a hole.
  Frame find(u64 index) const;
  /// How many nodes an insertion at `index` needs.
  unsigned missing(u64 index) const;
  /// The index must be a hole; `reserve` holds at least missing(index) nodes.
  void insert(u64 index, Frame frame, Reserve& reserve);
  /// The first page at or behind `index`; found.frame is Frame{} if there is none.
  struct Found {
    u64 index = 0;
    Frame frame;
  };
  Found next(u64 index) const;
  /// Takes the page at `index` out, with nodes that became empty. Frame{} for a hole.
  Frame remove(u64 index);
  bool empty() const { return !root_; }

 private:
  struct Node;
  static u64 span_of(unsigned levels) { return u64{1} << (kBits * levels); }
  static void destroy(Node* node, unsigned level);
  static Found next_in(const Node* node, unsigned level, u64 index, u64 base);

  Node* root_ = nullptr;
  unsigned levels_ = 0;  // of nodes; the lowest holds frames
};

}  // namespace vari::linux
