// The names of processor features as /proc/cpuinfo and its readers know them.
#pragma once

#include "base/format.h"
#include "machine/x86_64/features.h"

namespace vari::nucleus {

/// Adds the names of the features that user code may use, apart by blanks.
void describe_flags(const machine::Features& features, TextBuffer& to);

}  // namespace vari::nucleus
