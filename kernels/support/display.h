// Screen and keyboard as a console, for kernels that can be used without a serial line.
#pragma once

#include "interfaces/boot_information.h"
#include "interfaces/console.h"
#include "interfaces/environment.h"
#include "nucleus/log.h"

namespace vari::kernels {

/// Empty where the machine has none; the log says why.
Ref<Console> create_display(Environment& environment, nucleus::Log& log, const Framebuffer& framebuffer);

}  // namespace vari::kernels
