// The reader of the table that tools/symbol_table.py writes; the format is described there. Nothing is
// checked: the table is part of the image.
#include "machine/x86_64/symbols.h"

#include "machine/x86_64/memory_layout.h"

extern "C" {
// From the linker script; equal when the image has no table (the first of its two links).
extern const vari::u32 symbols_begin[];
extern const vari::u32 symbols_end[];
}

namespace vari::machine {

const char* find_symbol(u64 address, u64* offset) {
  // The compiler takes two arrays to be two places, the linker knows better.
  const u32* table = symbols_begin;
  asm("" : "+r"(table));
  if (table == symbols_end) return nullptr;
  const u32 count = table[0];
  const u32* const offsets = table + 1;
  const u32* const names = offsets + count + 1;
  const auto* const pool = reinterpret_cast<const char*>(names + count);
  const u64 wanted = address - kImageBase;
  if (count == 0 || wanted < offsets[0] || wanted >= offsets[count]) return nullptr;
  // Invariant: offsets[low] <= wanted < offsets[high].
  u32 low = 0, high = count;
  while (high - low > 1) {
    const u32 middle = low + (high - low) / 2;
    (offsets[middle] <= wanted ? low : high) = middle;
  }
  if (offset) *offset = wanted - offsets[low];
  return pool + names[low];
}

}  // namespace vari::machine
