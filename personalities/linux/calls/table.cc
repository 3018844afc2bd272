// See table.h. The lists of names and numbers stand beside the declarations.
#include "personalities/linux/calls/table.h"

#include "personalities/linux/calls/file_calls.h"
#include "personalities/linux/calls/process_calls.h"

namespace vari::linux {

namespace {

constexpr std::array<Handler, kCallCount> make_table() {
  std::array<Handler, kCallCount> table{};
  table.fill(&call_unknown);
#define VARI_ENTER_CALL(name, number) table[number] = &call_##name;
  VARI_LINUX_FILE_CALLS(VARI_ENTER_CALL)
  VARI_LINUX_PROCESS_CALLS(VARI_ENTER_CALL)
#undef VARI_ENTER_CALL
  return table;
}

}  // namespace

constexpr std::array<Handler, kCallCount> kCalls = make_table();

}  // namespace vari::linux
