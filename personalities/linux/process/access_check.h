// ptrace's rule for looking into another process (ptrace(2), "Ptrace access mode checking"), in short.
#pragma once

#include "personalities/linux/process/process.h"

namespace vari::linux {

/// Itself; whoever may trace any; or whoever has all of its ids and capabilities, where it may be dumped. To
/// be asked *after* what is looked into was taken hold of: the other may exec meanwhile, and be more than it
/// was.
inline bool may_inspect(Task& task, Process& target) {
  const auto& own = task.identity();
  if (&task.process() == &target || own.may(Capability::Trace)) return true;
  const auto other = target.identity();
  return target.dumpable() && own.user == other.user && own.user == other.effective_user &&
         own.user == other.saved_user && own.group == other.group && own.group == other.effective_group &&
         own.group == other.saved_group && !(other.capabilities.permitted & ~own.capabilities.permitted);
}

}  // namespace vari::linux
