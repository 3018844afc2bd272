// A broken invariant on the host: the place, a stack where the C library can tell, and abort.
#include "base/assert.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace vari {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  void* frames[32];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, 32), STDERR_FILENO);
  std::abort();
}

}  // namespace vari

namespace boost {

/// Boost's containers report here (BOOST_ENABLE_ASSERT_HANDLER).
[[noreturn]] void assertion_failed(const char* expression, const char*, const char* file, long line) {
  vari::assertion_failed(expression, file, static_cast<int>(line));
}

}  // namespace boost
