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
  bool can_send();
  Result<u8> wait_output(Nanoseconds timeout);
  Result<> send_command(u8 command);
  Result<> send_data(u8 data);
  Result<u8> ask_controller(u8 command);
  Result<> command_keyboard(u8 command);
  void flush();
  void handle(u8 byte) REQUIRES(lock_);
  void update_leds() REQUIRES(lock_);

  Environment& environment_;
  ScanCodeSet set_ = ScanCodeSet::One;
  bool attached_ = false;
  bool application_cursor_ = false;  // atomic: set while a receiver of ours may be running
  ComponentLock lock_;               // held while the receiver is called, so it must not call back into it
  Decoder decoder_ GUARDED_BY(lock_);
  enum class LedStep : u8 { None, CommandSent } led_step_ GUARDED_BY(lock_) = LedStep::None;
  u8 leds_shown_ GUARDED_BY(lock_) = 0;
  ConsoleReceiver* receiver_ GUARDED_BY(lock_) = nullptr;
};

}  // namespace vari::components::ps2_keyboard
