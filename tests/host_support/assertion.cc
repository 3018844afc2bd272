// Assertions of code under test, where the runtime's Linux port (which brings its own) is not linked.
#include <cstdio>
#include <cstdlib>

#include "base/assert.h"

namespace vari {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace vari
