#include "kernels/support/devices.h"

#include "nucleus/panic.h"

namespace vari::kernels {

namespace serial = components::serial_16550;

namespace {

/// QEMU's exit device, where it is present: the status becomes value * 2 + 1. Harmless elsewhere.
constexpr u16 kQemuExitPort = 0xf4;
constexpr u8 kQemuFailure = 0x7f;

}  // namespace

Nanoseconds PcDevices::read_clock() {
  components::rtc::RealTimeClock clock(environment_, topology_.century_register);
  const auto seconds = clock.read();
  if (!seconds) {
    log_.print("rtc: ", name_of(seconds.error()), "; the time of day is unknown");
    return 0;
  }
  return static_cast<Nanoseconds>(*seconds) * kSecond;
}

void SizedConsole::set_receiver(ConsoleReceiver* receiver) {
  {
    runtime::Guard guard(mutex_);
    receiver_ = receiver;
  }
  line_->set_receiver(receiver);
}

WindowSize SizedConsole::window_size() {
  runtime::Guard guard(mutex_);
  return size_;
}

void SizedConsole::resize(WindowSize size) {
  runtime::Guard guard(mutex_);
  size_ = size;
  if (receiver_) receiver_->on_resize(size);
}

void PcDevices::add_console(Console& console) {
  if (console_count_ < kMaximumConsoles) consoles_[console_count_++] = &console;
}

void PcDevices::start(Ref<Console> screen) {
  screen_ = std::move(screen);
  if (screen_) add_console(*screen_);
  constexpr serial::Options kPorts[] = {{.port = 0x3f8, .irq = 4}, {.port = 0x2f8, .irq = 3}};
  for (int i = 0; i < 2; ++i) {
    if (auto line = serial::Serial16550::create(environment_, kPorts[i])) serial_[i] = *line;
  }
  if (serial_[0]) {
    serial_console_.set_line(serial_[0]);
    add_console(serial_console_);
  }
  if (serial_[1]) {
    if (auto channel = components::host_channel::HostChannel::create(environment_, serial_[1])) {
      host_channel_ = *channel;
    } else {
      log_.print("host channel: ", name_of(channel.error()));
    }
  }
}

void PcDevices::drain() {
  for (auto& line : serial_)
    if (line) line->drain();
}

void PcDevices::power(Place::PowerAction action) {
  drain();
  if (action != Place::PowerAction::Halt) firmware_.power(action);
  if (action == Place::PowerAction::Halt) nucleus::halt_machine();
  log_.print("the machine does not obey");
  environment_.ports.write8(kQemuExitPort, kQemuFailure);
}

}  // namespace vari::kernels
