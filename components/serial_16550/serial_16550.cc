// The 16550 by interrupts. The receiver's side never drops while there is room in the ring; where there
// is none, its interrupt is masked until somebody reads, so that the sender is held up (and a real
// line overruns in its FIFO, as it must without flow control).
#include "components/serial_16550/serial_16550.h"

#include <algorithm>

#include "components/serial_16550/registers.h"

namespace vari::components::serial_16550 {

using namespace registers;

Serial16550::Serial16550(Environment& environment, const Options& options)
    : environment_(environment), options_(options) {}

Result<Ref<Serial16550>> Serial16550::create(Environment& environment, const Options& options) {
  auto serial = TRY(make_component<Serial16550>(environment.memory, environment, options));
  TRY(serial->open());
  return serial;
}

Result<> Serial16550::open() {
  TRY(lock_.open(environment_.threads));
  TRY(write_lock_.open(environment_.threads));
  TRY(deliver_lock_.open(environment_.threads));
  TRY(room_.open(environment_.threads, 0));
  TRY(input_.open(environment_.threads, 0));
  if (!initialise_polled(environment_.ports, options_.port, options_.baud))
    return std::unexpected(Error::NotFound);
  TRY(environment_.interrupts.attach_isa(options_.irq, *this));
  attached_ = true;
  ComponentGuard guard(lock_);
  set_interrupts(kReceiveInterrupt | kLineStatusInterrupt);
  return {};
}

Serial16550::~Serial16550() {
  if (!attached_) return;
  out(kInterruptEnable, 0);
  environment_.interrupts.detach(*this);
}

void Serial16550::set_interrupts(u8 enabled) {
  if (enabled == interrupts_) return;
  interrupts_ = enabled;
  out(kInterruptEnable, enabled);
}

/// Fills the FIFO as often as it is empty: a UART in an emulator takes everything at once.
std::size_t Serial16550::fill_fifo(std::span<const u8> bytes) {
  std::size_t done = 0;
  while (done < bytes.size() && (in(kLineStatus)&kTransmitEmpty)) {
    const std::size_t count = std::min<std::size_t>(kFifoBytes, bytes.size() - done);
    environment_.ports.write8_many(static_cast<u16>(options_.port + kData), bytes.data() + done, count);
    done += count;
  }
  return done;
}

void Serial16550::service_transmitter() {
  while (!transmit_.empty() && (in(kLineStatus)&kTransmitEmpty)) {
    u8 batch[kFifoBytes];
    std::size_t count = 0;
    while (count < kFifoBytes && !transmit_.empty()) batch[count++] = transmit_.pop();
    environment_.ports.write8_many(static_cast<u16>(options_.port + kData), batch, count);
  }
  if (transmit_.empty()) set_interrupts(interrupts_ & ~kTransmitInterrupt);
  // Half a ring of room is worth a switch to the writer.
  if (writer_waits_ && transmit_.room() >= transmit_.size()) {
    writer_waits_ = false;
    room_.signal();
  }
}

void Serial16550::write(std::span<const u8> bytes) {
  ComponentGuard writer(write_lock_);
  while (!bytes.empty()) {
    bool wait = false;
    {
      ComponentGuard guard(lock_);
      std::size_t done = transmit_.empty() ? fill_fifo(bytes) : 0;
      while (done < bytes.size() && transmit_.room() > 0) transmit_.push(bytes[done++]);
      bytes = bytes.subspan(done);
      // Enabling the interrupt while the transmitter is empty raises it, so none is missed.
      if (!transmit_.empty()) set_interrupts(interrupts_ | kTransmitInterrupt);
      wait = writer_waits_ = !bytes.empty();
    }
    if (wait) (void)room_.wait();
  }
}

void Serial16550::drain() {
  constexpr Nanoseconds kStep = kMillisecond;
  for (unsigned i = 0; i < 1000; ++i) {
    {
      ComponentGuard guard(lock_);
      if (transmit_.empty() && (in(kLineStatus)&kTransmitIdle)) return;
    }
    environment_.clock.sleep_ns(kStep);
  }
}

/// True if something came that has to be delivered.
bool Serial16550::receive_into_ring() {
  bool received = false;
  for (;;) {
    if (receive_.room() == 0) {
      throttled_ = true;
      set_interrupts(interrupts_ & ~(kReceiveInterrupt | kLineStatusInterrupt));
      break;
    }
    const u8 status = in(kLineStatus);
    if (status == 0xff || !(status & kDataReady)) break;  // 0xff: the device has vanished
    const u8 byte = in(kData);
    received = true;
    if (status & kBreak) {
      break_seen_ = true;  // the byte is only the line's zeros
    } else {
      receive_.push(byte);
    }
  }
  if (received && readers_waiting_ > 0) {
    input_.signal(readers_waiting_);
    readers_waiting_ = 0;
  }
  return received;
}

/// Moves bytes out of the ring; where that made room, the sender may go on.
std::size_t Serial16550::take_received(std::span<u8> to) {
  std::size_t count = 0;
  while (count < to.size() && !receive_.empty()) to[count++] = receive_.pop();
  if (count > 0 && throttled_) {
    throttled_ = false;
    set_interrupts(interrupts_ | kReceiveInterrupt | kLineStatusInterrupt);
  }
  return count;
}

/// What the receiver has no room for stays in the ring, then in the UART, and so holds the sender up.
void Serial16550::deliver() {
  ComponentGuard one_at_a_time(deliver_lock_);
  if (!receiver_) return;
  {
    ComponentGuard guard(lock_);
    delivering_ = true;
  }
  for (;;) {
    u8 batch[256];
    const std::size_t limit = std::min(sizeof batch, receiver_->input_room());
    std::size_t count = 0;
    bool was_break = false;
    {
      ComponentGuard guard(lock_);
      count = take_received({batch, limit});
      if (receive_.empty()) was_break = std::exchange(break_seen_, false);
      if (count == 0 && !was_break && !std::exchange(deliver_again_, false)) {
        delivering_ = false;
        return;
      }
    }
    if (count > 0) receiver_->on_input({batch, count});
    if (was_break) receiver_->on_break();
  }
}

/// Called by whoever made room, perhaps from inside deliver() itself, which then looks again.
void Serial16550::resume_input() {
  {
    ComponentGuard guard(lock_);
    if (delivering_) {
      deliver_again_ = true;
      return;
    }
  }
  deliver();
}

/// The line is edge-triggered: every cause must be gone before we return, or no edge comes again.
void Serial16550::on_interrupt() {
  constexpr unsigned kMaximumRounds = 64;  // against a device that never rests
  for (unsigned round = 0; round < kMaximumRounds; ++round) {
    bool received = false;
    {
      ComponentGuard guard(lock_);
      if (in(kInterruptIdentity)&kNoInterruptPending) return;
      received = receive_into_ring();
      service_transmitter();
      (void)in(kModemStatus);  // reading it ends a modem status interrupt
    }
    if (received) deliver();
  }
}

void Serial16550::set_receiver(ConsoleReceiver* receiver) {
  {
    ComponentGuard guard(deliver_lock_);
    receiver_ = receiver;
  }
  if (receiver) deliver();
}

bool Serial16550::readable() {
  ComponentGuard guard(lock_);
  return !receive_.empty();
}

std::size_t Serial16550::read(std::span<u8> to) {
  if (to.empty()) return 0;
  for (;;) {
    {
      ComponentGuard guard(lock_);
      const std::size_t count = take_received(to);
      if (count > 0) return count;
      ++readers_waiting_;
    }
    (void)input_.wait();
  }
}

}  // namespace vari::components::serial_16550
