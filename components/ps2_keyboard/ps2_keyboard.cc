// The i8042 controller and the keyboard behind it. Every wait is bounded: machines without a
// controller read 0xff everywhere, and controllers without a keyboard never answer.
// Source: IBM PS/2 Hardware Interface Technical Reference, keyboard and auxiliary device controller.
#include "components/ps2_keyboard/ps2_keyboard.h"

namespace vari::components::ps2_keyboard {
namespace {

constexpr u16 kDataPort = 0x60, kCommandPort = 0x64, kStatusPort = 0x64;
constexpr u8 kOutputFull = 1, kInputFull = 2, kFromAuxiliary = 0x20;  // status bits
constexpr u8 kReadConfiguration = 0x20, kWriteConfiguration = 0x60, kDisableAuxiliary = 0xa7,
             kSelfTest = 0xaa, kTestKeyboardPort = 0xab, kDisableKeyboard = 0xad, kEnableKeyboard = 0xae;
constexpr u8 kSelfTestGood = 0x55, kPortGood = 0x00;
constexpr u8 kKeyboardInterrupt = 1, kAuxiliaryInterrupt = 2, kKeyboardOff = 0x10,
             kTranslate = 0x40;  // configuration
constexpr u8 kSetLeds = 0xed, kEnableScanning = 0xf4, kResetKeyboard = 0xff;
constexpr u8 kAcknowledge = 0xfa, kResend = 0xfe, kKeyboardGood = 0xaa;
constexpr u8 kIrq = 1;

constexpr Nanoseconds kStep = 50'000;
constexpr Nanoseconds kControllerTimeout = 100 * kMillisecond, kKeyboardTimeout = 250 * kMillisecond,
                      kResetTimeout = 750 * kMillisecond;

}  // namespace

Result<Ref<Ps2Keyboard>> Ps2Keyboard::create(Environment& environment) {
  auto keyboard = TRY(make_component<Ps2Keyboard>(environment.memory, environment));
  TRY(keyboard->open());
  return keyboard;
}

Ps2Keyboard::~Ps2Keyboard() {
  if (attached_) environment_.interrupts.detach(*this);
}

bool Ps2Keyboard::can_send() {
  for (Nanoseconds waited = 0; waited < kControllerTimeout; waited += kStep) {
    if (!(environment_.ports.read8(kStatusPort) & kInputFull)) return true;
    environment_.clock.sleep_ns(kStep);
  }
  return false;
}

Result<u8> Ps2Keyboard::wait_output(Nanoseconds timeout) {
  for (Nanoseconds waited = 0; waited < timeout; waited += kStep) {
    if (environment_.ports.read8(kStatusPort) & kOutputFull) return environment_.ports.read8(kDataPort);
    environment_.clock.sleep_ns(kStep);
  }
  return std::unexpected(Error::TimedOut);
}

Result<> Ps2Keyboard::send_command(u8 command) {
  if (!can_send()) return std::unexpected(Error::TimedOut);
  environment_.ports.write8(kCommandPort, command);
  return {};
}

Result<> Ps2Keyboard::send_data(u8 data) {
  if (!can_send()) return std::unexpected(Error::TimedOut);
  environment_.ports.write8(kDataPort, data);
  return {};
}

Result<u8> Ps2Keyboard::ask_controller(u8 command) {
  TRY(send_command(command));
  return wait_output(kControllerTimeout);
}

/// Throws away what waits: keys from before, or the noise of a port that nothing drives.
void Ps2Keyboard::flush() {
  for (unsigned i = 0; i < 64 && (environment_.ports.read8(kStatusPort) & kOutputFull); ++i) {
    (void)environment_.ports.read8(kDataPort);
  }
}

/// Sends to the keyboard until it acknowledges; keys that come meanwhile are dropped.
Result<> Ps2Keyboard::command_keyboard(u8 command) {
  for (unsigned attempt = 0; attempt < 3; ++attempt) {
    TRY(send_data(command));
    for (unsigned i = 0; i < 16; ++i) {
      const u8 answer = TRY(wait_output(kKeyboardTimeout));
      if (answer == kAcknowledge) return {};
      if (answer == kResend) break;
    }
  }
  return std::unexpected(Error::DeviceError);
}

Result<> Ps2Keyboard::initialise_controller() {
  if (environment_.ports.read8(kStatusPort) == 0xff) return std::unexpected(Error::NotFound);
  TRY(send_command(kDisableKeyboard));
  TRY(send_command(kDisableAuxiliary));
  flush();
  if (TRY(ask_controller(kSelfTest)) != kSelfTestGood) return std::unexpected(Error::DeviceError);
  if (TRY(ask_controller(kTestKeyboardPort)) != kPortGood) return std::unexpected(Error::DeviceError);
  // After the self-test, which resets the configuration on some controllers.
  const u8 before = TRY(ask_controller(kReadConfiguration));
  const u8 wanted =
      static_cast<u8>((before | kTranslate) & ~(kKeyboardInterrupt | kAuxiliaryInterrupt | kKeyboardOff));
  TRY(send_command(kWriteConfiguration));
  TRY(send_data(wanted));
  TRY(send_command(kEnableKeyboard));
  return {};
}

Result<> Ps2Keyboard::initialise_keyboard() {
  TRY(command_keyboard(kResetKeyboard));
  if (TRY(wait_output(kResetTimeout)) != kKeyboardGood) return std::unexpected(Error::DeviceError);
  TRY(command_keyboard(kEnableScanning));
  // Does the controller really translate? If not, the keyboard's set 2 arrives as it is.
  const u8 configuration = TRY(ask_controller(kReadConfiguration));
  set_ = configuration & kTranslate ? ScanCodeSet::One : ScanCodeSet::Two;
  TRY(send_command(kWriteConfiguration));
  TRY(send_data(configuration | kKeyboardInterrupt));
  return {};
}

Result<> Ps2Keyboard::open() {
  TRY(lock_.open(environment_.threads));
  if (!initialise_controller()) return std::unexpected(Error::NotFound);
  TRY(environment_.interrupts.attach_isa(kIrq, *this));
  attached_ = true;
  ComponentGuard guard(lock_);
  if (!initialise_keyboard()) return std::unexpected(Error::NotFound);
  decoder_ = Decoder(set_);
  return {};
}

void Ps2Keyboard::set_receiver(ConsoleReceiver* receiver) {
  ComponentGuard guard(lock_);
  receiver_ = receiver;
}

void Ps2Keyboard::set_application_cursor_keys(bool on) {
  __atomic_store_n(&application_cursor_, on, __ATOMIC_RELAXED);
}

/// One step of the LED conversation each time: a thread that waited for the answer here would wait
/// for its own interrupt.
void Ps2Keyboard::update_leds() {
  if (led_step_ != LedStep::None || decoder_.leds() == leds_shown_) return;
  if (!send_data(kSetLeds)) return;
  led_step_ = LedStep::CommandSent;
}

void Ps2Keyboard::handle(u8 byte) {
  if (led_step_ == LedStep::CommandSent && (byte == kAcknowledge || byte == kResend)) {
    led_step_ = LedStep::None;
    leds_shown_ = decoder_.leds();
    if (byte == kAcknowledge) (void)send_data(leds_shown_);
    return;
  }
  decoder_.set_application_cursor_keys(__atomic_load_n(&application_cursor_, __ATOMIC_RELAXED));
  const auto typed = decoder_.feed(byte);
  if (!typed.empty() && receiver_) receiver_->on_input(typed);
  update_leds();
}

void Ps2Keyboard::on_interrupt() {
  constexpr unsigned kMaximumBytes = 256;  // against a port that nothing drives
  ComponentGuard guard(lock_);
  for (unsigned i = 0; i < kMaximumBytes; ++i) {
    const u8 status = environment_.ports.read8(kStatusPort);
    if (!(status & kOutputFull)) return;
    const u8 byte = environment_.ports.read8(kDataPort);
    if (!(status & kFromAuxiliary)) handle(byte);
  }
}

}  // namespace vari::components::ps2_keyboard
