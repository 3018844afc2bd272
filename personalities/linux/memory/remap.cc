// mremap: a region shrinks, grows where it stands, or moves with its pages.
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/memory/region_pages.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

namespace {

class IgnoringVisitor final : public Domain::Visitor {
 public:
  void visit(VirtualAddress, const Mapping&) override {}
};

/// Maps each page that it sees of one range at the same distance into another domain range; applied to
/// single pages, outside Domain::visit(), since a visitor must not change the domain.
LinuxResult<> move_pages(Domain& domain, u64 from, u64 to, u64 bytes) {
  for (u64 offset = 0; offset < bytes; offset += kPageBytes) {
    const auto mapping = domain.lookup({from + offset});
    if (!mapping.has_value()) continue;
    if (!domain.map({to + offset}, mapping->frame, mapping->access).has_value()) {
      IgnoringVisitor ignore;  // the frames stay with the old place
      domain.unmap({to}, offset ? offset : kPageBytes, ignore);
      return std::unexpected(Errno::NoMemory);
    }
  }
  IgnoringVisitor ignore;
  domain.unmap({from}, bytes, ignore);
  return {};
}

}  // namespace

LinuxResult<u64> MemoryMap::remap(u64 begin, u64 old_bytes, u64 new_bytes, bool may_move, bool fixed,
                                  u64 target, bool keep_old) {
  old_bytes = align_up(old_bytes, kPageBytes);
  new_bytes = align_up(new_bytes, kPageBytes);
  runtime::Owner<Region> moved(new (runtime::kFallible) Region);
  if (!moved) return std::unexpected(Errno::NoMemory);
  Guard<Mutex> guard(lock_);
  auto* region = find(begin);
  if (!region || old_bytes > region->end - begin) return std::unexpected(Errno::Fault);
  // Of nothing: a second view of what is shared; the pages come from the object when they are touched.
  if (old_bytes == 0 && (!region->shared || !may_move)) return std::unexpected(Errno::Invalid);
  if (keep_old && old_bytes != new_bytes) return std::unexpected(Errno::Invalid);
  if (new_bytes < old_bytes && !fixed) {
    TRY(clear_range(begin + new_bytes, begin + old_bytes));
    return begin;
  }
  if (new_bytes == old_bytes && !fixed && !keep_old) return begin;
  const u64 growth = new_bytes > old_bytes ? new_bytes - old_bytes : 0;
  if (virtual_bytes_ + growth > address_space_limit_bytes_ ||
      (!region->object && new_bytes > place_.memory_statistics().total_bytes))
    return std::unexpected(Errno::NoMemory);
  if (!fixed && !keep_old && old_bytes != 0 && begin + old_bytes == region->end &&
      begin + new_bytes <= Domain::kUserEnd.value) {
    const auto next = std::next(regions_.iterator_to(*region));
    if (next == regions_.end() || begin + new_bytes <= next->begin) {
      region->end = begin + new_bytes;  // still in order: nothing lies between the old end and the new
      __atomic_store_n(&virtual_bytes_, virtual_bytes_ + growth, __ATOMIC_RELAXED);
      return begin;
    }
  }
  if (!may_move) return std::unexpected(Errno::NoMemory);

  if (fixed) {
    TRY(clear_range(target, target + new_bytes));
    if (new_bytes < old_bytes) {
      TRY(clear_range(begin + new_bytes, begin + old_bytes));
      old_bytes = new_bytes;
    }
  } else {
    Request request;
    request.bytes = new_bytes;
    target = TRY(place_for(request));
  }
  TRY(split_at(begin));
  TRY(split_at(begin + old_bytes));
  region = find(begin);
  if (old_bytes) TRY(move_pages(*domain_, begin, target, old_bytes));
  moved->begin = target;
  moved->end = target + new_bytes;
  moved->access = region->access;
  moved->shared = region->shared;
  moved->heap = false;
  moved->may_write = region->may_write;
  moved->own_pages = region->own_pages;
  moved->keep_on_fork = region->keep_on_fork;
  moved->wipe_on_fork = region->wipe_on_fork;
  moved->locked = region->locked;
  moved->policy = region->policy;
  moved->object = region->object;
  moved->first_page = region->first_page;
  insert(*moved.leak());
  if (!keep_old && old_bytes) TRY(clear_range(begin, begin + old_bytes));
  merge_around(target, target + new_bytes);
  return target;
}

LinuxResult<> MemoryMap::show_pages(u64 begin, u64 bytes, u64 first_page) {
  Request request{.address = begin, .bytes = bytes, .fixed = true, .replace = true, .shared = true};
  request.first_page = first_page;
  {
    Guard<Mutex> guard(lock_);
    const auto* region = find(begin);
    if (!region || !region->shared) return std::unexpected(Errno::Invalid);
    request.access = region->access;
    request.may_write = region->may_write;
    request.object = region->object;
    // Several regions may be behind it, where an earlier call has split it, as long as they are alike.
    for (u64 at = region->end; at < begin + bytes; at = region->end) {
      region = find(at);
      if (!region || region->object != request.object || region->access != request.access)
        return std::unexpected(Errno::Invalid);
    }
  }
  TRY(map(request));
  return {};
}

}  // namespace vari::linux
