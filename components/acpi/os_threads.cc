// ACPICA's OS layer: blocking, deferred work, time, its interrupt, its messages.
//
// Before Acpi::create() there is one core, no thread and no semaphore: handles are null then, and
// waiting for a null handle succeeds at once.
#include "components/acpi/os_threads.h"

#include <atomic>

#include "base/assert.h"
#include "components/acpi/donor.h"
#include "components/acpi/state.h"

namespace vari::components::acpi {
namespace {

Environment& environment() {
  ASSERT(state.environment);
  return *state.environment;
}

constexpr u16 kWaitForever = 0xffff;

struct Job {
  acpi_osd_exec_callback function;
  void* context;
};

std::atomic<u32>& running_jobs() {
  return deferred_work.running;
}

void run_job(void* argument) {
  auto* job = static_cast<Job*>(argument);
  job->function(job->context);
  acpi_os_free(job);
  // Order: the last one signals after its decrement, and the waiter checks the count again after
  // each signal, so that a wake-up is never lost and a stale one does no harm.
  if (running_jobs().fetch_sub(1) == 1) acpi_os_signal_semaphore(deferred_work.drained, 1);
}

class SciHandler final : public InterruptHandler {
 public:
  void on_interrupt() override {
    if (routine_) routine_(context_);
  }
  Result<> attach(u32 line, acpi_osd_handler routine, void* context) {
    if (routine_) return std::unexpected(Error::AlreadyExists);
    routine_ = routine;
    context_ = context;
    // ACPI 6.4, 5.2.9: SCI_INT is an ISA number where there is a PIC, else a global one: level, low.
    auto& interrupts = environment().interrupts;
    const auto attached = line < 16 ? interrupts.attach_isa(static_cast<u8>(line), *this)
                                    : interrupts.attach_global(line, TriggerMode::Level, true, *this);
    if (!attached) routine_ = nullptr;
    return attached;
  }
  void detach() {
    if (!routine_) return;
    environment().interrupts.detach(*this);
    routine_ = nullptr;
  }

 private:
  acpi_osd_handler routine_ = nullptr;
  void* context_ = nullptr;
};

constinit SciHandler sci;

}  // namespace

constinit DeferredWork deferred_work;

}  // namespace vari::components::acpi

using namespace vari::components::acpi;

extern "C" {

acpi_status acpi_os_create_semaphore(u32, u32 initial, acpi_semaphore* handle) {
  auto made = environment().threads.create_semaphore(initial);
  if (!made) return AE_NO_MEMORY;
  *handle = *made;
  return AE_OK;
}

acpi_status acpi_os_delete_semaphore(acpi_semaphore handle) {
  if (!handle) return AE_BAD_PARAMETER;
  environment().threads.destroy_semaphore(handle);
  return AE_OK;
}

acpi_status acpi_os_wait_semaphore(acpi_semaphore handle, u32 units, u16 timeout_ms) {
  if (!handle) return AE_OK;
  if (units != 1) return AE_SUPPORT;
  const auto deadline = timeout_ms == kWaitForever
                            ? vari::kForever
                            : environment().clock.monotonic_ns() + timeout_ms * vari::kMillisecond;
  return environment().threads.wait(handle, deadline) ? AE_OK : AE_TIME;
}

acpi_status acpi_os_signal_semaphore(acpi_semaphore handle, u32 units) {
  if (handle) environment().threads.signal(handle, units);
  return AE_OK;
}

// "Spinlocks" block: nothing of ACPICA runs at interrupt level.
acpi_status acpi_os_create_lock(acpi_spinlock* handle) {
  return acpi_os_create_semaphore(1, 1, handle);
}
void acpi_os_delete_lock(acpi_spinlock handle) {
  acpi_os_delete_semaphore(handle);
}
acpi_cpu_flags acpi_os_acquire_lock(acpi_spinlock handle) {
  acpi_os_wait_semaphore(handle, 1, kWaitForever);
  return 0;
}
void acpi_os_release_lock(acpi_spinlock handle, acpi_cpu_flags) {
  acpi_os_signal_semaphore(handle, 1);
}

acpi_thread_id acpi_os_get_thread_id() {
  // 0 would mean "nobody" to ACPICA.
  return state.environment ? environment().threads.current_thread_id() + 1 : 1;
}

acpi_status acpi_os_execute(acpi_execute_type, acpi_osd_exec_callback function, void* context) {
  auto* job = static_cast<Job*>(acpi_os_allocate(sizeof(Job)));
  if (!job) return AE_NO_MEMORY;
  *job = {function, context};
  running_jobs().fetch_add(1);
  if (environment().threads.start("acpi", run_job, job)) return AE_OK;
  acpi_os_free(job);
  if (running_jobs().fetch_sub(1) == 1) acpi_os_signal_semaphore(deferred_work.drained, 1);
  return AE_NO_MEMORY;
}

void acpi_os_wait_events_complete() {
  while (running_jobs().load()) acpi_os_wait_semaphore(deferred_work.drained, 1, kWaitForever);
}

void acpi_os_sleep(u64 milliseconds) {
  environment().clock.sleep_ns(milliseconds * vari::kMillisecond);
}
void acpi_os_stall(u32 microseconds) {
  environment().clock.delay_ns(u64{microseconds} * 1000);
}
u64 acpi_os_get_timer() {
  return environment().clock.monotonic_ns() / 100;
}

acpi_status acpi_os_install_interrupt_handler(u32 line, acpi_osd_handler routine, void* context) {
  return sci.attach(line, routine, context) ? AE_OK : AE_BAD_PARAMETER;
}

acpi_status acpi_os_remove_interrupt_handler(u32, acpi_osd_handler) {
  sci.detach();
  return AE_OK;
}

acpi_status acpi_os_enter_sleep(u8, u32, u32) {
  return AE_OK;
}

acpi_status acpi_os_signal(u32 function, void*) {
  acpi_os_printf("%s\n",
                 function == ACPI_SIGNAL_FATAL ? "the firmware executed Fatal()" : "breakpoint in AML");
  return AE_OK;
}

void acpi_os_vprintf(const char* format, va_list arguments) {
  if (!state.environment) return;
  char text[256];
  vari_acpi_vsnprintf(text, sizeof text, format, arguments);
  environment().log.write({text, vari_acpi_strlen(text)});
}

void acpi_os_printf(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  acpi_os_vprintf(format, arguments);
  va_end(arguments);
}

}  // extern "C"
