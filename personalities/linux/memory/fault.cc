// What happens when a page is touched that is not there, or not there for this access: zeros on demand,
// a page of the mapped object, a private copy. Called by page faults of user code and by UserMemory.
//
// Lock order: lock_ is held while an object is asked for a page. So a file must not hold a lock that its
// MemoryObject::page() takes while it moves bytes of a Transfer, which may fault and come here.
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/memory/region_pages.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;
using FaultResult = std::expected<void, FaultError>;

namespace {
/// A read fault on a file maps what is at hand in the same aligned window, to save the next faults.
constexpr u64 kFaultAroundBytes = 16 * kPageBytes;
}  // namespace

FaultResult MemoryMap::resolve_fault(u64 address, Access wanted) {
  if (address >= Domain::kUserEnd.value) return std::unexpected(FaultError::NotMapped);
  Guard<Mutex> guard(lock_);
  auto* region = find_or_grow(address);
  if (!region) return std::unexpected(FaultError::NotMapped);
  if (!allows(region->access, wanted)) return std::unexpected(FaultError::Forbidden);
  const u64 page = align_down(address, kPageBytes);
  const auto mapping = domain_->lookup({page});
  if (!mapping.has_value()) return fill(*region, page, wanted);
  if (allows(mapping->access, wanted)) return {};  // another thread was faster
  if (wants(wanted, Access::Write) && !region->shared) return copy_on_write(*region, page, *mapping);
  domain_->protect({page}, kPageBytes, region->shared ? region->access : without_write(region->access));
  return {};
}

FaultResult MemoryMap::install(u64 page, Frame frame, Access access) {
  const auto previous = domain_->map({page}, frame, access);
  if (!previous.has_value()) {
    references_.drop(frame);
    return std::unexpected(FaultError::OutOfMemory);
  }
  if (*previous) {
    references_.drop(*previous);
  } else {
    count_resident(1);
  }
  return {};
}

FaultResult MemoryMap::fill(Region& region, u64 page, Access wanted) {
  if (region.object) return fill_from_object(region, page, wanted);
  const auto frame = place_.allocate_frame();
  if (!frame.has_value()) return std::unexpected(FaultError::OutOfMemory);
  region.own_pages = true;
  return install(page, *frame, region.access);
}

FaultResult MemoryMap::fill_from_object(Region& region, u64 page, Access wanted) {
  const bool wants_write = wants(wanted, Access::Write);
  const auto fetch = [&](u64 at, bool for_write) -> std::expected<Frame, FaultError> {
    const auto frame = region.object->page(region.object_page(at), for_write);
    if (frame.has_value()) return *frame;
    return std::unexpected(frame.error() == Errno::NoMemory || frame.error() == Errno::NoSpace
                               ? FaultError::OutOfMemory
                               : FaultError::BeyondObject);
  };
  if (region.shared) {
    const auto frame = fetch(page, allows(region.access, Access::Write));
    if (!frame.has_value()) return std::unexpected(frame.error());
    return install(page, *frame, region.access);
  }
  const auto frame = fetch(page, false);
  if (!frame.has_value()) return std::unexpected(frame.error());
  if (wants_write) {
    const auto copy = place_.allocate_frame_uncleared();
    if (copy.has_value()) __builtin_memcpy(place_.window(*copy), place_.window(*frame), kPageBytes);
    references_.drop(*frame);
    if (!copy.has_value()) return std::unexpected(FaultError::OutOfMemory);
    region.own_pages = true;
    return install(page, *copy, region.access);
  }
  const Access access = without_write(region.access);
  if (auto done = install(page, *frame, access); !done.has_value()) return done;
  const u64 window = align_down(page, kFaultAroundBytes);
  const u64 end = std::min(region.end, window + kFaultAroundBytes);
  for (u64 at = page + kPageBytes; at < end; at += kPageBytes) {
    if (domain_->lookup({at}).has_value()) continue;
    const auto neighbour = fetch(at, false);
    if (!neighbour.has_value() || !install(at, *neighbour, access).has_value()) break;
  }
  return {};
}

/// A private page that others hold, too, is replaced by a copy; one that nobody else holds just becomes
/// writable again.
FaultResult MemoryMap::copy_on_write(Region& region, u64 page, const Mapping& mapping) {
  if (!references_.is_shared(mapping.frame)) {
    domain_->protect({page}, kPageBytes, region.access);
    region.own_pages = true;
    return {};
  }
  const auto copy = place_.allocate_frame_uncleared();
  if (!copy.has_value()) return std::unexpected(FaultError::OutOfMemory);
  __builtin_memcpy(place_.window(*copy), place_.window(mapping.frame), kPageBytes);
  region.own_pages = true;
  return install(page, *copy, region.access);
}

}  // namespace vari::linux
