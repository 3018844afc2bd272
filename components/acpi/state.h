// What the glue must remember between ACPICA's calls of its OS layer, which carry no context: the one
// place where this component has mutable globals, forced by the donor's own (README.md).
#pragma once

#include "components/acpi/acpi.h"

namespace vari::components::acpi {

struct State {
  EarlyMap* early = nullptr;           // during read_topology() only
  Environment* environment = nullptr;  // from Acpi::create() on
  PhysicalAddress rsdp;                // 0: search
  bool tables_ready = false;           // ACPICA's table manager knows the root table
};

/// Written by read_topology() (one core) and Acpi::create() (once) only.
extern constinit State state;

}  // namespace vari::components::acpi
