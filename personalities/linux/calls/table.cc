// What becomes of calls that nobody handles; see table.h.
#include "personalities/linux/calls/table.h"

#include <algorithm>

#include "base/format.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

namespace {

/// The name of call `number` in a group's text; empty where it is of another group.
std::string_view name_in(const CallGroup& group, u64 number) {
  const Text<24> wanted(" ", number, " ");
  const auto at = group.calls.find(wanted.text());
  if (at == group.calls.npos) return {};
  const auto rest = group.calls.substr(at + wanted.text().size());
  return rest.substr(0, rest.find(' '));
}

void tell_of_left_out_call(Personality& personality, u64 number) {
  for (const auto* group : personality.parts().selection.left_out) {
    if (!group) return;
    const auto name = name_in(*group, number);
    if (name.empty()) continue;
    const Text<120> line("call ", name, " belongs to the group ", group->name,
                         ", which this kernel leaves out");
    return personality.log(line.text());
  }
}

}  // namespace

i64 call_unknown(Task& task, const Arguments&) {
  auto& personality = task.personality();
  const auto number = std::min<u64>(task.registers().rax, kCallCount);
  const u32 before = __atomic_fetch_add(&personality.unknown_calls()[number], 1, __ATOMIC_RELAXED);
  if (before == 0) tell_of_left_out_call(personality, number);
  return failure(Errno::NoSys);
}

}  // namespace vari::linux
