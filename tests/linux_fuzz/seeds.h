// Where the fuzzer begins: a small program for each call of the table, made here and stored nowhere.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "program.h"

namespace vari::linux::fuzz {

/// (name, program), in the table's order.
std::vector<std::pair<std::string, Input>> seeds();

}  // namespace vari::linux::fuzz
