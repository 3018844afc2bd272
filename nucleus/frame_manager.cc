// From the firmware's memory map to frame regions, and from requests to regions.
#include "nucleus/frame_manager.h"

#include <new>

#include "machine/x86_64/clear_page.h"
#include "nucleus/memory_map.h"

namespace vari::nucleus {
namespace {

/// A hole of at least this many frames (8 MiB) ends a region: bitmaps over it would cost more than
/// a region's header.
constexpr u64 kHoleFrames = 2048;
constexpr unsigned kZeroBudget = 8;
/// Firmware, BIOS data and processor start-up own the first MiB.
constexpr u64 kFirstFrame = kMiB / kPageBytes;
/// What x86-64 can address (52 bits): a range beyond is the firmware's error.
constexpr u64 kAddressableFrames = u64{1} << (52 - kPageShift);

struct Span {
  Frame begin, end;
  u32 node = 0;
};

struct Frames {
  u64 begin, end;
};
/// The whole frames inside a range.
Frames inner(PhysicalAddress begin, u64 bytes) {
  u64 end = begin.value + bytes;
  if (end < begin.value || end / kPageBytes > kAddressableFrames) end = kAddressableFrames * kPageBytes;
  if (begin.value >= end) return {0, 0};
  return {divide_up(begin.value, kPageBytes), end / kPageBytes};
}
/// All frames that a range touches.
Frames outer(PhysicalAddress begin, u64 bytes) {
  if (bytes == 0) return {0, 0};
  u64 last = begin.value + bytes - 1;
  if (last < begin.value) last = ~u64{0};
  return {begin.value / kPageBytes, last / kPageBytes + 1};
}

/// RAM that could be managed: what is reserved in it may be released later.
void find_memory(const BootInformation& boot, MemoryMap& map) {
  for (std::size_t i = 0; i < boot.range_count; ++i) {
    const auto& range = boot.ranges[i];
    if (range.kind != MemoryKind::Usable) continue;
    const auto frames = inner(range.begin, range.bytes);
    map.add(frames.begin, frames.end);
  }
  for (std::size_t i = 0; i < boot.range_count; ++i) {
    const auto& range = boot.ranges[i];
    if (range.kind == MemoryKind::Usable) continue;
    const auto frames = outer(range.begin, range.bytes);
    map.subtract(frames.begin, frames.end);
  }
  map.subtract(0, kFirstFrame);
}

u32 node_of(const Topology& topology, u64 frame) {
  for (std::size_t i = 0; i < topology.memory_node_count; ++i) {
    const auto& node = topology.memory_nodes[i];
    const u64 first = node.begin.value / kPageBytes;
    if (frame >= first && frame - first < node.bytes / kPageBytes) return node.node;
  }
  return 0;
}

/// Groups pieces into regions; returns how many. `spans` may be null, to count only.
std::size_t find_spans(const MemoryMap& map, const Topology& topology, PhysicalAddress reachable,
                       Span* spans) {
  std::size_t count = 0;
  Span current;
  const auto finish = [&] {
    if (current.end <= current.begin) return;
    if (spans) spans[count] = current;
    ++count;
  };
  for (const auto& piece : map.pieces()) {
    const u32 node = node_of(topology, piece.begin);
    const bool joins = current.end.number != 0 && node == current.node &&
                       piece.begin - current.end.number < kHoleFrames &&
                       (current.begin.address() < reachable) == (Frame{piece.begin}.address() < reachable);
    if (!joins) {
      finish();
      current = {{piece.begin}, {piece.end}, node};
    }
    current.end = {piece.end};
  }
  finish();
  return count;
}

/// The first `bytes` of free memory that the boot path has mapped.
Frame place_metadata(const MemoryMap& map, u64 bytes, PhysicalAddress reachable) {
  const u64 needed = divide_up(bytes, kPageBytes);
  for (const auto& piece : map.pieces()) {
    if (piece.end - piece.begin >= needed && Frame{piece.begin + needed}.address() <= reachable)
      return {piece.begin};
  }
  return {};
}

}  // namespace

Result<> FrameManager::initialise(const BootInformation& boot, const Topology& topology,
                                  std::span<const ReservedRange> reserved, PhysicalWindow window,
                                  PhysicalAddress reachable) {
  window_ = window;
  reachable_ = reachable;
  MemoryMap map;
  find_memory(boot, map);
  map.split_at(reachable.value / kPageBytes);
  for (std::size_t i = 0; i < topology.memory_node_count; ++i) {
    const auto& node = topology.memory_nodes[i];
    map.split_at(node.begin.value / kPageBytes);
    map.split_at((node.begin.value + node.bytes) / kPageBytes);
  }

  Span spans[MemoryMap::kMaximumPieces];
  region_count_ = find_spans(map, topology, reachable, spans);
  u64 bytes = region_count_ * sizeof(FrameRegion);
  for (std::size_t i = 0; i < region_count_; ++i)
    bytes += FrameRegion::metadata_bytes(spans[i].begin, spans[i].end);

  for (const auto& range : reserved) {
    const auto frames = outer(range.begin, range.bytes);
    map.subtract(frames.begin, frames.end);
  }
  const Frame place = place_metadata(map, bytes, reachable);
  if (region_count_ == 0 || !place) return std::unexpected(Error::OutOfMemory);
  metadata_bytes_ = align_up(bytes, kPageBytes);
  map.subtract(place.number, place.number + metadata_bytes_ / kPageBytes);
  total_ = map.total() + metadata_bytes_ / kPageBytes;

  auto* header = window_.at<u8>(place);
  regions_ = reinterpret_cast<FrameRegion*>(header);
  u8* bitmaps = header + region_count_ * sizeof(FrameRegion);
  for (std::size_t i = 0; i < region_count_; ++i) {
    auto* region = new (&regions_[i]) FrameRegion;
    region->initialise(spans[i].begin, spans[i].end, spans[i].node, bitmaps);
    bitmaps += FrameRegion::metadata_bytes(spans[i].begin, spans[i].end);
    for (const auto& piece : map.pieces()) {
      if (region->contains({piece.begin})) region->add_fresh({piece.begin}, piece.end - piece.begin);
    }
  }
  return {};
}

FrameRegion* FrameManager::region_of(Frame frame) {
  for (std::size_t i = 0; i < region_count_; ++i) {
    if (regions_[i].contains(frame)) return &regions_[i];
  }
  return nullptr;
}

/// Tries the node's own regions first, then all others; high ones before low ones, so that memory that
/// old devices can reach lasts.
template <class Take>
auto FrameManager::take(u32 node, Take&& take) {
  for (const bool local : {true, false}) {
    for (std::size_t i = region_count_; i-- > 0;) {
      FrameRegion& region = regions_[i];
      if ((region.node() == node) != local || region.begin().address() >= reachable_) continue;
      if (auto taken = take(region); taken.frame) return taken;
    }
  }
  return FrameRegion::Taken{};
}

namespace {
Result<Frame> or_out_of_memory(FrameRegion::Taken taken) {
  if (slowpath(!taken.frame)) return std::unexpected(Error::OutOfMemory);
  return taken.frame;
}
}  // namespace

Result<Frame> FrameManager::allocate(u32 node) {
  const auto taken =
      take(node, [](FrameRegion& region) { return region.take(FrameRegion::Preference::Clean); });
  if (taken.frame && !taken.clean) machine::clear_page(window_.at(taken.frame));
  return or_out_of_memory(taken);
}

Result<Frame> FrameManager::allocate_uncleared(u32 node) {
  return or_out_of_memory(
      take(node, [](FrameRegion& region) { return region.take(FrameRegion::Preference::Dirty); }));
}

void FrameManager::free(Frame frame) {
  FrameRegion* region = region_of(frame);
  ASSERT(region);
  region->give(frame, false);
}

Result<Frame> FrameManager::allocate_large(u32 node) {
  return or_out_of_memory(take(node, [](FrameRegion& region) { return region.take_large(); }));
}

void FrameManager::free_large(Frame frame) {
  FrameRegion* region = region_of(frame);
  ASSERT(region);
  region->give_large(frame, false);
}

Result<Frame> FrameManager::allocate_huge(u32 node) {
  return or_out_of_memory(
      take(node, [](FrameRegion& region) { return FrameRegion::Taken{region.take_huge(), false}; }));
}

void FrameManager::free_huge(Frame frame) {
  FrameRegion* region = region_of(frame);
  ASSERT(region);
  region->give_huge(frame);
}

Result<Frame> FrameManager::allocate_run(u64 count, u64 alignment, PhysicalAddress limit, u32 node) {
  if (!is_power_of_two(alignment) || count == 0) return std::unexpected(Error::InvalidArgument);
  const u64 end = (limit < reachable_ ? limit : reachable_).value / kPageBytes;
  return or_out_of_memory(take(node, [&](FrameRegion& region) {
    return FrameRegion::Taken{region.take_run(count, alignment, end), false};
  }));
}

void FrameManager::free_run(Frame first, u64 count) {
  FrameRegion* region = region_of(first);
  ASSERT(region && (count == 0 || region->contains({first.number + count - 1})));
  region->give_run(first, count);
}

void FrameManager::release(PhysicalAddress begin, u64 bytes) {
  const auto frames = inner(begin, bytes);
  for (u64 frame = frames.begin; frame < frames.end; ++frame) {
    FrameRegion* region = region_of({frame});
    if (!region) continue;
    region->give({frame}, false);
    __atomic_fetch_add(&total_, 1, __ATOMIC_RELAXED);
  }
}

bool FrameManager::zero_some() {
  for (std::size_t i = 0; i < region_count_; ++i) {
    if (regions_[i].dirty_frames() != 0 && regions_[i].begin().address() < reachable_ &&
        regions_[i].zero_some(kZeroBudget, window_))
      return true;
  }
  return false;
}

u64 FrameManager::free_frames() const {
  u64 free = 0;
  for (std::size_t i = 0; i < region_count_; ++i) free += regions_[i].free_frames();
  return free;
}

u64 FrameManager::dirty_frames() const {
  u64 dirty = 0;
  for (std::size_t i = 0; i < region_count_; ++i) dirty += regions_[i].dirty_frames();
  return dirty;
}

}  // namespace vari::nucleus
