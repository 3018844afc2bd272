// Building the kernel's half. Stacks and device mappings: kernel_areas.cc.
#include "nucleus/kernel_space.h"

#include "machine/x86_64/paging.h"
#include "nucleus/memory_map.h"
#include "nucleus/this_core.h"
#include "nucleus/tlb.h"

namespace vari::nucleus {
namespace {

constexpr unsigned kFirstKernelSlot = machine::kTableEntries / 2;
/// The first MiB is mapped whole, usable or not: firmware keeps tables there.
constexpr u64 kFirmwareBytes = kMiB;

}  // namespace

Result<Frame> KernelSpace::allocate_table() {
  const Frame table = TRY(frames_->allocate());
  __atomic_fetch_add(&table_frames_, 1, __ATOMIC_RELAXED);
  return table;
}

void KernelSpace::free_table(Frame table) {
  __atomic_fetch_sub(&table_frames_, 1, __ATOMIC_RELAXED);
  frames_->free(table);
}

Result<> KernelSpace::initialise(FrameManager& frames, const BootInformation& boot,
                                 const KernelImage& image) {
  frames_ = &frames;
  root_ = TRY(frames.allocate());
  u64* entries = frames.window().at<u64>(root_);
  entries[machine::kRecursiveSlot] = root().value | machine::kTable | machine::kNoExecute;
  TRY(build_direct_map(boot));
  TRY(build_image(image));
  TRY(fill_slots());
  return make_areas();
}

void KernelSpace::load() {
  machine::load_root_table(root());
}

/// RAM and firmware tables, by the largest pages that hold nothing else.
Result<> KernelSpace::build_direct_map(const BootInformation& boot) {
  MemoryMap map;
  map.add(0, kFirmwareBytes / kPageBytes);
  for (std::size_t i = 0; i < boot.range_count; ++i) {
    const auto& range = boot.ranges[i];
    if (range.kind == MemoryKind::Reserved || range.kind == MemoryKind::Bad) continue;
    map.add(range.begin.value / kPageBytes, divide_up(range.begin.value + range.bytes, kPageBytes));
  }
  // What lies beyond the direct map's slots can't be reached, and is not used.
  map.subtract((machine::kHeapBegin - machine::kDirectMap) / kPageBytes, ~u64{0});
  const bool huge_pages = machine::has_huge_pages();
  for (const auto& piece : map.pieces())
    TRY(map_direct(piece.begin * kPageBytes, piece.end * kPageBytes, huge_pages));
  return {};
}

Result<> KernelSpace::map_direct(u64 begin, u64 end, bool huge_pages) {
  const auto fits = [&](u64 bytes) { return is_aligned(begin, bytes) && end - begin >= bytes; };
  while (begin < end) {
    const VirtualAddress address{machine::kDirectMap + begin};
    if (huge_pages && fits(kHugePageBytes)) {
      u64* entry = TRY(reach<3>(tables(), *this, machine::kTable, address));
      *entry = begin | kKernelData | machine::kLargePage;
      begin += kHugePageBytes;
    } else if (fits(kLargePageBytes)) {
      TRY(map_large_page(address, Frame::containing({begin})));
      begin += kLargePageBytes;
    } else {
      TRY(map_page(address, Frame::containing({begin})));
      begin += kPageBytes;
    }
  }
  return {};
}

/// Write xor execute: code can't be written, data can't be run.
Result<> KernelSpace::build_image(const KernelImage& image) {
  const u64 read = machine::kPresent | machine::kGlobal;
  TRY(map_image_part(image.text_begin, image.text_end, read));
  TRY(map_image_part(image.rodata_begin, image.rodata_end, read | machine::kNoExecute));
  return map_image_part(image.data_begin, image.data_end, kKernelData);
}

Result<> KernelSpace::map_image_part(VirtualAddress begin, VirtualAddress end, u64 flags) {
  for (VirtualAddress page = begin.page(); page < end; page = page + kPageBytes)
    TRY(map_page(page, Frame::containing(KernelImage::physical(page)), flags));
  return {};
}

/// Every area's root slot gets its table now (K49). One slot, 512 GiB, is enough for each; the direct
/// map has filled as many as there is RAM.
Result<> KernelSpace::fill_slots() {
  for (const u64 area :
       {machine::kHeapBegin, machine::kStacksBegin, machine::kDevicesBegin, machine::kShadowBegin})
    TRY(reach<3>(tables(), *this, machine::kTable, {area}));
  return {};
}

Result<> KernelSpace::map_page(VirtualAddress page, Frame frame, u64 flags) {
  u64* entry = TRY(reach<1>(tables(), *this, machine::kTable, page));
  const u64 old = __atomic_exchange_n(entry, frame.address().value | flags, __ATOMIC_ACQ_REL);
  ASSERT(old == 0);
  return {};
}

Result<> KernelSpace::map_large_page(VirtualAddress page, Frame frame, u64 flags) {
  u64* entry = TRY(reach<2>(tables(), *this, machine::kTable, page));
  // A chunk of the heap that was mapped by small pages once has left its table here (K53): the
  // caller goes on with small pages.
  u64 expected = 0;
  if (!__atomic_compare_exchange_n(entry, &expected, frame.address().value | flags | machine::kLargePage,
                                   false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
    return std::unexpected(Error::AlreadyExists);
  return {};
}

void KernelSpace::unmap_and_free(VirtualAddress begin, u64 bytes) {
  forbid(begin, bytes);
  invalidate_kernel_everywhere(begin, bytes / kPageBytes);
  free_forbidden(begin, bytes);
}

// Two passes, so that nothing must be remembered: forbid, drop the translations, then take out and free.
void KernelSpace::forbid(VirtualAddress begin, u64 bytes) {
  for_each_leaf(tables(), begin, begin + bytes, [](VirtualAddress, u64* entry, unsigned) {
    __atomic_fetch_and(entry, ~machine::kPresent, __ATOMIC_ACQ_REL);
    return true;
  });
}

void KernelSpace::free_forbidden(VirtualAddress begin, u64 bytes) {
  for_each_leaf(tables(), begin, begin + bytes, [this](VirtualAddress, u64* entry, unsigned level) {
    const u64 old = __atomic_exchange_n(entry, 0, __ATOMIC_ACQ_REL);
    const Frame frame = Frame::containing({old & machine::kAddressMask});
    level == 1 ? frames_->free(frame) : frames_->free_large(frame);
    return true;
  });
}

u64 KernelSpace::page_bytes_at(VirtualAddress address) const {
  const Leaf leaf = find_leaf(tables(), address);
  return leaf.entry && (read_entry(leaf.entry) & machine::kPresent) ? leaf.bytes() : 0;
}

Result<PhysicalAddress> KernelSpace::make_startup_root() {
  const Frame root = TRY(frames_->allocate_run(1, 1, {4 * kGiB}));
  const auto pointers = frames_->allocate();
  const auto directory = frames_->allocate();
  if (!pointers || !directory) {
    frames_->free(root);
    if (pointers) frames_->free(*pointers);
    if (directory) frames_->free(*directory);
    return std::unexpected(Error::OutOfMemory);
  }
  const auto window = frames_->window();
  u64* entries = window.at<u64>(root);
  const u64* kernel = window.at<u64>(root_);
  for (unsigned i = 0; i < machine::kTableEntries; ++i) entries[i] = i < kFirstKernelSlot ? 0 : kernel[i];
  entries[0] = pointers->address().value | machine::kTable;
  window.at<u64>(*pointers)[0] = directory->address().value | machine::kTable;
  window.at<u64>(*directory)[0] = machine::kPresent | machine::kWritable | machine::kLargePage;
  return root.address();
}

void KernelSpace::free_startup_root(PhysicalAddress root) {
  const auto window = frames_->window();
  const auto pointers = machine::address_of(window.at<u64>(root)[0]);
  const auto directory = machine::address_of(window.at<u64>(pointers)[0]);
  frames_->free(Frame::containing(directory));
  frames_->free(Frame::containing(pointers));
  frames_->free(Frame::containing(root));
}

}  // namespace vari::nucleus
