// fork: a second map with the same regions. Pages that are the program's own become shared by both,
// read-only, until one of them writes; pages that come from an object are fetched again on demand.
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/memory/region_pages.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

namespace {

/// Maps what it sees into the child, with a reference of the child's own.
class PageSharer final : public Domain::Visitor {
 public:
  PageSharer(FrameReferences& references, Domain& child) : references_(references), child_(child) {}
  void visit(VirtualAddress page, const Mapping& mapping) override {
    if (failed_) return;
    if (!references_.add(mapping.frame).has_value()) {
      failed_ = true;
      return;
    }
    if (!child_.map(page, mapping.frame, without_write(mapping.access)).has_value()) {
      references_.drop(mapping.frame);
      failed_ = true;
      return;
    }
    if (!references_.is_uncounted(mapping.frame)) ++count_;
  }
  bool failed() const { return failed_; }
  u64 count() const { return count_; }

 private:
  FrameReferences& references_;
  Domain& child_;
  bool failed_ = false;
  u64 count_ = 0;
};

}  // namespace

LinuxResult<> MemoryMap::copy_region(Region& region, MemoryMap& child) {
  auto* copy = new (runtime::kFallible) Region;
  if (!copy) return std::unexpected(Errno::NoMemory);
  copy->begin = region.begin;
  copy->end = region.end;
  copy->access = region.access;
  copy->shared = region.shared;
  copy->grows_down = region.grows_down;
  copy->heap = region.heap;
  copy->may_write = region.may_write;
  copy->own_pages = region.own_pages;
  copy->wipe_on_fork = region.wipe_on_fork;
  copy->policy = region.policy;
  copy->object = region.object;
  copy->first_page = region.first_page;
  {
    Guard<Mutex> guard(child.lock_);
    child.insert(*copy);
  }
  if (region.shared || !region.own_pages) return {};
  if (region.wipe_on_fork) {
    copy->own_pages = false;
    return {};
  }
  // Order: first nobody can write, then both see the same frames.
  if (allows(region.access, Access::Write))
    domain_->protect({region.begin}, region.bytes(), without_write(region.access));
  PageSharer sharer(references_, *child.domain_);
  domain_->visit({region.begin}, region.bytes(), sharer);
  child.count_resident(static_cast<i64>(sharer.count()));
  if (sharer.failed()) return std::unexpected(Errno::NoMemory);
  return {};
}

LinuxResult<Ref<MemoryMap>> MemoryMap::clone() {
  auto child = TRY(create(personality_));
  Guard<Mutex> guard(lock_);
  child->set_layout(layout_);
  child->mapping_top_ = mapping_top_;
  child->stack_limit_bytes_ = stack_limit_bytes_;
  child->address_space_limit_bytes_ = address_space_limit_bytes_;
  for (auto& region : regions_) {
    if (region.keep_on_fork) TRY(copy_region(region, *child));
  }
  return child;
}

}  // namespace vari::linux
