// Power by ports; see power.h.
#include "kernels/support/power.h"

namespace vari::kernels {
namespace {

/// The ICH9's PM1a control register where QEMU's firmware puts it; sleep type 0 is its S5
/// (ACPI 6.4, 4.8.3.2).
constexpr u16 kPm1Control = 0x604, kSleepEnable = 1u << 13;
/// The chipset's reset control (ICH9, 13.7.5): a hard reset.
constexpr u16 kResetControl = 0xcf9;
constexpr u8 kHardReset = 6;
constexpr Nanoseconds kPatience = 2 * kSecond;

}  // namespace

void PortPower::power(Place::PowerAction action) {
  if (action == Place::PowerAction::Off) environment_.ports.write16(kPm1Control, kSleepEnable);
  if (action == Place::PowerAction::Reset) environment_.ports.write8(kResetControl, kHardReset);
  environment_.clock.sleep_ns(kPatience);  // the machine obeys a moment later
}

}  // namespace vari::kernels
