// A PS/2 keyboard behind an i8042 controller: an InputSource that speaks as Linux's console does.
#pragma once

#include "components/ps2_keyboard/keymap.h"
#include "interfaces/component.h"
#include "interfaces/console.h"
#include "interfaces/environment.h"

namespace vari::components::ps2_keyboard {

class Ps2Keyboard final : public Component<InputSource>, private InterruptHandler {
 public:
  /// NotFound: no controller, or no keyboard that answers. Takes at most about a second.
  static Result<Ref<Ps2Keyboard>> create(Environment& environment);

  void set_receiver(ConsoleReceiver* receiver) override;
  void set_application_cursor_keys(bool on) override;

  explicit Ps2Keyboard(Environment& environment) : environment_(environment) {}

 protected:
  ~Ps2Keyboard() override;

 private:
  void on_interrupt() override;
  Result<> open();
  Result<> initialise_controller();
  Result<> initialise_keyboard();
  bool wait_input_clear();
  Result<u8> wait_output(Nanoseconds timeout);
  Result<> controller_command(u8 command);
  Result<> keyboard_command(u8 command);
  void flush();
  void show_leds() REQUIRES(lock_);

  Environment& environment_;
  ComponentLock lock_;
  bool attached_ = false;
  Decoder decoder_ GUARDED_BY(lock_);
  u8 leds_shown_ GUARDED_BY(lock_) = 0;
  ConsoleReceiver* receiver_ GUARDED_BY(lock_) = nullptr;
};

}  // namespace vari::components::ps2_keyboard
