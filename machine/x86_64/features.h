// What this processor can do (CPUID; Intel SDM vol. 2A), as far as Vari uses it, and switching it on.
// Everything here is optional but NX, FXSAVE and SYSCALL, which every x86-64 processor has or nearly so.
#pragma once

#include <string_view>

#include "base/types.h"

namespace vari::machine {

struct Features {
  bool no_execute = false;
  bool smep = false;
  bool smap = false;
  bool umip = false;
  bool fs_gs_base = false;
  bool pcid = false;    // not used yet: an address space's policy would choose it
  bool x2apic = false;  // untried: the emulator that Vari is tested with has none
  bool xsave = false;
  bool xsave_optimised = false;
  bool tsc_deadline = false;  // untried, as above
  bool invariant_tsc = false;
  bool huge_pages = false;
  bool rdtscp = false;
  bool rdpid = false;
  bool hypervisor = false;
  u64 vector_components = 3;  // XCR0: x87 and SSE, AVX and AVX-512 where they are
  u32 vector_bytes = 512;     // of a vector save area, standard format
  u32 mxcsr_mask = 0xffbf;
  u32 family = 0, model_number = 0, stepping = 0;
  u32 leaf1_ecx = 0, leaf1_edx = 0, leaf7_ebx = 0;  // for user-visible flags
  char vendor[13] = {};
  char model[49] = {};

  /// Whether user code can learn its core's number: what stands in the register TSC_AUX.
  bool tells_processor() const { return rdtscp || rdpid; }
  std::string_view model_name() const { return {model, __builtin_strlen(model)}; }
};

/// Reads CPUID. Changes nothing.
Features detect_features();
/// Sets this core's EFER, CR0, CR4 and XCR0 for `features`; completes the vector fields of the first
/// core's (they depend on XCR0). CR0.TS is set afterwards.
void enable_features(Features& features);

}  // namespace vari::machine
