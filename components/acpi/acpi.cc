// Stage 2: the namespace, power-off, reset, the power button.
#include "components/acpi/acpi.h"

#include <new>

#include "components/acpi/donor.h"
#include "components/acpi/os_threads.h"
#include "components/acpi/state.h"

namespace vari::components::acpi {
namespace {

Result<> checked(acpi_status status, const char* what) {
  if (ACPI_SUCCESS(status)) return {};
  acpi_os_printf("ACPI: %s: %s\n", what, acpi_format_exception(status));
  if (status == AE_NO_MEMORY) return std::unexpected(Error::OutOfMemory);
  if (status == AE_NOT_FOUND) return std::unexpected(Error::NotFound);
  return std::unexpected(Error::DeviceError);
}

class AcpiDevice final : public Acpi {
 public:
  explicit AcpiDevice(Environment& environment, void* lock) : environment_(environment), lock_(lock) {}

  Result<> start() override;
  Result<> power_off() override;
  Result<> reset() override;
  Result<> watch_power_button(PowerButtonListener& listener) override;

 private:
  enum class Progress : u8 { Stopped, Started, Failed };
  Result<> load();
  static u32 on_fixed_button(void* self);
  static void on_button_notify(acpi_handle device, u32 value, void* self);
  static acpi_status watch_button_device(acpi_handle device, u32 level, void* self, void** result);
  static void tell_listener(void* self);

  Environment& environment_;
  void* lock_;  // a binary semaphore, for progress_ and failure_
  Progress progress_ = Progress::Stopped;
  Error failure_{};
  PowerButtonListener* listener_ = nullptr;
};

Result<> AcpiDevice::start() {
  TRY(environment_.threads.wait(lock_, kForever));
  if (progress_ == Progress::Stopped) {
    const auto loaded = load();
    progress_ = loaded ? Progress::Started : Progress::Failed;
    if (!loaded) failure_ = loaded.error();
  }
  environment_.threads.signal(lock_, 1);
  if (progress_ == Progress::Failed) return std::unexpected(failure_);
  return {};
}

Result<> AcpiDevice::load() {
  if (!state.tables_ready) return std::unexpected(Error::NotFound);
  TRY(checked(acpi_initialize_subsystem(), "initialisation"));
  TRY(checked(acpi_reallocate_root_table(), "root table"));
  TRY(checked(acpi_load_tables(), "namespace"));
  TRY(checked(acpi_enable_subsystem(ACPI_FULL_INITIALIZATION), "hardware"));
  TRY(checked(acpi_initialize_objects(ACPI_FULL_INITIALIZATION), "devices"));
  acpi_update_all_gpes();
  return {};
}

Result<> AcpiDevice::power_off() {
  TRY(start());
  TRY(checked(acpi_enter_sleep_state_prep(ACPI_STATE_S5), "_PTS"));
  TRY(checked(acpi_enter_sleep_state(ACPI_STATE_S5), "S5"));
  return std::unexpected(Error::DeviceError);
}

Result<> AcpiDevice::reset() {
  constexpr Nanoseconds kPatience = 50 * kMillisecond;
  auto& ports = environment_.ports;
  if (state.tables_ready && ACPI_SUCCESS(acpi_reset())) environment_.clock.delay_ns(kPatience);
  ports.write8(0xcf9, 0x02);  // PCI chipset's reset control: hard reset…
  ports.write8(0xcf9, 0x06);  // …now
  environment_.clock.delay_ns(kPatience);
  ports.write8(0x64, 0xfe);  // the keyboard controller pulses the reset line
  environment_.clock.delay_ns(kPatience);
  return std::unexpected(Error::DeviceError);
}

Result<> AcpiDevice::watch_power_button(PowerButtonListener& listener) {
  TRY(start());
  if (__atomic_exchange_n(&listener_, &listener, __ATOMIC_ACQ_REL)) return {};
  // A machine has the fixed button, or button devices in its namespace, or both.
  if (!(acpi_gbl_FADT.flags & ACPI_FADT_POWER_BUTTON) && !acpi_gbl_reduced_hardware)
    TRY(checked(acpi_install_fixed_event_handler(ACPI_EVENT_POWER_BUTTON, on_fixed_button, this),
                "power button"));
  char id[] = "PNP0C0C";
  acpi_get_devices(id, watch_button_device, this, nullptr);
  return {};
}

acpi_status AcpiDevice::watch_button_device(acpi_handle device, u32, void* self, void**) {
  acpi_install_notify_handler(device, ACPI_DEVICE_NOTIFY, on_button_notify, self);
  return AE_OK;
}

u32 AcpiDevice::on_fixed_button(void* self) {
  acpi_os_execute(OSL_NOTIFY_HANDLER, tell_listener, self);
  return ACPI_INTERRUPT_HANDLED;
}

void AcpiDevice::on_button_notify(acpi_handle, u32 value, void* self) {
  constexpr u32 kPressed = 0x80;  // ACPI 6.4, table 5.164
  if (value == kPressed) acpi_os_execute(OSL_NOTIFY_HANDLER, tell_listener, self);
}

void AcpiDevice::tell_listener(void* self) {
  auto* listener = __atomic_load_n(&static_cast<AcpiDevice*>(self)->listener_, __ATOMIC_ACQUIRE);
  if (listener) listener->on_power_button();
}

}  // namespace

Result<Acpi*> Acpi::create(Environment& environment, PhysicalAddress rsdp) {
  if (state.environment) return std::unexpected(Error::Busy);
  auto* memory = environment.memory.allocate(sizeof(AcpiDevice), alignof(AcpiDevice));
  if (!memory) return std::unexpected(Error::OutOfMemory);
  auto lock = environment.threads.create_semaphore(1);
  auto drained = environment.threads.create_semaphore(0);
  if (!lock || !drained) {
    if (lock) environment.threads.destroy_semaphore(*lock);
    if (drained) environment.threads.destroy_semaphore(*drained);
    environment.memory.free(memory, sizeof(AcpiDevice));
    return std::unexpected(Error::OutOfMemory);
  }
  deferred_work.drained = *drained;
  if (!state.rsdp.value) state.rsdp = rsdp;
  state.environment = &environment;
  return new (memory) AcpiDevice(environment, *lock);
}

}  // namespace vari::components::acpi
