// A list of physical ranges on which the memory map is worked out before anything can allocate:
// firmware's map is unsorted, may overlap and contradict itself.
#pragma once

#include <span>

#include "base/types.h"

namespace vari::nucleus {

class MemoryMap {
 public:
  struct Piece {
    u64 begin = 0, end = 0;  // frame numbers
  };
  static constexpr std::size_t kMaximumPieces = 160;

  /// Adds [begin, end) where it is not covered yet; keeps the list sorted, joins neighbours.
  void add(u64 begin, u64 end);
  /// Takes [begin, end) out.
  void subtract(u64 begin, u64 end);
  /// Cuts the piece that spans `frame` in two.
  void split_at(u64 frame);
  std::span<const Piece> pieces() const { return {pieces_, count_}; }
  u64 total() const;

 private:
  void insert(std::size_t at, Piece piece);
  void remove(std::size_t at);

  Piece pieces_[kMaximumPieces];
  std::size_t count_ = 0;
};

}  // namespace vari::nucleus
