// See vdso.h; what is in the image: image/vdso.cc.
#include "personalities/linux/vdso/vdso.h"

#include <algorithm>

#include "personalities/linux/memory/memory_map.h"

namespace vari::linux {
namespace {

extern "C" const u8 vari_vdso_image[], vari_vdso_image_end[];

/// One page that is there already. Each program has objects of its own, so that fork and exit of different
/// programs do not count in the same place.
class VdsoPage final : public MemoryObject {
 public:
  VdsoPage(Frame frame, std::string_view name, bool may_be_copied)
      : frame_(frame), name_(name), may_be_copied_(may_be_copied) {}
  LinuxResult<Frame> page(u64 index, bool) override {
    if (index != 0) return std::unexpected(Errno::BadFile);
    return frame_;  // uncounted: a reference costs nothing
  }
  LinuxResult<> check_mapping(bool, bool, bool& may_write) override {
    may_write = may_be_copied_;
    return {};
  }
  std::string_view name() const override { return name_; }

 private:
  const Frame frame_;
  const std::string_view name_;
  const bool may_be_copied_;
};

LinuxResult<> map_page(MemoryMap& memory, u64 at, Ref<MemoryObject> object, Access access) {
  TRY(memory.map(
      {.address = at, .bytes = kPageBytes, .access = access, .fixed = true, .object = std::move(object)}));
  // At once: nearly every program looks at it, and its page table is there already, the stack's.
  if (!memory.resolve_fault(at, access)) return std::unexpected(Errno::NoMemory);
  return {};
}

}  // namespace

Vdso::~Vdso() {
  if (code_) frames_.place().free_frame(code_);
}

LinuxResult<> Vdso::start() {
  auto& place = frames_.place();
  data_ = place.user_clock();
  if (!data_) data_ = TRY(frames_.zeros());
  code_ = TRY(place.allocate_frame());
  // What lies behind the page is names for the linker alone.
  const auto bytes = static_cast<u64>(vari_vdso_image_end - vari_vdso_image);
  __builtin_memcpy(place.window(code_), vari_vdso_image, std::min(bytes, kPageBytes));
  frames_.keep_uncounted(data_, 0);
  frames_.keep_uncounted(code_, 1);
  return {};
}

LinuxResult<u64> Vdso::map(MemoryMap& memory, u64 begin) const {
  const u64 image = begin + kPageBytes;
  TRY(map_page(memory, begin, TRY(runtime::make<VdsoPage>(data_, "[vvar]", false)), Access::Read));
  TRY(map_page(memory, image, TRY(runtime::make<VdsoPage>(code_, "[vdso]", true)),
               Access::Read | Access::Execute));
  return image;
}

}  // namespace vari::linux
