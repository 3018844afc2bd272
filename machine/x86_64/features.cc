#include "machine/x86_64/features.h"

#include "machine/x86_64/cpu.h"
#include "machine/x86_64/msr.h"
#include "machine/x86_64/vector_state.h"

namespace vari::machine {
namespace {

constexpr u64 kUsableComponents = 0xe7;  // x87, SSE, AVX, and AVX-512's three
constexpr u64 kAvx512Components = 0xe0;

bool bit(u32 value, unsigned index) {
  return value >> index & 1;
}

void read_names(Features& features, u32 greatest_extended) {
  const auto leaf0 = cpuid(0);
  const u32 vendor[3] = {leaf0.ebx, leaf0.edx, leaf0.ecx};
  __builtin_memcpy(features.vendor, vendor, 12);
  if (greatest_extended < 0x8000'0004) return;
  for (u32 i = 0; i < 3; ++i) {
    const auto part = cpuid(0x8000'0002 + i);
    const u32 words[4] = {part.eax, part.ebx, part.ecx, part.edx};
    __builtin_memcpy(features.model + u64{i} * 16, words, 16);
  }
}

void write_xcr0(u64 components) {
  asm volatile("xsetbv"
               :
               : "c"(0), "a"(static_cast<u32>(components)), "d"(static_cast<u32>(components >> 32)));
}

void enable_vectors(Features& features) {
  u64 cr0 = read_cr0() & ~(kCr0Emulation | kCr0TaskSwitched);
  write_cr0(cr0 | kCr0MonitorCoprocessor | kCr0NumericError | kCr0WriteProtect | kCr0AlignmentMask);
  if (features.xsave) {
    write_xcr0(features.vector_components);
    features.vector_bytes = cpuid(0xd).ebx;  // for the components that XCR0 has now
  }
  features.mxcsr_mask = supported_mxcsr();
  set_task_switched();
}

}  // namespace

Features detect_features() {
  Features features;
  const u32 greatest = cpuid(0).eax;
  const u32 greatest_extended = cpuid(0x8000'0000).eax;
  read_names(features, greatest_extended);

  const auto leaf1 = cpuid(1);
  features.leaf1_ecx = leaf1.ecx;
  features.leaf1_edx = leaf1.edx;
  features.stepping = leaf1.eax & 15;
  features.family = leaf1.eax >> 8 & 15;
  features.model_number = leaf1.eax >> 4 & 15;
  if (features.family == 15 || features.family == 6) features.model_number |= leaf1.eax >> 12 & 0xf0;
  if (features.family == 15) features.family += leaf1.eax >> 20 & 0xff;
  features.pcid = bit(leaf1.ecx, 17);
  features.x2apic = bit(leaf1.ecx, 21);
  features.tsc_deadline = bit(leaf1.ecx, 24);
  features.xsave = bit(leaf1.ecx, 26);
  features.hypervisor = bit(leaf1.ecx, 31);
  if (greatest >= 7) {
    const auto leaf7 = cpuid(7);
    features.leaf7_ebx = leaf7.ebx;
    features.fs_gs_base = bit(leaf7.ebx, 0);
    features.smep = bit(leaf7.ebx, 7);
    features.smap = bit(leaf7.ebx, 20);
    features.umip = bit(leaf7.ecx, 2);
    features.rdpid = bit(leaf7.ecx, 22);
  }
  if (features.xsave && greatest >= 0xd) {
    const auto components = cpuid(0xd, 0);
    features.vector_components = components.eax & kUsableComponents;
    // AVX-512's components come together or not at all (SDM vol. 1, 13.3).
    if ((features.vector_components & kAvx512Components) != kAvx512Components) {
      features.vector_components &= ~kAvx512Components;
    }
    features.xsave_optimised = bit(cpuid(0xd, 1).eax, 0);
  } else {
    features.xsave = false;
  }
  if (greatest_extended >= 0x8000'0001) {
    const auto extended = cpuid(0x8000'0001);
    features.no_execute = bit(extended.edx, 20);
    features.huge_pages = bit(extended.edx, 26);
    features.rdtscp = bit(extended.edx, 27);
  }
  if (greatest_extended >= 0x8000'0007) features.invariant_tsc = bit(cpuid(0x8000'0007).edx, 8);
  return features;
}

void enable_features(Features& features) {
  write_msr(Msr::Efer, read_msr(Msr::Efer) | kEferSystemCalls | (features.no_execute ? kEferNoExecute : 0));
  u64 cr4 = read_cr4() | kCr4GlobalPages | kCr4Fxsave | kCr4SimdExceptions;
  if (features.umip) cr4 |= kCr4Umip;
  if (features.fs_gs_base) cr4 |= kCr4FsGsBase;
  if (features.xsave) cr4 |= kCr4Xsave;
  if (features.smep) cr4 |= kCr4Smep;
  if (features.smap) cr4 |= kCr4Smap;
  write_cr4(cr4);
  enable_vectors(features);
}

}  // namespace vari::machine
