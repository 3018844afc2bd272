// Where the kernel's own sections lie: virtual addresses, page-aligned.
#pragma once

#include "base/types.h"
#include "machine/x86_64/memory_layout.h"

namespace vari::nucleus {

struct KernelImage {
  VirtualAddress text_begin, text_end;      // read, execute
  VirtualAddress rodata_begin, rodata_end;  // read
  VirtualAddress data_begin, data_end;      // read, write: .data and .bss

  static constexpr PhysicalAddress physical(VirtualAddress address) {
    return {address.value - machine::kImageBase};
  }
  /// From the linker script's symbols: image_text_begin/_end, image_rodata_begin/_end,
  /// image_data_begin, image_end. Kernel images only.
  static KernelImage of_this_kernel();
};

}  // namespace vari::nucleus
