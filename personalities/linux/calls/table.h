// The system calls: one constant table indexed by the number, one function a call. A handler gets the
// six argument registers as they were, checks them, and returns what goes into rax: a value, or a
// negated Errno. Handlers are grouped by subject in the *_calls.h files of this folder.
#pragma once

#include <array>

#include "base/types.h"
#include "personalities/linux/errno.h"

namespace vari::linux {

class Task;

/// rdi, rsi, rdx, r10, r8, r9: read once at the trap; user code can't change them behind a check.
struct Arguments {
  u64 a[6];
};

using Handler = i64 (*)(Task&, const Arguments&);

/// Numbers at and above this one are unknown.
inline constexpr u32 kCallCount = 463;
/// The handler of numbers that nobody knows: ENOSYS, and counted (Personality::unknown_calls()).
i64 call_unknown(Task& task, const Arguments& arguments);
/// A handler for each number, call_unknown where there is no other.
extern const std::array<Handler, kCallCount> kCalls;

/// What a handler returns for an error.
constexpr i64 failure(Errno error) {
  return -static_cast<i64>(error);
}
/// What a handler returns for a result: its value or its error.
template <class T>
constexpr i64 to_return_value(const LinuxResult<T>& result) {
  if (!result.has_value()) return failure(result.error());
  if constexpr (std::is_void_v<T>) {
    return 0;
  } else {
    return static_cast<i64>(*result);
  }
}

}  // namespace vari::linux
