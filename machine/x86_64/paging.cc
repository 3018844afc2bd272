// See Intel SDM vol. 3, 4.10 (caching of translations).
#include "machine/x86_64/paging.h"

namespace vari::machine {
namespace {
constexpr u64 kPageGlobalEnable = 1u << 7;  // CR4.PGE
constexpr u64 kRootAddress = 0x000f'ffff'ffff'f000;
}  // namespace

PhysicalAddress root_table() {
  u64 value;
  asm volatile("mov %%cr3, %0" : "=r"(value));
  return {value & kRootAddress};
}

void load_root_table(PhysicalAddress root) {
  asm volatile("mov %0, %%cr3" ::"r"(root.value) : "memory");
}

void invalidate_page(VirtualAddress page) {
  asm volatile("invlpg (%0)" ::"r"(page.value) : "memory");
}

void invalidate_everything() {
  u64 value;
  asm volatile("mov %%cr4, %0" : "=r"(value));
  if (!(value & kPageGlobalEnable)) return load_root_table(root_table());
  asm volatile("mov %0, %%cr4" ::"r"(value & ~kPageGlobalEnable) : "memory");
  asm volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}

bool has_huge_pages() {
  u32 eax = 0x8000'0001, ebx, ecx, edx;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  return edx >> 26 & 1;
}

}  // namespace vari::machine
