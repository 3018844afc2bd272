// The set of regions: making, removing, splitting, merging, and where new ones go. What happens when a
// program touches them is in fault.cc; fork is in memory_clone.cc, mremap in remap.cc.
#include "personalities/linux/memory/memory_map.h"

#include "personalities/linux/memory/memory_maps.h"
#include "personalities/linux/memory/region_pages.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

namespace {

/// Kept free below a region that grows down, so that an overflow faults rather than hits a neighbour.
constexpr u64 kStackGuardBytes = 256 * kPageBytes;
constexpr u64 kUserEnd = Domain::kUserEnd.value;
/// Where mmap looks for room from, downwards: below the largest stack that is usual.
constexpr u64 kDefaultMappingTop = kUserEnd - 128 * kMiB;
/// The least address that mmap gives (vm.mmap_min_addr).
constexpr u64 kMappingBottom = 64 * kKiB;

bool alike(const Region& a, const Region& b) {
  return a.end == b.begin && a.access == b.access && a.shared == b.shared && a.grows_down == b.grows_down &&
         a.heap == b.heap && a.may_write == b.may_write && a.keep_on_fork == b.keep_on_fork &&
         a.wipe_on_fork == b.wipe_on_fork && a.locked == b.locked && a.policy == b.policy &&
         a.object == b.object && (!a.object || a.first_page + (a.bytes() >> kPageShift) == b.first_page);
}

/// The lowest address that others must keep off.
u64 guarded_begin(const Region& region) {
  if (!region.grows_down) return region.begin;
  return region.begin > kStackGuardBytes ? region.begin - kStackGuardBytes : 0;
}

}  // namespace

LinuxResult<Ref<MemoryMap>> MemoryMap::create(Personality& personality) {
  auto domain = TRY(personality.place().create_domain());
  return TRY(runtime::make<MemoryMap>(personality, std::move(domain)));
}

MemoryMap::MemoryMap(Personality& personality, Ref<Domain> domain)
    : personality_(personality),
      references_(personality.frames()),
      place_(personality.place()),
      domain_(std::move(domain)),
      pages_a_fault_(personality.place().pages_a_fault()),
      mapping_top_(kDefaultMappingTop) {
  personality.memory_maps().add(*this);
}

/// Nobody else refers to this map any more, so its lock is only for the analysis.
MemoryMap::~MemoryMap() {
  personality_.memory_maps().remove(*this);
  Guard<Mutex> guard(lock_);
  while (!regions_.empty()) {
    auto& region = *regions_.begin();
    let_go(region);
    regions_.erase(regions_.begin());
    delete &region;
  }
}

Region* MemoryMap::find(u64 address) {
  const auto found = regions_.upper_bound(address);
  return found != regions_.end() && found->begin <= address ? &*found : nullptr;
}

Region* MemoryMap::find_or_grow(u64 address) {
  const auto found = regions_.upper_bound(address);
  if (found == regions_.end()) return nullptr;
  if (found->begin <= address) return &*found;
  if (!found->grows_down) return nullptr;
  const u64 begin = align_down(address, kPageBytes);
  if (begin < kMappingBottom || found->end - begin > stack_limit_bytes_) return nullptr;
  if (virtual_bytes_ + (found->begin - begin) > address_space_limit_bytes_) return nullptr;
  if (found != regions_.begin()) {
    const auto below = std::prev(found);
    const u64 gap = below->grows_down || below->access == Access::None ? 0 : kStackGuardBytes;
    if (begin < below->end + gap) return nullptr;
  }
  __atomic_store_n(&virtual_bytes_, virtual_bytes_ + (found->begin - begin), __ATOMIC_RELAXED);
  found->first_page -= found->object ? (found->begin - begin) >> kPageShift : 0;
  found->begin = begin;
  return &*found;
}

/// Top down, first fit. Order of ends is order of begins, too, since regions do not overlap.
LinuxResult<u64> MemoryMap::place_for(const Request& request) {
  const auto fits = [&](u64 begin) REQUIRES(lock_) {
    if (begin < kMappingBottom || begin > kUserEnd - request.bytes) return false;
    const auto above = regions_.upper_bound(begin);
    return above == regions_.end() || begin + request.bytes <= guarded_begin(*above);
  };
  const u64 hint = align_down(request.address, kPageBytes);
  if (hint && hint < kUserEnd && request.bytes <= kUserEnd && fits(hint)) return hint;
  u64 top = request.low ? 2 * kGiB : mapping_top_;
  auto next = regions_.upper_bound(top - 1);
  if (next != regions_.end() && guarded_begin(*next) < top) top = guarded_begin(*next);
  for (;;) {
    const u64 floor = next == regions_.begin() ? kMappingBottom : std::prev(next)->end;
    if (top >= request.bytes && top - request.bytes >= floor && top - request.bytes >= kMappingBottom)
      return top - request.bytes;
    if (next == regions_.begin()) return std::unexpected(Errno::NoMemory);
    --next;
    if (guarded_begin(*next) < top) top = guarded_begin(*next);
  }
}

LinuxResult<u64> MemoryMap::map(const Request& given) {
  Request request = given;
  if (request.bytes == 0) return std::unexpected(Errno::Invalid);
  if (request.bytes > kUserEnd) return std::unexpected(Errno::NoMemory);
  request.bytes = align_up(request.bytes, kPageBytes);
  if (!request.no_reserve && !request.object && request.access != Access::None &&
      request.bytes > place_.memory_statistics().total_bytes)
    return std::unexpected(Errno::NoMemory);
  runtime::Owner<Region> region(new (runtime::kFallible) Region);
  if (!region) return std::unexpected(Errno::NoMemory);

  Guard<Mutex> guard(lock_);
  u64 begin = request.address;
  if (request.fixed) {
    if (begin & (kPageBytes - 1)) return std::unexpected(Errno::Invalid);
    if (begin < kPageBytes || begin > kUserEnd || request.bytes > kUserEnd - begin)
      return std::unexpected(begin < kPageBytes ? Errno::Perm : Errno::NoMemory);
    const auto above = regions_.upper_bound(begin);
    const bool occupied = above != regions_.end() && above->begin < begin + request.bytes;
    if (occupied && !request.replace) return std::unexpected(Errno::Exists);
    if (occupied) TRY(clear_range(begin, begin + request.bytes));
  } else {
    begin = TRY(place_for(request));
  }
  if (virtual_bytes_ + request.bytes > address_space_limit_bytes_) return std::unexpected(Errno::NoMemory);
  if (request.object)
    TRY(request.object->check_mapping(request.shared, allows(request.access, Access::Write),
                                      request.may_write));
  region->begin = begin;
  region->end = begin + request.bytes;
  region->access = request.access;
  region->shared = request.shared;
  region->grows_down = request.grows_down;
  region->heap = request.heap;
  region->may_write = request.may_write;
  region->locked = lock_future_ != 0;
  region->object = std::move(request.object);
  region->first_page = request.first_page;
  insert(*region.leak());
  merge_around(begin, begin + request.bytes);
  return begin;
}

void MemoryMap::insert(Region& region) {
  regions_.insert(region);
  __atomic_store_n(&virtual_bytes_, virtual_bytes_ + region.bytes(), __ATOMIC_RELAXED);
}

LinuxResult<> MemoryMap::split_at(u64 address) {
  auto* region = find(address);
  if (!region || region->begin == address) return {};
  auto* lower = new (runtime::kFallible) Region;
  if (!lower) return std::unexpected(Errno::NoMemory);
  lower->begin = region->begin;
  lower->end = address;
  lower->access = region->access;
  lower->shared = region->shared;
  lower->grows_down = region->grows_down;
  lower->heap = region->heap;
  lower->may_write = region->may_write;
  lower->own_pages = region->own_pages;
  lower->keep_on_fork = region->keep_on_fork;
  lower->wipe_on_fork = region->wipe_on_fork;
  lower->locked = region->locked;
  lower->policy = region->policy;
  lower->object = region->object;
  lower->first_page = region->first_page;
  region->first_page = region->object_page(address);
  region->begin = address;
  regions_.insert(*lower);
  return {};
}

void MemoryMap::merge_around(u64 begin, u64 end) {
  auto at = regions_.upper_bound(begin ? begin - 1 : 0);
  while (at != regions_.end() && at->begin <= end) {
    const auto next = std::next(at);
    if (next == regions_.end()) return;
    if (alike(*at, *next)) {
      next->begin = at->begin;
      next->first_page = at->first_page;
      next->own_pages |= at->own_pages;
      auto* merged = &*at;
      regions_.erase(at);
      delete merged;
    }
    at = next;
  }
}

void MemoryMap::drop_pages(u64 begin, u64 end) {
  PageDropper dropper(references_);
  domain_->unmap({begin}, end - begin, dropper);
  count_resident(-static_cast<i64>(dropper.count()));
}

// An error has nobody to be told to; the object keeps the pages, or says what is lost.
void MemoryMap::let_go(Region& region) {
  drop_pages(region.begin, region.end);
  if (region.tracks_writes())
    (void)region.object->write_back(region.first_page, region.bytes() >> kPageShift, 0);
}

LinuxResult<> MemoryMap::synchronise(u64 begin, u64 bytes) {
  const u64 end = begin + align_up(bytes, kPageBytes);
  LinuxResult<> result;
  Guard<Mutex> guard(lock_);
  for (u64 at = begin; at < end;) {
    auto* region = find(at);
    if (!region) return std::unexpected(Errno::NoMemory);
    const u64 upto = std::min(end, region->end);
    if (region->tracks_writes()) {
      // Order: first nobody here can write unseen, then the pages are read.
      domain_->protect({at}, upto - at, without_write(region->access));
      const auto done = region->object->write_back(region->object_page(at), (upto - at) >> kPageShift, 1);
      if (result && !done) result = done;
    }
    at = upto;
  }
  return result;
}

LinuxResult<> MemoryMap::clear_range(u64 begin, u64 end) {
  TRY(split_at(begin));
  TRY(split_at(end));
  auto at = regions_.upper_bound(begin);
  while (at != regions_.end() && at->begin < end) {
    auto& region = *at;
    at = regions_.erase(at);
    let_go(region);
    __atomic_store_n(&virtual_bytes_, virtual_bytes_ - region.bytes(), __ATOMIC_RELAXED);
    delete &region;
  }
  return {};
}

LinuxResult<> MemoryMap::unmap(u64 begin, u64 bytes) {
  if (begin & (kPageBytes - 1) || bytes == 0 || begin > kUserEnd || bytes > kUserEnd - begin)
    return std::unexpected(Errno::Invalid);
  Guard<Mutex> guard(lock_);
  return clear_range(begin, begin + align_up(bytes, kPageBytes));
}

LinuxResult<> MemoryMap::protect(u64 begin, u64 bytes, Access access) {
  const u64 end = begin + align_up(bytes, kPageBytes);
  Guard<Mutex> guard(lock_);
  for (u64 at = begin; at < end;) {
    const auto* region = find(at);
    if (!region) return std::unexpected(Errno::NoMemory);
    if (allows(access, Access::Write) && !region->may_write) return std::unexpected(Errno::Access);
    at = region->end;
  }
  TRY(split_at(begin));
  TRY(split_at(end));
  for (auto at = regions_.upper_bound(begin); at != regions_.end() && at->begin < end; ++at) {
    if (at->access == access) continue;
    at->access = access;
    domain_->protect({at->begin}, at->bytes(), at->quiet_access());
  }
  merge_around(begin, end);
  return {};
}

u64 MemoryMap::set_heap_end(u64 wanted, u64 data_limit_bytes) {
  runtime::Owner<Region> region(new (runtime::kFallible) Region);
  Guard<Mutex> guard(lock_);
  const u64 old_end = layout_.heap_end, begin = layout_.heap_begin;
  if (wanted < begin || wanted > kUserEnd || wanted - begin > data_limit_bytes) return old_end;
  const u64 old_page = align_up(old_end, kPageBytes), new_page = align_up(wanted, kPageBytes);
  if (new_page < old_page) {
    if (!clear_range(new_page, old_page).has_value()) return old_end;
  } else if (new_page > old_page) {
    const auto above = regions_.upper_bound(old_page);
    if (above != regions_.end() && guarded_begin(*above) < new_page) return old_end;
    if (!region || virtual_bytes_ + (new_page - old_page) > address_space_limit_bytes_ ||
        new_page - old_page > place_.memory_statistics().total_bytes)
      return old_end;
    region->begin = old_page;
    region->end = new_page;
    region->access = Access::Read | Access::Write;
    region->heap = true;
    region->locked = lock_future_ != 0;
    insert(*region.leak());
    merge_around(old_page, new_page);
  }
  layout_.heap_end = wanted;
  return wanted;
}

bool MemoryMap::covered(u64 begin, u64 bytes) {
  Guard<Mutex> guard(lock_);
  for (u64 at = begin; at < begin + bytes;) {
    const auto* region = find(at);
    if (!region) return false;
    at = region->end;
  }
  return true;
}

MemoryMap::SharedWord MemoryMap::shared_word(u64 address) {
  Guard<Mutex> guard(lock_);
  const auto* region = find(address);
  if (!region || !region->shared || !region->object) return {};
  return {region->object, region->object_page(address)};
}

}  // namespace vari::linux
