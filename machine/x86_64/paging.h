// The privileged instructions of paging. Out of line, so that host tests can put doubles in their
// place at link time.
#pragma once

#include "base/types.h"

namespace vari::machine {

/// CR3. Loading it drops all translations but global ones.
PhysicalAddress root_table();
void load_root_table(PhysicalAddress root);
/// INVLPG: drops the translation of one page, global or not, and the paging-structure caches.
void invalidate_page(VirtualAddress page);
/// Drops all translations of this core, global ones too (CR4.PGE off and on; Intel SDM vol. 3, 4.10.4.1).
void invalidate_everything();
/// CPUID: 1 GiB pages can be used.
bool has_huge_pages();

}  // namespace vari::machine
