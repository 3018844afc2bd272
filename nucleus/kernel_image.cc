// The linker script's symbols.
#include "nucleus/kernel_image.h"

#include "nucleus/memory.h"

extern "C" const char image_text_begin[], image_text_end[];
extern "C" const char image_rodata_begin[], image_rodata_end[];
extern "C" const char image_data_begin[], image_end[];

namespace vari::nucleus {

KernelImage KernelImage::of_this_kernel() {
  const auto at = [](const char* symbol) { return VirtualAddress{reinterpret_cast<u64>(symbol)}; };
  return {at(image_text_begin), at(image_text_end),   at(image_rodata_begin),
          at(image_rodata_end), at(image_data_begin), at(image_end)};
}

Result<Memory*> Memory::create(const BootInformation& boot, const Topology& topology) {
  return create(boot, topology, KernelImage::of_this_kernel(), {});
}

}  // namespace vari::nucleus
