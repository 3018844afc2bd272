// Sanitizers follow the stack and, for races, the order of events of each flow of control. port_state()
// words: 0 is TSan's fibre, 1 the fake stack that ASan keeps while the thread is switched away.
#include "runtime/port/linux/sanitizers.h"

#include "runtime/thread.h"

#ifdef VARI_HOST_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef VARI_HOST_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace vari::runtime::port {

// Not instrumented: TSan would note the entry in one fibre's call stack and the exit in the other's.
#ifdef VARI_HOST_TSAN
__attribute__((disable_sanitizer_instrumentation))
#endif
void announce_switch([[maybe_unused]] LinuxCore& core) {
#ifdef VARI_HOST_ASAN
  const Stack stack = core.incoming->stack();
  // A thread that ends gives its fake stack up.
  void** keep = core.outgoing->leaves_for_good() ? nullptr : &core.outgoing->port_state().words[1];
  __sanitizer_start_switch_fiber(keep, stack.base, stack.bytes);
#endif
#ifdef VARI_HOST_TSAN
  __tsan_switch_to_fiber(core.incoming->port_state().words[0], 0);
#endif
}

void prepare_switch([[maybe_unused]] LinuxCore& core) {
#ifdef VARI_HOST_TSAN
  void*& fibre = core.incoming->port_state().words[0];
  if (!fibre) fibre = __tsan_create_fiber(0);
  void*& own = core.outgoing->port_state().words[0];
  if (!own) own = __tsan_get_current_fiber();
#endif
}

void complete_switch() {
#ifdef VARI_HOST_ASAN
  __sanitizer_finish_switch_fiber(this_core().thread->port_state().words[1], nullptr, nullptr);
#endif
}

void forget_stack([[maybe_unused]] Stack stack) {
#ifdef VARI_HOST_ASAN
  __asan_unpoison_memory_region(stack.base, stack.bytes);
#endif
}

void forget_thread([[maybe_unused]] Thread& thread) {
#ifdef VARI_HOST_TSAN
  if (void* fibre = thread.port_state().words[0]) __tsan_destroy_fiber(fibre);
#endif
}

}  // namespace vari::runtime::port
