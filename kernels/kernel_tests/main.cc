// A kernel whose only purpose is to run the in-kernel tests: the nucleus with no personality on it.
// Output, on the serial line and the debug port: "case NAME passed|FAILED …", then "N passed, N failed".
#include "base/late.h"
#include "components/acpi/acpi.h"
#include "kernels/support/command_line.h"
#include "machine/x86_64/boot/boot.h"
#include "machine/x86_64/boot/early_text.h"
#include "machine/x86_64/memory_layout.h"
#include "machine/x86_64/ports.h"
#include "nucleus/environment.h"
#include "nucleus/panic.h"
#include "tests/kernel/kernel_test.h"

extern "C" const vari::kernel_tests::Registration kernel_tests_begin[], kernel_tests_end[];

namespace vari {
namespace {

constexpr u16 kExitPort = 0xf4;
constexpr u8 kExitPassed = 0x10, kExitFailed = 0x11;  // QEMU's exit status: 33, 35

struct Machine {
  BootInformation* boot = nullptr;
  Topology topology;
  nucleus::Log log;
  runtime::SchedulerGroup schedulers;
  nucleus::Processors processors{schedulers};
  nucleus::Memory* memory = nullptr;
  nucleus::InterruptRouter interrupts{processors};
  nucleus::SynchronousTlb tlb;
  Late<nucleus::NucleusEnvironment> environment;
};

constinit Late<Machine> the_machine;

template <class... Pieces>
void say(const Pieces&... pieces) {
  const Text<300> text(pieces..., "\n");
  machine::early_write(text.text());
}

/// Runs one test; true if it passed.
bool run(const kernel_tests::Registration& registration, kernel_tests::Test& test) {
  test.reset();
  registration.run(test);
  if (test.failures() == 0) {
    say("case ", registration.name, " passed");
    return true;
  }
  say("case ", registration.name, " FAILED ", test.first().file, ":", test.first().line, ": ",
      test.first().expression, " (", test.failures(), " failures)");
  return false;
}

/// All tests, or with "test=NAME" on the command line one of them; those whose names begin with "planted_"
/// end the machine on purpose, and run only when they are named.
void run_all(void* argument) {
  auto& machine = *static_cast<Machine*>(argument);
  kernel_tests::Test test(*machine.memory, machine.processors, machine.interrupts, machine.tlb,
                          machine.environment->get(), machine.topology, *machine.boot);
  const auto wanted = kernels::option(machine.boot->command_line, "test");
  u32 passed = 0, failed = 0;
  for (const auto* at = kernel_tests_begin; at != kernel_tests_end; ++at) {
    const std::string_view name(at->name);
    if (wanted ? name != *wanted : name.starts_with("planted_")) continue;
    run(*at, test) ? ++passed : ++failed;
  }
  say(passed, " passed, ", failed, " failed");
  machine::write_port8(kExitPort, failed == 0 && passed != 0 ? kExitPassed : kExitFailed);
}

}  // namespace

void kernel_tests::Test::figure(std::string_view name, u64 value) {
  say("figure ", name, " ", value);
}

void kernel_tests::Test::tell(std::string_view name, std::string_view text) {
  machine::early_write(name);
  machine::early_write(" ");
  machine::early_write(text);
  machine::early_write("\n");
}

void kmain(BootInformation& boot) {
  auto& machine = the_machine.make();
  machine.boot = &boot;
  machine.processors.adopt_boot_core();
  machine.log.set_echo(machine::early_write);
  components::acpi::LinearEarlyMap window(machine::kDirectMap, machine::kBootMapped);
  if (!components::acpi::read_topology(boot.rsdp, window, machine.topology)) say("no ACPI tables");
  const auto memory = nucleus::Memory::create(boot, machine.topology);
  if (!memory) nucleus::panic("not enough memory to start");
  machine.memory = *memory;
  if (!machine.processors.prepare(*machine.memory, machine.topology)) nucleus::panic("no boot processor");
  if (!machine.interrupts.initialise(*machine.memory, machine.topology)) say("no interrupt controllers");
  if (!machine.processors.start_others(machine.topology)) say("no other processors");
  say("processors ", machine.processors.count());
  machine.environment.make(*machine.memory, machine.log, machine.interrupts);
  if (!runtime::Thread::start(run_all, &machine, {.name = "tests", .stack_bytes = 32 * kKiB}))
    nucleus::panic("no memory for a thread");
  machine.processors.run_boot_core();
}

}  // namespace vari
