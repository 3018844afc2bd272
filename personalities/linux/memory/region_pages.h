// Small helpers of the memory map's parts.
#pragma once

#include "interfaces/place.h"
#include "personalities/linux/memory/frame_references.h"

namespace vari::linux {

/// True if any of `kinds` is among what an access wants.
constexpr bool wants(Access wanted, Access kinds) {
  return (static_cast<u8>(wanted) & static_cast<u8>(kinds)) != 0;
}

/// Drops the reference that each removed mapping held.
class PageDropper final : public Domain::Visitor {
 public:
  explicit PageDropper(FrameReferences& references) : references_(references) {}
  void visit(VirtualAddress, const Mapping& mapping) override {
    if (!references_.is_uncounted(mapping.frame)) ++count_;
    references_.drop(mapping.frame);
  }
  u64 count() const { return count_; }

 private:
  FrameReferences& references_;
  u64 count_ = 0;
};

}  // namespace vari::linux
