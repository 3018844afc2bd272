// ELF64 images for x86-64: ET_EXEC and ET_DYN, read from hostile input.
#pragma once

#include "interfaces/executable.h"

namespace vari::components::elf {

/// Stateless; any thread.
class ElfFormat final : public ExecutableFormat {
 public:
  Result<> parse(ImageSource& source, ExecutableImage& image) const override;
};

}  // namespace vari::components::elf
