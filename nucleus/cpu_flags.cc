#include "nucleus/cpu_flags.h"

namespace vari::nucleus {
namespace {

struct Flag {
  u8 bit;
  const char* name;
};

// CPUID leaves 1 and 7 (Intel SDM vol. 2A, CPUID), as far as they mean something to user code.
constexpr Flag kLeaf1Edx[] = {{0, "fpu"},  {4, "tsc"},   {5, "msr"},   {6, "pae"},   {8, "cx8"},
                              {9, "apic"}, {13, "pge"},  {15, "cmov"}, {16, "pat"},  {19, "clflush"},
                              {23, "mmx"}, {24, "fxsr"}, {25, "sse"},  {26, "sse2"}, {28, "ht"}};
constexpr Flag kLeaf1Ecx[] = {{0, "pni"},     {1, "pclmulqdq"}, {9, "ssse3"},      {12, "fma"},
                              {13, "cx16"},   {19, "sse4_1"},   {20, "sse4_2"},    {22, "movbe"},
                              {23, "popcnt"}, {25, "aes"},      {26, "xsave"},     {28, "avx"},
                              {29, "f16c"},   {30, "rdrand"},   {31, "hypervisor"}};
constexpr Flag kLeaf7Ebx[] = {{0, "fsgsbase"}, {3, "bmi1"},    {5, "avx2"}, {7, "smep"},  {8, "bmi2"},
                              {9, "erms"},     {18, "rdseed"}, {19, "adx"}, {20, "smap"}, {23, "clflushopt"}};

template <std::size_t kCount>
void add(const Flag (&flags)[kCount], u32 leaf, TextBuffer& to) {
  for (const auto& flag : flags)
    if (leaf >> flag.bit & 1) to.print(flag.name, ' ');
}

}  // namespace

void describe_flags(const machine::Features& features, TextBuffer& to) {
  add(kLeaf1Edx, features.leaf1_edx, to);
  if (features.no_execute) to.put("nx ");
  if (features.huge_pages) to.put("pdpe1gb ");
  to.put("syscall lm ");
  add(kLeaf1Ecx, features.leaf1_ecx, to);
  add(kLeaf7Ebx, features.leaf7_ebx, to);
}

}  // namespace vari::nucleus
