// Stacks of threads: the layout and the switch itself are shared with the other port.
#include "runtime/port/switch_frame.h"

namespace vari::runtime::port {

void switch_stacks(void** save, void* load) {
  vari_switch_stacks(save, load);
}
void* prepare_stack(Stack stack, void (*entry)(void*), void* argument) {
  return lay_out_stack(stack, entry, argument);
}

}  // namespace vari::runtime::port
