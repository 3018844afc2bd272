// The PC's devices that every kernel with programs wants: serial lines, host channel, clock. What only some
// kernels want (ACPI, a screen) is apart, in power.h and display.h, so that a small image does not hold it.
#pragma once

#include "components/host_channel/host_channel.h"
#include "components/rtc/rtc.h"
#include "components/serial_16550/serial_16550.h"
#include "interfaces/console.h"
#include "interfaces/topology.h"
#include "nucleus/log.h"
#include "nucleus/place.h"
#include "runtime/synchronization.h"

namespace vari::kernels {

/// A serial line knows no window; the host tells its size through the channel. This console is the
/// line with that size.
class SizedConsole final : public Console {
 public:
  void* query_raw(InterfaceId wanted) override { return wanted == kInterface ? this : nullptr; }
  void acquire() override {}
  void release() override {}
  void write(std::span<const u8> bytes) override { line_->write(bytes); }
  void set_receiver(ConsoleReceiver* receiver) override;
  void resume_input() override { line_->resume_input(); }
  WindowSize window_size() override;

  void set_line(Ref<Console> line) { line_ = std::move(line); }
  void resize(WindowSize size);

 private:
  Ref<Console> line_;
  runtime::Mutex mutex_;
  ConsoleReceiver* receiver_ GUARDED_BY(mutex_) = nullptr;
  WindowSize size_ GUARDED_BY(mutex_);
};

class PcDevices final : public nucleus::PowerControl {
 public:
  /// `firmware` powers the machine off and resets it.
  PcDevices(Environment& environment, nucleus::Log& log, const Topology& topology,
            nucleus::PowerControl& firmware)
      : environment_(environment), log_(log), topology_(topology), firmware_(firmware) {}

  /// The time of day from the CMOS clock; 0 where it does not answer.
  Nanoseconds read_clock();
  /// Starts what is there. `screen`: becomes the first console; may be empty.
  void start(Ref<Console> screen);

  /// The consoles found, the main one first.
  std::span<Console* const> consoles() const { return {consoles_, console_count_}; }
  /// The serial console's window, as the host tells it.
  void resize(WindowSize size) { serial_console_.resize(size); }
  components::host_channel::HostChannel* host_channel() { return host_channel_.get(); }
  /// Waits until the serial lines have sent what they have.
  void drain();
  void power(Place::PowerAction action) override;

 private:
  void add_console(Console& console);

  Environment& environment_;
  nucleus::Log& log_;
  const Topology& topology_;
  nucleus::PowerControl& firmware_;
  Ref<Console> screen_;
  SizedConsole serial_console_;
  Ref<components::serial_16550::Serial16550> serial_[2];
  Ref<components::host_channel::HostChannel> host_channel_;
  static constexpr std::size_t kMaximumConsoles = 4;
  Console* consoles_[kMaximumConsoles] = {};
  std::size_t console_count_ = 0;
};

}  // namespace vari::kernels
