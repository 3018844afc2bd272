// See memory_maps.h.
#include "personalities/linux/memory/memory_maps.h"

#include <algorithm>

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

void MemoryMaps::add(MemoryMap& map) {
  Guard<Mutex> guard(lock_);
  maps_.push_back(map);
}

void MemoryMaps::remove(MemoryMap& map) {
  Guard<Mutex> guard(lock_);
  maps_.erase(maps_.iterator_to(map));
}

void MemoryMaps::forget(const MemoryObject& object, u64 first, u64 end, bool copies) {
  Guard<Mutex> guard(lock_);
  for (auto& map : maps_) map.forget_object(object, first, end, copies);
}

bool MemoryMaps::is_writable_somewhere(const MemoryObject& object) {
  Guard<Mutex> guard(lock_);
  return std::ranges::any_of(maps_, [&](MemoryMap& map) { return map.may_write_object(object); });
}

void MemoryMap::forget_object(const MemoryObject& object, u64 first, u64 end, bool copies) {
  Guard<Mutex> guard(lock_);
  for (auto& region : regions_) {
    if (region.object.get() != &object) continue;
    if (!copies && !region.shared && region.own_pages) continue;
    const u64 region_end = region.first_page + (region.bytes() >> kPageShift);
    const u64 from = std::max(first, region.first_page), to = std::min(end, region_end);
    if (from >= to) continue;
    drop_pages(region.begin + ((from - region.first_page) << kPageShift),
               region.begin + ((to - region.first_page) << kPageShift));
  }
}

bool MemoryMap::may_write_object(const MemoryObject& object) {
  Guard<Mutex> guard(lock_);
  return std::ranges::any_of(regions_, [&](const Region& region) {
    return region.object.get() == &object && region.shared && region.may_write;
  });
}

}  // namespace vari::linux
