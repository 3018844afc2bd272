// The system calls: one constant table indexed by the number, one function a call. A handler gets the
// six argument registers as they were, checks them, and returns what goes into rax: a value, or a
// negated Errno. Handlers are grouped by subject in the *_calls.h files of this folder, and a kernel selects
// among the groups (groups.h).
#pragma once

#include <array>
#include <string_view>

#include "base/types.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/files/file_system_type.h"

namespace vari::linux {

class Task;

/// rdi, rsi, rdx, r10, r8, r9: read once at the trap; user code can't change them behind a check.
struct Arguments {
  u64 a[6];
};

using Handler = i64 (*)(Task&, const Arguments&);

/// Numbers at and above this one are unknown.
inline constexpr u32 kCallCount = 463;
/// A handler for each number, and a last one for all numbers beyond.
using Handlers = std::array<Handler, kCallCount + 1>;
/// The handler of numbers that nobody knows: ENOSYS, and counted (Personality::unknown_calls()). Where the
/// call is of a group that was left out, the log says so once.
i64 call_unknown(Task& task, const Arguments& arguments);

struct CallGroup {
  std::string_view name;
  std::string_view calls;  // " 41 socket 42 connect ": a blank on both sides of each word
};
inline constexpr std::size_t kMostGroups = 24;

/// What a kernel has selected for its programs.
struct Selection {
  /// call_unknown where there is no other.
  Handlers calls;
  std::array<FileSystemType, 4> file_systems;  // beside those that are always there
  std::size_t file_system_count = 0;
  std::array<const CallGroup*, kMostGroups> left_out;  // then null

  constexpr void add(const FileSystemType& type) { file_systems[file_system_count++] = type; }
};

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
