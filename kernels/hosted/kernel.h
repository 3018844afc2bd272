// The hosted kernel on one page: the Linux personality in an ordinary Linux process. run(context) lets a
// thread of another process go on, and waits for its next signal.
#pragma once

#include "components/archive/archive.h"
#include "components/elf/elf.h"
#include "hosted/place.h"
#include "personalities/linux/calls/groups.h"
#include "personalities/linux/personality.h"
#include "runtime/port/linux/machine.h"

namespace vari {

struct Hosted {
  static constexpr const char* kName = "hosted";

  // In place of a nucleus: the host, and the runtime on its threads.
  static constexpr runtime::SchedulingPolicy kScheduling{.slice_ns = 2 * kMillisecond, .migrate = true};
  using Cores = runtime::LinuxMachine;
  using Place = hosted::HostedPlace;

  // What programs see
  using Personality = linux::Personality;
  using Calls = linux::AllGroups;
  using Executables = components::elf::ElfFormat;
};

}  // namespace vari
