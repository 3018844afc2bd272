// The order of things: frames first, from boot-mapped memory; then the tables that make all memory
// reachable; then the heap.
#include "nucleus/memory.h"

#include <new>

namespace vari::nucleus {

Result<Memory*> Memory::create(const BootInformation& boot, const Topology& topology,
                               const KernelImage& image, const MemoryPlacement& placement) {
  ReservedRange reserved[BootInformation::kMaximumModules + 1];
  std::size_t count = 0;
  const PhysicalAddress image_begin{align_down(KernelImage::physical(image.text_begin).value, kMiB)};
  reserved[count++] = {image_begin, KernelImage::physical(image.data_end) - image_begin};
  for (std::size_t i = 0; i < boot.module_count; ++i)
    reserved[count++] = {boot.modules[i].begin, boot.modules[i].bytes};

  // The manager makes itself a place in the memory that it manages; the object moves there with it.
  FrameManager frames;
  TRY(frames.initialise(boot, topology, {reserved, count}, placement.window, {machine::kBootMapped}));
  static_assert(sizeof(Memory) <= kPageBytes);
  const Frame place = TRY(frames.allocate());
  auto* memory = new (placement.window.at<void>(place)) Memory(frames);
  TRY(memory->kernel_.initialise(memory->frames_, boot, image));
  memory->kernel_.load();
  memory->frames_.open();
  TRY(memory->heap_.initialise(memory->kernel_, placement.heap_base));
  return memory;
}

Result<Frame> Memory::allocate_frame(u32 node) {
  auto frame = frames_.allocate(node);
  if (slowpath(!frame) && reclaim()) frame = frames_.allocate(node);
  return frame;
}

Result<Frame> Memory::allocate_frame_uncleared(u32 node) {
  auto frame = frames_.allocate_uncleared(node);
  if (slowpath(!frame) && reclaim()) frame = frames_.allocate_uncleared(node);
  return frame;
}

bool Memory::reclaim() {
  const bool stacks = kernel_.flush_retired();
  return heap_.trim() || stacks;
}

bool Memory::idle_work() {
  if (kernel_.retired_frames() != 0) return kernel_.flush_retired();
  if (heap_.trim()) return true;
  return frames_.zero_some();
}

u64 Memory::nucleus_frames() {
  const auto heap = heap_.statistics();
  return (heap.chunk_bytes + heap.large_bytes + frames_.metadata_bytes()) / kPageBytes +
         kernel_.table_frames();
}

}  // namespace vari::nucleus
