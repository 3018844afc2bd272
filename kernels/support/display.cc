// See display.h; each part may be missing.
#include "kernels/support/display.h"

#include "components/ps2_keyboard/ps2_keyboard.h"
#include "components/screen/screen.h"

namespace vari::kernels {

Ref<Console> create_display(Environment& environment, nucleus::Log& log, const Framebuffer& framebuffer) {
  Ref<InputSource> keyboard;
  if (auto found = components::ps2_keyboard::Ps2Keyboard::create(environment)) {
    keyboard = *found;
  } else {
    log.print("ps2 keyboard: ", name_of(found.error()));
  }
  auto display = components::screen::create(environment, {framebuffer, keyboard});
  if (display) return *display;
  log.print("screen: ", name_of(display.error()));
  return {};
}

}  // namespace vari::kernels
