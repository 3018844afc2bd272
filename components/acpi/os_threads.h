// The count of jobs that ACPICA has deferred to threads, for acpi_os_wait_events_complete().
#pragma once

#include <atomic>

#include "base/types.h"

namespace vari::components::acpi {

struct DeferredWork {
  std::atomic<u32> running = 0;
  void* drained = nullptr;  // a semaphore; made by Acpi::create()
};
extern constinit DeferredWork deferred_work;

}  // namespace vari::components::acpi
