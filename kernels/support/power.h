// Two ways to switch a PC off, for a kernel to choose from: the firmware's, by ACPI, and a few ports.
#pragma once

#include "interfaces/environment.h"
#include "nucleus/place.h"

namespace vari::components::acpi {
class Acpi;
}

namespace vari::kernels {

/// By ACPI: what the machine's firmware says. Brings ACPICA into the image.
class AcpiPower final : public nucleus::PowerControl {
 public:
  AcpiPower(Environment& environment, PhysicalAddress rsdp);
  void power(Place::PowerAction action) override;

 private:
  components::acpi::Acpi* acpi_ = nullptr;
};

/// By the ports of QEMU's q35 machine; on others a reset works, and nothing happens for off.
class PortPower final : public nucleus::PowerControl {
 public:
  explicit PortPower(Environment& environment) : environment_(environment) {}
  void power(Place::PowerAction action) override;

 private:
  Environment& environment_;
};

}  // namespace vari::kernels
