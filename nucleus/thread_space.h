// Which space a thread's own context runs in, kept with the thread: a hint that lets a copy to or from
// the thread's own program load that space at once instead of going through the page tables. Only compared,
// never followed: the space may be gone.
#pragma once

#include "runtime/thread.h"

namespace vari::nucleus {

class AddressSpace;

inline void note_space(runtime::Thread& thread, AddressSpace& space) {
  thread.port_state().words[0] = &space;
}
inline bool is_own_space(const AddressSpace& space) {
  return runtime::Thread::current().port_state().words[0] == &space;
}

}  // namespace vari::nucleus
