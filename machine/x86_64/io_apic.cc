#include "machine/x86_64/io_apic.h"

#include "machine/x86_64/ports.h"
#include "machine/x86_64/trap_frame.h"

namespace vari::machine {
namespace {

constexpr u32 kVersionIndex = 1, kRouteIndex = 0x10;
constexpr u32 kActiveLow = 1 << 13, kLevel = 1 << 15, kMasked = 1 << 16;

}  // namespace

IoApic::IoApic(void* registers, u32 first_interrupt)
    : registers_(static_cast<volatile u32*>(registers)), first_interrupt_(first_interrupt) {
  pins_ = (read(kVersionIndex) >> 16 & 0xff) + 1;
  for (u32 pin = 0; pin < pins_; ++pin) set_route(pin, {});
}

void IoApic::set_route(u32 pin, const Route& route) const {
  const u32 low = route.vector | (route.level ? kLevel : 0) | (route.active_low ? kActiveLow : 0) |
                  (route.masked ? kMasked : 0);
  // The half with the mask is written last when the pin opens, so that no interrupt goes astray.
  write(kRouteIndex + 2 * pin + 1, u32{route.apic_id} << 24);
  write(kRouteIndex + 2 * pin, low);
}

void mask_legacy_controllers() {
  constexpr u16 kFirstCommand = 0x20, kFirstData = 0x21, kSecondCommand = 0xa0, kSecondData = 0xa1;
  constexpr auto kVector = static_cast<u8>(Vector::LegacyFirst);
  write_port8(kFirstCommand, 0x11);  // ICW1: edge, cascade, ICW4 follows
  write_port8(kSecondCommand, 0x11);
  write_port8(kFirstData, kVector);
  write_port8(kSecondData, kVector + 8);
  write_port8(kFirstData, 4);  // the second hangs on line 2
  write_port8(kSecondData, 2);
  write_port8(kFirstData, 1);  // 8086 mode
  write_port8(kSecondData, 1);
  write_port8(kFirstData, 0xff);
  write_port8(kSecondData, 0xff);
}

}  // namespace vari::machine
