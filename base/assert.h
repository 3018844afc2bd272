// Invariants. They stay on in release builds: a kernel that goes on with a broken invariant loses
// data. Never for input: bad input is an Error.
#pragma once

namespace vari {

/// Supplied by whatever the code is linked into (the kernel's panic, or the host's abort).
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace vari

#define ASSERT(condition)                                                                            \
  (__builtin_expect(!(condition), 0) ? ::vari::assertion_failed(#condition, __FILE_NAME__, __LINE__) \
                                     : static_cast<void>(0))

#define UNREACHABLE() ::vari::assertion_failed("unreachable", __FILE_NAME__, __LINE__)
