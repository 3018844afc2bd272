// Interval arithmetic on a small sorted array. Where the array is full, memory is given up, never
// invented: too many pieces cost RAM, not correctness.
#include "nucleus/memory_map.h"

namespace vari::nucleus {

void MemoryMap::insert(std::size_t at, Piece piece) {
  if (count_ == kMaximumPieces) return;
  for (std::size_t i = count_; i > at; --i) pieces_[i] = pieces_[i - 1];
  pieces_[at] = piece;
  ++count_;
}

void MemoryMap::remove(std::size_t at) {
  --count_;
  for (std::size_t i = at; i < count_; ++i) pieces_[i] = pieces_[i + 1];
}

void MemoryMap::add(u64 begin, u64 end) {
  if (begin >= end) return;
  std::size_t at = 0;
  while (at < count_ && pieces_[at].end < begin) ++at;
  while (at < count_ && pieces_[at].begin <= end) {
    if (pieces_[at].begin < begin) begin = pieces_[at].begin;
    if (pieces_[at].end > end) end = pieces_[at].end;
    remove(at);
  }
  insert(at, {begin, end});
}

void MemoryMap::subtract(u64 begin, u64 end) {
  if (begin >= end) return;
  for (std::size_t i = 0; i < count_;) {
    const Piece piece = pieces_[i];
    if (piece.end <= begin || piece.begin >= end) {
      ++i;
      continue;
    }
    remove(i);
    if (piece.begin < begin) insert(i++, {piece.begin, begin});
    if (piece.end > end) insert(i++, {end, piece.end});
  }
}

void MemoryMap::split_at(u64 frame) {
  for (std::size_t i = 0; i < count_; ++i) {
    const Piece piece = pieces_[i];
    if (piece.begin >= frame || piece.end <= frame) continue;
    if (count_ == kMaximumPieces) return;
    pieces_[i].end = frame;
    insert(i + 1, {frame, piece.end});
    return;
  }
}

u64 MemoryMap::total() const {
  u64 total = 0;
  for (const auto& piece : pieces()) total += piece.end - piece.begin;
  return total;
}

}  // namespace vari::nucleus
