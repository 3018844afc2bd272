// The calls that an input may make: every one of the personality's dispatch table, by name, with the kind
// of each argument. The kinds decide which values an argument's two bytes stand for (arguments.h).
#pragma once

#include <span>
#include <string_view>

#include "base/types.h"

namespace vari::linux::fuzz {

struct Call {
  std::string_view name;
  u64 number = 0;
  std::string_view kinds;  // a letter an argument, at most six
};

/// In the order of the table's lists; then the pseudo-calls.
std::span<const Call> calls();
const Call* find_call(std::string_view name);

/// What a program does besides calling: numbers that no call has.
enum Pseudo : u64 {
  kPoke = 1 << 20,  // store a value in its memory
  kLoad,            // read from its memory
  kSkipUnless,      // skip some records unless a register is 0: what fork's two sides do
  kUnknown,         // a call that the table lacks
  kRaise,           // a processor exception
};

}  // namespace vari::linux::fuzz
