// The end: registers and a symbolised stack of every core, then a failure status for QEMU, or a halt.
#pragma once

#include <string_view>

#include "machine/x86_64/trap_frame.h"

namespace vari::nucleus {

/// Reports and stops the machine. Any core, any state; `frame` where a trap is the cause. Takes no lock.
[[noreturn]] void panic(std::string_view reason, const machine::TrapFrame* frame = nullptr);

/// Stops all cores for good, with interrupts off, and says so on the console: the end of a machine that is
/// not to power off.
[[noreturn]] void halt_machine();

/// A core that took the NMI of the core that panicked or halts the machine: reports itself, after a panic,
/// and halts.
[[noreturn]] void report_and_halt(const machine::TrapFrame& frame);

}  // namespace vari::nucleus
