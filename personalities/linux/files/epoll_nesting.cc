// Sets within sets: no rings, and not too deep (epoll_ctl(2), ELOOP). Sets are added to sets under
// Vfs::epoll_mutex() alone, which is held here; so what contains what stands still. Each set is looked at
// once: what was found of it is noted until the end.
#include <algorithm>

#include "personalities/linux/files/epoll.h"

namespace vari::linux {

namespace {
constexpr u32 kTooDeep = 1000;  // or a ring
}

/// The longest chain of sets below this one, itself included.
u32 Epoll::depth_below(const Epoll& unwanted) {
  if (this == &unwanted) return kTooDeep;
  if (depth_known_ || !contains_sets_) return depth_known_ ? depth_ : 1;
  u32 below = 0;
  for (auto& item : items_) {
    if (Epoll* inner = from(item.file_)) below = std::max(below, inner->depth_below(unwanted));
  }
  depth_known_ = true;
  return depth_ = below + 1;
}

/// The longest chain of sets above this one, itself included.
u32 Epoll::depth_above() {
  u32 above = 0;
  if (depth_known_) return depth_;
  for (EpollItem* item = watching_items(); item; item = item->next_of_file_)
    above = std::max(above, item->set_.depth_above());
  depth_known_ = true;
  return depth_ = above + 1;
}

void Epoll::forget_depths() {
  if (!std::exchange(depth_known_, false)) return;
  for (EpollItem* item = watching_items(); item; item = item->next_of_file_) item->set_.forget_depths();
  if (!contains_sets_) return;
  for (auto& item : items_) {
    if (Epoll* inner = from(item.file_)) inner->forget_depths();
  }
}

LinuxResult<> Epoll::check_nesting(Epoll& inner) {
  const u32 below = inner.depth_below(*this);
  inner.forget_depths();
  if (below > kMaximumNesting) return std::unexpected(Errno::Loop);
  const u32 above = depth_above();
  forget_depths();
  if (above + below > kMaximumNesting + 1) return std::unexpected(Errno::Loop);
  return {};
}

}  // namespace vari::linux
