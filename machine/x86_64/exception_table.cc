// The table is short and searched only on a fault: one pass over it.
#include "machine/x86_64/exception_table.h"

namespace vari::machine {
namespace {
struct Entry {
  i32 fault, continuation;  // relative to each field's own address
};
u64 target(const i32& field) {
  return reinterpret_cast<u64>(&field) + static_cast<i64>(field);
}
}  // namespace

// The linker script gathers the section .exception_table between these.
extern "C" const Entry exception_table_begin[], exception_table_end[];

u64 find_fixup(u64 rip) {
  for (const Entry* entry = exception_table_begin; entry != exception_table_end; ++entry) {
    if (target(entry->fault) == rip) return target(entry->continuation);
  }
  return 0;
}

}  // namespace vari::machine
