// A 16550 in software: FIFOs, interrupt identity, loopback; a line that can be held up.
#pragma once

#include <deque>
#include <mutex>
#include <string>

#include "components/serial_16550/registers.h"
#include "host_support/fake_environment.h"

namespace vari::testing_support {

class FakeUart final : public PortDevice {
 public:
  FakeUart(FakeEnvironment& environment, u16 base, u8 irq)
      : environment_(environment), base_(base), irq_(irq) {
    environment.ports.place(base, 8, *this);
  }

  // The line's far end.
  /// Bytes arrive; the interrupt is raised as the registers say. Bytes beyond the FIFO wait outside.
  void arrive(std::string_view bytes) {
    {
      std::lock_guard guard(mutex_);
      for (const char c : bytes) outside_.push_back({static_cast<u8>(c), false});
    }
    run();
  }
  void arrive_break() {
    {
      std::lock_guard guard(mutex_);
      outside_.push_back({0, true});
    }
    run();
  }
  /// How many bytes the line takes before it blocks; negative: any number.
  void set_line_room(int bytes) {
    {
      std::lock_guard guard(mutex_);
      line_room_ = bytes;
      transmit();
    }
    run();
  }
  std::string sent() {
    std::lock_guard guard(mutex_);
    return sent_;
  }
  unsigned lost() {
    std::lock_guard guard(mutex_);
    return lost_;
  }
  u8 interrupt_enable() {
    std::lock_guard guard(mutex_);
    return enabled_;
  }
  /// Delivers interrupts until the device is quiet.
  void run() {
    for (int i = 0; i < 10000; ++i) {
      {
        std::lock_guard guard(mutex_);
        refill();
        if (identity() & 1) return;
      }
      environment_.interrupts.raise(irq_);
    }
  }

  u8 read(u16 port) override {
    using namespace components::serial_16550::registers;
    std::lock_guard guard(mutex_);
    switch (port - base_) {
      case kData: {
        if (received_.empty()) return 0;
        const u8 byte = received_.front().byte;
        received_.pop_front();
        refill();
        return byte;
      }
      case kInterruptEnable: return enabled_;
      case kInterruptIdentity: {
        const u8 now = identity();
        if (now == 2) transmit_asked_ = false;
        return now;
      }
      case kLineControl: return line_control_;
      case kModemControl: return modem_control_;
      case kLineStatus: return status();
      case kModemStatus: {
        if (!(modem_control_ & kLoopback)) return 0xb0;
        const u8 out = modem_control_;
        return static_cast<u8>((out & 2 ? 0x10 : 0) | (out & 1 ? 0x20 : 0) | (out & 4 ? 0x40 : 0) |
                               (out & 8 ? 0x80 : 0));
      }
      default: return 0;
    }
  }
  void write(u16 port, u8 value) override {
    using namespace components::serial_16550::registers;
    std::lock_guard guard(mutex_);
    switch (port - base_) {
      case kData:
        if (line_control_ & kDivisorLatch) return;
        if (fifo_.size() >= kFifoBytes) {
          ++lost_;
          return;
        }
        fifo_.push_back(value);
        transmit();
        return;
      case kInterruptEnable:
        if (line_control_ & kDivisorLatch) return;
        if ((value & kTransmitInterrupt) && !(enabled_ & kTransmitInterrupt) && fifo_.empty())
          transmit_asked_ = true;
        enabled_ = value;
        return;
      case kLineControl: line_control_ = value; return;
      case kModemControl: modem_control_ = value; return;
      default: return;
    }
  }

 private:
  struct Received {
    u8 byte;
    bool is_break;
  };
  u8 status() const {
    u8 now = 0;
    if (!received_.empty()) now |= 1 | (received_.front().is_break ? 0x10 : 0);
    if (fifo_.empty()) now |= 0x60;
    return now;
  }
  u8 identity() const {
    if ((enabled_ & 4) && !received_.empty() && received_.front().is_break) return 6;
    if ((enabled_ & 1) && !received_.empty()) return 4;
    if ((enabled_ & 2) && transmit_asked_) return 2;
    return 1;
  }
  void refill() {
    while (!outside_.empty() && received_.size() < 16) {
      received_.push_back(outside_.front());
      outside_.pop_front();
    }
  }
  void transmit() {
    const bool had = !fifo_.empty();
    while (!fifo_.empty() && line_room_ != 0) {
      sent_ += static_cast<char>(fifo_.front());
      fifo_.pop_front();
      if (line_room_ > 0) --line_room_;
    }
    if (had && fifo_.empty()) transmit_asked_ = true;
  }

  FakeEnvironment& environment_;
  const u16 base_;
  const u8 irq_;
  std::mutex mutex_;
  std::deque<Received> outside_, received_;
  std::deque<u8> fifo_;
  std::string sent_;
  unsigned lost_ = 0;
  int line_room_ = -1;
  u8 enabled_ = 0, line_control_ = 0, modem_control_ = 0;
  bool transmit_asked_ = false;
};

}  // namespace vari::testing_support
