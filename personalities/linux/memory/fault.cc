// What happens when a page is touched that is not there, or not there for this access: zeros on demand,
// a page of the mapped object, a private copy. Called by page faults of user code and by UserMemory.
//
// Lock order: lock_ is held while an object is asked for a page. So a file must not hold a lock that its
// MemoryObject::page() takes while it moves bytes of a Transfer, which may fault and come here.
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/memory/region_pages.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;
using FaultResult = std::expected<void, FaultError>;

namespace {
std::expected<Frame, FaultError> fetch(const Region& region, u64 page, bool for_write) {
  const auto frame = region.object->page(region.object_page(page), for_write);
  if (frame.has_value()) return *frame;
  return std::unexpected(frame.error() == Errno::NoMemory || frame.error() == Errno::NoSpace
                             ? FaultError::OutOfMemory
                             : FaultError::BeyondObject);
}
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
  if (wants(wanted, Access::Write) && region->tracks_writes()) return begin_writing(*region, page, *mapping);
  domain_->protect({page}, kPageBytes, region->quiet_access());
  return {};
}

FaultResult MemoryMap::install(u64 page, Frame frame, Access access) {
  const auto previous = domain_->map({page}, frame, access);
  if (!previous.has_value()) {
    references_.drop(frame);
    return std::unexpected(FaultError::OutOfMemory);
  }
  // The frame of zeros and the vDSO's are no memory that a program has.
  const bool before = *previous && !references_.is_uncounted(*previous);
  if (*previous) references_.drop(*previous);
  if (!before && !references_.is_uncounted(frame)) count_resident(1);
  return {};
}

FaultResult MemoryMap::fill(Region& region, u64 page, Access wanted) {
  if (region.object) return fill_from_object(region, page, wanted);
  if (!wants(wanted, Access::Write)) {
    const auto zeros = references_.zeros();
    if (!zeros.has_value()) return std::unexpected(FaultError::OutOfMemory);
    return install(page, *zeros, without_write(region.access));
  }
  const auto frame = personality_.vfs().allocate_frame();
  if (!frame.has_value()) return std::unexpected(FaultError::OutOfMemory);
  region.own_pages = true;
  if (auto done = install(page, *frame, region.access); !done.has_value()) return done;
  if (slowpath(may_bring_more())) fill_neighbours(region, page);
  return {};
}

FaultResult MemoryMap::fill_from_object(Region& region, u64 page, Access wanted) {
  const bool wants_write = wants(wanted, Access::Write);
  if (wants_write && !region.shared) {
    const auto frame = fetch(region, page, false);
    if (!frame.has_value()) return std::unexpected(frame.error());
    const auto copy = personality_.vfs().allocate_frame_uncleared();
    if (copy.has_value()) __builtin_memcpy(place_.window(*copy), place_.window(*frame), kPageBytes);
    references_.drop(*frame);
    if (!copy.has_value()) return std::unexpected(FaultError::OutOfMemory);
    region.own_pages = true;
    if (auto done = install(page, *copy, region.access); !done.has_value()) return done;
    if (slowpath(may_bring_more())) copy_neighbours(region, page);
    return {};
  }
  const Access access = wants_write ? region.access : region.quiet_access();
  const auto frame = fetch(region, page, allows(access, Access::Write));
  if (!frame.has_value()) return std::unexpected(frame.error());
  if (auto done = install(page, *frame, access); !done.has_value()) return done;
  if (!wants_write) map_neighbours(region, page);
  return {};
}

/// The object may have another frame for it by now, if it was changed from elsewhere.
FaultResult MemoryMap::begin_writing(Region& region, u64 page, const Mapping& mapping) {
  const auto frame = fetch(region, page, true);
  if (!frame.has_value()) return std::unexpected(frame.error());
  if (*frame != mapping.frame) return install(page, *frame, region.access);
  references_.drop(*frame);
  domain_->protect({page}, kPageBytes, region.access);
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
  const bool zeros = references_.is_zeros(mapping.frame);
  const auto copy =
      zeros ? personality_.vfs().allocate_frame() : personality_.vfs().allocate_frame_uncleared();
  if (!copy.has_value()) return std::unexpected(FaultError::OutOfMemory);
  if (!zeros) __builtin_memcpy(place_.window(*copy), place_.window(mapping.frame), kPageBytes);
  region.own_pages = true;
  if (auto done = install(page, *copy, region.access); !done.has_value()) return done;
  if (slowpath(region.object && may_bring_more())) copy_neighbours(region, page);
  return {};
}

LinuxResult<> MemoryMap::write_by_force(u64 address, std::span<const u8> bytes) {
  const u64 page = align_down(address, kPageBytes);
  ASSERT(!bytes.empty() && page == align_down(address + bytes.size() - 1, kPageBytes));
  if (address >= Domain::kUserEnd.value) return std::unexpected(Errno::Io);
  Guard<Mutex> guard(lock_);
  auto* region = find_or_grow(address);
  const bool own = region && (region->shared ? allows(region->access, Access::Write) : region->may_write);
  if (!own) return std::unexpected(Errno::Io);
  auto mapping = domain_->lookup({page});
  FaultResult made;
  if (!mapping.has_value()) {
    made = fill(*region, page, Access::Write);
  } else if (!allows(mapping->access, Access::Write)) {
    made = region->shared ? begin_writing(*region, page, *mapping) : copy_on_write(*region, page, *mapping);
  }
  if (!made.has_value()) return std::unexpected(Errno::Io);
  mapping = domain_->lookup({page});
  if (!mapping.has_value()) return std::unexpected(Errno::Io);
  __builtin_memcpy(place_.window(mapping->frame) + (address - page), bytes.data(), bytes.size());
  return {};
}

}  // namespace vari::linux
