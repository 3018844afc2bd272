// ACPI on the machine that QEMU makes.
#include "components/acpi/acpi.h"

#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
KERNEL_TEST(acpi_counts_the_processors) {
  test.figure("acpi_processors", test.topology().processor_count);
  EXPECT(test.topology().processor_count == test.processors().count());
  EXPECT(test.topology().io_apic_count >= 1);
  EXPECT(test.topology().pm_timer_port != 0);
}

KERNEL_TEST(acpi_loads_the_namespace) {
  const auto made = components::acpi::Acpi::create(test.environment(), {});
  EXPECT(made.has_value());
  if (!made) return;
  auto* acpi = *made;
  const auto before = test.environment().clock.monotonic_ns();
  EXPECT(acpi->start().has_value());
  EXPECT(acpi->start().has_value());
  test.figure("acpi_start_ns", test.environment().clock.monotonic_ns() - before);
}

/// Ends QEMU with status 0 where it works.
KERNEL_TEST(planted_power_off) {
  const auto acpi = components::acpi::Acpi::create(test.environment(), {});
  EXPECT(acpi && (*acpi)->power_off().has_value());
}

/// Ends QEMU with status 0 where it works (run with -no-reboot).
KERNEL_TEST(planted_reset) {
  const auto acpi = components::acpi::Acpi::create(test.environment(), {});
  EXPECT(acpi && (*acpi)->reset().has_value());
}

}  // namespace vari::kernel_tests
