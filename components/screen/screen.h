// A screen as a Console: a terminal emulator (the subset of xterm and Linux's console that
// TERM=linux programs use) over VGA text memory or a linear framebuffer, paired with an InputSource.
#pragma once

#include "interfaces/boot_information.h"
#include "interfaces/component.h"
#include "interfaces/console.h"
#include "interfaces/environment.h"

namespace vari::components::screen {

struct Options {
  Framebuffer framebuffer;    // bits_per_pixel 0: VGA text at 0xb8000, 80 by 25
  Ref<InputSource> keyboard;  // may be empty
};

/// Any thread may call the result. Unsupported: a pixel format that is not 32, 24 or 16 bits.
Result<Ref<Console>> create(Environment& environment, const Options& options);

}  // namespace vari::components::screen
