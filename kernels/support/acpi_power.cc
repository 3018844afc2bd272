// Power by the firmware; see power.h.
#include "components/acpi/acpi.h"
#include "kernels/support/power.h"

namespace vari::kernels {

AcpiPower::AcpiPower(Environment& environment, PhysicalAddress rsdp) {
  if (auto acpi = components::acpi::Acpi::create(environment, rsdp)) acpi_ = *acpi;
}

void AcpiPower::power(Place::PowerAction action) {
  if (acpi_ && action == Place::PowerAction::Off) (void)acpi_->power_off();
  if (acpi_ && action == Place::PowerAction::Reset) (void)acpi_->reset();
}

}  // namespace vari::kernels
