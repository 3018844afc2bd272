// The 16550 without interrupts: finding it, setting it up, and writing from where nothing else works.
#include "components/serial_16550/registers.h"
#include "components/serial_16550/serial_16550.h"

namespace vari::components::serial_16550 {
namespace {

using namespace registers;

// A character takes 87 µs at 115200 baud and a port read about 1 µs or more: this is enough for a
// full FIFO, and an end for a UART that hangs.
constexpr unsigned kPatience = 20'000;

class Port {
 public:
  Port(PortService& ports, u16 base) : ports_(ports), base_(base) {}
  u8 in(u16 number) { return ports_.read8(static_cast<u16>(base_ + number)); }
  void out(u16 number, u8 value) { ports_.write8(static_cast<u16>(base_ + number), value); }

 private:
  PortService& ports_;
  const u16 base_;
};

/// In loopback mode the modem outputs come back as modem inputs: something no empty port does.
bool answers_in_loopback(Port& port) {
  const u8 before = port.in(kModemControl);
  port.out(kModemControl, kLoopback | kRequestToSend | kOut2);
  const u8 raised = port.in(kModemStatus) & 0xf0;
  port.out(kModemControl, kLoopback | kDataTerminalReady | kOut1);
  const u8 others = port.in(kModemStatus) & 0xf0;
  port.out(kModemControl, before);
  return raised == 0x90 && others == 0x60;
}

}  // namespace

bool initialise_polled(PortService& ports, u16 base, u32 baud) {
  Port port(ports, base);
  if (baud == 0 || baud > kBaudBase) return false;
  if (!answers_in_loopback(port)) return false;
  const u32 divisor = kBaudBase / baud;
  port.out(kInterruptEnable, 0);
  port.out(kLineControl, kDivisorLatch | kEightBits);
  port.out(kDivisorLow, static_cast<u8>(divisor));
  port.out(kDivisorHigh, static_cast<u8>(divisor >> 8));
  port.out(kLineControl, kEightBits);
  port.out(kFifoControl, kFifoEnable | kFifoTrigger8);
  port.out(kModemControl, kDataTerminalReady | kRequestToSend | kOut2);
  return true;
}

void write_polled(PortService& ports, u16 base, std::string_view text) {
  Port port(ports, base);
  for (const char character : text) {
    unsigned patience = kPatience;
    while (!(port.in(kLineStatus)&kTransmitEmpty)) {
      if (--patience == 0) return;
    }
    port.out(kData, static_cast<u8>(character));
  }
}

}  // namespace vari::components::serial_16550
