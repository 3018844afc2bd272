// The image knows its own functions' names.
#include "machine/x86_64/symbols.h"

#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
namespace {

[[gnu::noinline]] u64 where_am_i() {
  asm volatile("");
  return reinterpret_cast<u64>(__builtin_return_address(0));
}

}  // namespace

KERNEL_TEST(symbols_name_the_code) {
  u64 offset = ~u64{0};
  const char* name = machine::find_symbol(reinterpret_cast<u64>(&where_am_i), &offset);
  EXPECT(name && std::string_view(name).ends_with("where_am_i") && offset == 0);
  name = machine::find_symbol(where_am_i(), &offset);
  EXPECT(name && std::string_view(name).ends_with("symbols_name_the_code") && offset > 0 && offset < 4096);
}

KERNEL_TEST(symbols_name_nothing_else) {
  EXPECT(machine::find_symbol(0, nullptr) == nullptr);
  EXPECT(machine::find_symbol(~u64{0}, nullptr) == nullptr);
  EXPECT(machine::find_symbol(reinterpret_cast<u64>(&test), nullptr) == nullptr);
}

}  // namespace vari::kernel_tests
