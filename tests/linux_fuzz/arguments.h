// From an argument's kind and its two bytes to its value. Most choices are plausible, so that calls get
// somewhere; some are of the kinds that programs get wrong, and some are hostile.
#pragma once

#include "interfaces/registers.h"
#include "memory_image.h"
#include "program.h"

namespace vari::linux::fuzz {

/// The register of a slot.
u64& slot(Registers& registers, u64 number);

u64 argument(const MemoryImage& image, Registers& registers, char kind, Choice choice);

}  // namespace vari::linux::fuzz
