// Text before there is any driver: polled to COM1 and to QEMU's debug port. Also the panic's way out.
#pragma once

#include <string_view>

namespace vari::machine {

/// Writes to port 0xe9 and, waiting boundedly for each byte, to COM1.
void early_write(std::string_view text);
/// Writes both texts and ends QEMU with a failure status, or halts.
[[noreturn]] void early_stop(std::string_view text, std::string_view reason);

}  // namespace vari::machine
