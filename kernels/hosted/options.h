// The hosted kernel's command line: what a boot loader gives the others.
#pragma once

#include <optional>
#include <string_view>

#include "base/types.h"

namespace vari::kernels {

struct HostedOptions {
  std::string_view root;  // the file name of an archive, or a folder that is served; empty: an empty root
  u64 memory_bytes = 512 * kMiB;
  u32 cores = 1;
  std::optional<std::string_view> command;          // --exec
  std::string_view init;                            // --init
  std::string_view kernel_command_line = "hosted";  // --append: for /proc/cmdline, and for vari.panic
};

/// Nothing, and a message on standard error, if it is wrong.
std::optional<HostedOptions> parse_hosted_options(int count, char** arguments);

}  // namespace vari::kernels
