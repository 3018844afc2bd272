// The negative control of the sanitizer builds: bugs on request, by threads and memory of the personality's
// kind, that AddressSanitizer, UBSan or ThreadSanitizer must report.
#pragma once

#include <string_view>

namespace vari::kernels {

/// vari.plant=KIND: use-after-free, overflow, race or shift. Does it, and returns where nobody objects.
/// False: there is no such bug.
bool plant_bug(std::string_view kind);

}  // namespace vari::kernels
