// Programs in ring 0. Their pages are supervisor pages: SMEP and SMAP forbid the others to ring 0. The gate
// is in user_entry.S.
#include "machine/x86_64/program_mode.h"

#include "machine/x86_64/core_area_offsets.h"
#include "machine/x86_64/core_tables.h"

namespace vari::machine {

extern "C" const u8 vari_gate_begin[], vari_gate_end[];

constinit const ProgramMode kProgramMode{.page_bits = 0,
                                         .code_selector = KERNEL_CODE_SELECTOR,
                                         .data_selector = KERNEL_DATA_SELECTOR,
                                         .fault_stack = CoreTables::kFaultStack,
                                         .interrupt_stack = CoreTables::kEntryStack,
                                         .gate_begin = vari_gate_begin,
                                         .gate_end = vari_gate_end};

}  // namespace vari::machine
