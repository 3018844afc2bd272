#include "kernels/hosted/options.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace vari::kernels {
namespace {

/// A number with K, M, G or T behind it; 0 if it is none.
u64 parse_size(const char* text) {
  char* end = nullptr;
  const u64 value = std::strtoull(text, &end, 10);
  u64 unit = 1;
  switch (*end | 0x20) {
    case 't': unit *= 1024; [[fallthrough]];
    case 'g': unit *= 1024; [[fallthrough]];
    case 'm': unit *= 1024; [[fallthrough]];
    case 'k': unit *= 1024; break;
    default: return *end ? 0 : value;
  }
  return end[1] || value > (u64{1} << 44) / unit ? 0 : value * unit;
}

bool set(HostedOptions& options, std::string_view name, const char* value) {
  if (name == "--root")
    options.root = value;
  else if (name == "--exec")
    options.command = value;
  else if (name == "--init")
    options.init = value;
  else if (name == "--append")
    options.kernel_command_line = value;
  else if (name == "--mem")
    return (options.memory_bytes = parse_size(value)) != 0;
  else if (name == "--smp")
    return (options.cores = static_cast<u32>(std::atoi(value))) - 1 < kMaximumCpus;
  else
    return false;
  return true;
}

}  // namespace

std::optional<HostedOptions> parse_hosted_options(int count, char** arguments) {
  HostedOptions options;
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count || !set(options, arguments[i], arguments[i + 1])) {
      std::fprintf(
          stderr,
          "vari: %s: expected --root ARCHIVE_OR_FOLDER --mem SIZE --smp N --exec COMMAND --init PATH "
          "--append WORDS\n",
          arguments[i]);
      return {};
    }
  }
  return options;
}

}  // namespace vari::kernels
