// What a fault brings in besides its page. Pages that the object has at hand cost nothing, so those always;
// new private pages only where the place says that a fault is dear (Place::pages_a_fault), and while memory
// is plenty.
#include <algorithm>

#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/memory/region_pages.h"

namespace vari::linux {
namespace {

/// The least window of a read fault on a file, and the most of any.
constexpr u64 kNeighbours = 16, kMost = 64;

struct Window {
  u64 begin, end;
  u64 pages() const { return (end - begin) >> kPageShift; }
};

/// The aligned window of `pages` around a page, as far as the region reaches.
Window window_around(const Region& region, u64 page, u64 pages) {
  const u64 begin = align_down(page, pages * kPageBytes);
  return {std::max(region.begin, begin), std::min(region.end, begin + pages * kPageBytes)};
}

}  // namespace

bool MemoryMap::memory_is_plenty() const {
  const auto statistics = place_.memory_statistics();
  return statistics.free_bytes > statistics.total_bytes / 8;
}

void MemoryMap::map_neighbours(Region& region, u64 page) {
  const auto window = window_around(region, page, std::clamp(pages_a_fault_, kNeighbours, kMost));
  Frame frames[kMost];
  const std::span<Frame> found(frames, window.pages());
  region.object->resident(region.object_page(window.begin), found);
  for (u64 i = 0; i < found.size(); ++i) {
    if (!found[i]) continue;
    const u64 at = window.begin + (i << kPageShift);
    if (domain_->lookup({at}).has_value()) {
      references_.drop(found[i]);
    } else {
      // Short of memory for tables: then it faults when it is touched.
      (void)install(at, found[i], region.quiet_access());
    }
  }
}

void MemoryMap::fill_neighbours(Region& region, u64 page) {
  const auto window = window_around(region, page, std::min(pages_a_fault_, kMost));
  for (u64 at = window.begin; at < window.end; at += kPageBytes) {
    if (domain_->lookup({at}).has_value()) continue;
    const auto frame = place_.allocate_frame();
    if (!frame.has_value() || !install(at, *frame, region.access).has_value()) return;
  }
}

/// Of each page that is mapped to be read, or could be: what is mapped may be another's copy already.
void MemoryMap::copy_neighbours(Region& region, u64 page) {
  const auto window = window_around(region, page, std::min(pages_a_fault_, kMost));
  Frame frames[kMost];
  const std::span<Frame> found(frames, window.pages());
  region.object->resident(region.object_page(window.begin), found);
  for (u64 i = 0; i < found.size(); ++i) {
    const u64 at = window.begin + (i << kPageShift);
    const auto mapping = domain_->lookup({at});
    const bool own = mapping.has_value() &&
                     (allows(mapping->access, Access::Write) || !references_.is_shared(mapping->frame));
    const Frame source = own ? Frame{} : mapping.has_value() ? mapping->frame : found[i];
    if (source) {
      if (const auto copy = place_.allocate_frame_uncleared(); copy.has_value()) {
        __builtin_memcpy(place_.window(*copy), place_.window(source), kPageBytes);
        (void)install(at, *copy, region.access);
      }
    }
    if (found[i]) references_.drop(found[i]);
  }
}

}  // namespace vari::linux
