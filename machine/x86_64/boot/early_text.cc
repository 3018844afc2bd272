#include "machine/x86_64/boot/early_text.h"

#include "base/types.h"

namespace vari::machine {
namespace {

constexpr u16 kCom1 = 0x3f8, kCom1LineStatus = kCom1 + 5, kDebugPort = 0xe9, kExitPort = 0xf4;
constexpr u8 kTransmitterEmpty = 0x20, kFailure = 0x7f;

void out8(u16 port, u8 value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
u8 in8(u16 port) {
  u8 value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

void write_serial(char character) {
  // Bounded: a machine without a UART reads 0xff or never gets ready.
  for (int tries = 0; tries < 10000 && !(in8(kCom1LineStatus) & kTransmitterEmpty); ++tries) {
  }
  out8(kCom1, static_cast<u8>(character));
}

}  // namespace

void early_write(std::string_view text) {
  for (const char character : text) {
    out8(kDebugPort, static_cast<u8>(character));
    if (character == '\n') write_serial('\r');
    write_serial(character);
  }
}

void early_stop(std::string_view text, std::string_view reason) {
  early_write(text);
  early_write(reason);
  early_write("\n");
  out8(kExitPort, kFailure);
  for (;;) asm volatile("cli; hlt");
}

}  // namespace vari::machine
