// The negative control of the branch hints (K61): included before everything else, it makes each fastpath() a
// slowpath() and the other way round. The preset swapped-hints builds the tests' kernel so.
#pragma once

#include "base/annotations.h"

#undef fastpath
#undef slowpath
#define fastpath(...) __builtin_expect(static_cast<bool>(__VA_ARGS__), false)
#define slowpath(...) __builtin_expect(static_cast<bool>(__VA_ARGS__), true)
