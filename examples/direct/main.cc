// The boot of an image without a personality: nucleus, one serial line, and a C++ program (program.cc) as a
// thread of the kernel. Compare kernels/unikernel/main.cc, which has a place and a personality in between.
#include "base/late.h"
#include "components/acpi/acpi.h"
#include "components/serial_16550/serial_16550.h"
#include "examples/direct/program.h"
#include "kernels/support/power.h"
#include "machine/x86_64/boot/boot.h"
#include "machine/x86_64/memory_layout.h"
#include "nucleus/environment.h"
#include "nucleus/interrupts.h"
#include "nucleus/panic.h"
#include "nucleus/processor.h"

namespace vari {
namespace {

struct Machine {
  BootInformation* boot = nullptr;
  Topology topology;
  nucleus::Log log;
  runtime::SchedulerGroup schedulers;
  nucleus::Processors processors{schedulers};
  nucleus::Memory* memory = nullptr;
  nucleus::InterruptRouter interrupts{processors};
  Late<nucleus::NucleusEnvironment> environment;
};

constinit Late<Machine> the_machine;

void run_program(void* argument) {
  auto& machine = *static_cast<Machine*>(argument);
  auto& environment = machine.environment->get();
  const auto line = components::serial_16550::Serial16550::create(environment, {.port = 0x3f8, .irq = 4});
  if (!line) nucleus::panic("no serial line");
  examples::run({**line, environment, machine.processors.count()});
  (*line)->drain();
  kernels::PortPower(environment).power(Place::PowerAction::Off);
}

}  // namespace

void kmain(BootInformation& boot) {
  auto& machine = the_machine.make();
  machine.boot = &boot;
  machine.processors.adopt_boot_core();
  components::acpi::LinearEarlyMap window(machine::kDirectMap, machine::kBootMapped);
  // Without tables there is one core.
  (void)components::acpi::read_topology(boot.rsdp, window, machine.topology);
  const auto memory = nucleus::Memory::create(boot, machine.topology);
  if (!memory) nucleus::panic("not enough memory to start");
  machine.memory = *memory;
  if (!machine.processors.prepare(*machine.memory, machine.topology)) nucleus::panic("no boot processor");
  if (!machine.interrupts.initialise(*machine.memory, machine.topology))
    nucleus::panic("no interrupt controllers");
  (void)machine.processors.start_others(machine.topology);  // those that do not come are not missed
  machine.environment.make(*machine.memory, machine.log, machine.interrupts);
  if (!runtime::Thread::start(run_program, &machine, {.name = "program"}))
    nucleus::panic("no memory for a thread");
  machine.processors.run_boot_core();
}

}  // namespace vari
