// A 16550 UART (COM1, COM2…): a Console, or a plain ByteStream, by interrupts.
//
// Any thread may call; the component has its own locks (ThreadService semaphores). Writers fill the
// transmit FIFO themselves while it has room, and leave the rest in a ring to the interrupt.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "interfaces/component.h"
#include "interfaces/console.h"
#include "interfaces/environment.h"

namespace vari::components::serial_16550 {

struct Options {
  u16 port = 0x3f8;  // COM1; COM2 is 0x2f8
  u8 irq = 4;        // COM1; COM2 is 3
  u32 baud = 115200;
};

/// Writes without interrupts, locks or memory, for the early log and for panics. Bounded: drops bytes
/// where the UART takes none for long. Works before and beside Serial16550. "\n" is sent as it is.
void write_polled(PortService& ports, u16 port, std::string_view text);
/// Sets line parameters for write_polled() at early boot; false: there is no UART at `port`.
bool initialise_polled(PortService& ports, u16 port, u32 baud = 115200);

/// A byte queue of fixed size; the caller locks.
template <std::size_t kBytes>
class ByteRing {
 public:
  std::size_t size() const { return tail_ - head_; }
  std::size_t room() const { return kBytes - size(); }
  bool empty() const { return head_ == tail_; }
  void push(u8 byte) { bytes_[tail_++ % kBytes] = byte; }
  u8 pop() { return bytes_[head_++ % kBytes]; }

 private:
  static_assert((kBytes & (kBytes - 1)) == 0);
  std::array<u8, kBytes> bytes_;
  std::size_t head_ = 0, tail_ = 0;
};

class Serial16550 final : public Component<Console, ByteStream>, private InterruptHandler {
 public:
  /// NotFound: no UART answers at the port.
  static Result<Ref<Serial16550>> create(Environment& environment, const Options& options);

  // Console and ByteStream. A receiver and read() exclude each other: with a receiver, read() blocks.
  void write(std::span<const u8> bytes) override;
  void set_receiver(ConsoleReceiver* receiver) override;
  void resume_input() override;
  WindowSize window_size() override { return {}; }
  std::size_t read(std::span<u8> to) override;
  bool readable() override;

  /// Blocks until all bytes have left the UART, before the power goes off. At most about a second.
  void drain();

  Serial16550(Environment& environment, const Options& options);

 protected:
  ~Serial16550() override;

 private:
  void on_interrupt() override;
  Result<> open();
  std::size_t fill_fifo(std::span<const u8> bytes) REQUIRES(lock_);
  void service_transmitter() REQUIRES(lock_);
  void set_interrupts(u8 enabled) REQUIRES(lock_);
  bool receive_into_ring() REQUIRES(lock_);
  void deliver();
  std::size_t take_received(std::span<u8> to) REQUIRES(lock_);
  u8 in(u8 number) { return environment_.ports.read8(static_cast<u16>(options_.port + number)); }
  void out(u8 number, u8 value) {
    environment_.ports.write8(static_cast<u16>(options_.port + number), value);
  }

  Environment& environment_;
  const Options options_;
  bool attached_ = false;
  ComponentLock lock_;          // the device and the fields below
  ComponentLock write_lock_;    // one writer at a time; taken before lock_
  ComponentLock deliver_lock_;  // one on_input() at a time; taken before lock_
  ComponentSemaphore room_;     // signalled when a waiting writer can go on
  ComponentSemaphore input_;    // signalled when read() can go on
  ByteRing<4096> transmit_ GUARDED_BY(lock_);
  ByteRing<4096> receive_ GUARDED_BY(lock_);
  bool writer_waits_ GUARDED_BY(lock_) = false;
  u32 readers_waiting_ GUARDED_BY(lock_) = 0;
  bool throttled_ GUARDED_BY(lock_) = false;  // receive ring full: the interrupt is masked
  bool break_seen_ GUARDED_BY(lock_) = false;
  bool delivering_ GUARDED_BY(lock_) = false;     // some thread is inside deliver()
  bool deliver_again_ GUARDED_BY(lock_) = false;  // it is to look once more before it leaves
  u8 interrupts_ GUARDED_BY(lock_) = 0;           // what the interrupt enable register holds
  ConsoleReceiver* receiver_ GUARDED_BY(deliver_lock_) = nullptr;
};

}  // namespace vari::components::serial_16550
