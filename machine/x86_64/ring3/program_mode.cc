// Programs in ring 3.
#include "machine/x86_64/program_mode.h"

#include "machine/x86_64/core_area_offsets.h"
#include "machine/x86_64/page_table_format.h"

namespace vari::machine {

constinit const ProgramMode kProgramMode{.page_bits = kUser,
                                         .code_selector = USER_CODE_SELECTOR,
                                         .data_selector = USER_DATA_SELECTOR,
                                         .fault_stack = 0,
                                         .interrupt_stack = 0,
                                         .gate_begin = nullptr,
                                         .gate_end = nullptr};

}  // namespace vari::machine
