#include "machine/x86_64/startup.h"

#include "base/assert.h"

namespace vari::machine {

extern "C" const u8 vari_trampoline_begin[], vari_trampoline_end[];

void place_trampoline(void* page, const StartupParameters& parameters) {
  const auto bytes = static_cast<std::size_t>(vari_trampoline_end - vari_trampoline_begin);
  ASSERT(bytes <= kStartupParametersOffset);
  __builtin_memcpy(page, vari_trampoline_begin, bytes);
  __builtin_memcpy(static_cast<u8*>(page) + kStartupParametersOffset, &parameters, sizeof parameters);
}

}  // namespace vari::machine
