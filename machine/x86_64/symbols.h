// Names for addresses of kernel code, for panics and traces. The table is generated from the linked
// image by tools/symbol_table.py and lies in the image's read-only section .symbols
// (cmake/kernel_image.cmake).
#pragma once

#include "base/types.h"

namespace vari::machine {

/// The function that holds `address`, and how far into it; null if there is none, or the image was
/// linked without a table. Takes no lock and touches nothing but the table: safe in a panic.
const char* find_symbol(u64 address, u64* offset);

}  // namespace vari::machine
