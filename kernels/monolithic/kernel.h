// The monolithic kernel on one page: the Linux personality in the kernel, one copy for the machine.
// run(context) is the return to user mode, and the way back in.
#pragma once

#include "components/archive/archive.h"
#include "components/elf/elf.h"
#include "kernels/support/devices.h"
#include "kernels/support/first_program.h"
#include "kernels/support/power.h"
#include "nucleus/kernel_concept.h"
#include "nucleus/place.h"
#include "nucleus/thread_model.h"
#include "nucleus/tlb.h"
#include "personalities/linux/calls/groups.h"
#include "personalities/linux/personality.h"

namespace vari {

struct Monolithic {
  static constexpr const char* kName = "monolithic";

  // Nucleus
  static constexpr runtime::SchedulingPolicy kScheduling{.slice_ns = 2 * kMillisecond, .migrate = true};
  using Tlb = nucleus::SynchronousTlb;
  using ThreadModel = nucleus::ProcessModel;
  using Place = nucleus::NucleusPlace<Tlb>;

  // What programs see
  using Personality = linux::Personality;
  using Calls = linux::AllGroups;
  using Executables = components::elf::ElfFormat;

  // Components
  using Devices = kernels::PcDevices;
  using Power = kernels::AcpiPower;
  using FirstProgram = kernels::FirstProgramRunner;
};
static_assert(nucleus::KernelPage<Monolithic>);

}  // namespace vari
