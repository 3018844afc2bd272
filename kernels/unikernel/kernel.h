// The unikernel on one page: one program with the Linux personality, components and nucleus in one image and
// one address space, all in ring 0. run(context) is a jump; the program's system calls come back without a
// change of privilege. That is the library machine_ring0, which CMakeLists.txt names; everything above is the
// same bytes as in the monolithic kernel.
#pragma once

#include "components/archive/archive.h"
#include "components/elf/elf.h"
#include "kernels/support/devices.h"
#include "kernels/support/first_program.h"
#include "kernels/support/power.h"
#include "nucleus/kernel_concept.h"
#include "nucleus/single_domain_place.h"
#include "nucleus/thread_model.h"
#include "nucleus/tlb.h"
#include "personalities/linux/calls/groups.h"
#include "personalities/linux/personality.h"

namespace vari {

struct Unikernel {
  static constexpr const char* kName = "unikernel";

  // Nucleus
  static constexpr runtime::SchedulingPolicy kScheduling{.slice_ns = 2 * kMillisecond, .migrate = true};
  using Tlb = nucleus::SynchronousTlb;
  using ThreadModel = nucleus::ProcessModel;
  using Place = nucleus::SingleDomainPlace<Tlb>;

  // What the program sees
  using Personality = linux::Personality;
  // composition.cc. One program: there is nobody to trace.
  using Calls = linux::Without<linux::AllGroups, linux::TraceCalls>::Type;
  using Executables = components::elf::ElfFormat;

  // Components
  using Devices = kernels::PcDevices;
  using Power = kernels::PortPower;
  using FirstProgram = kernels::FirstProgramRunner;
};
static_assert(nucleus::KernelPage<Unikernel>);

}  // namespace vari
