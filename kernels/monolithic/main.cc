// The boot of the monolithic kernel, in order. Each object is made once, here, and handed by reference to
// whoever needs it; docs/tour.md walks along this file.
#include "base/late.h"
#include "components/acpi/acpi.h"
#include "kernels/monolithic/kernel.h"
#include "kernels/support/command_line.h"
#include "kernels/support/display.h"
#include "machine/x86_64/boot/boot.h"
#include "machine/x86_64/boot/early_text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/memory_layout.h"
#include "nucleus/environment.h"
#include "nucleus/interrupts.h"
#include "nucleus/log.h"
#include "nucleus/panic.h"
#include "nucleus/processor.h"
#include "nucleus/random.h"

namespace vari {
namespace {

/// One nucleus, and what this kernel puts upon it.
struct Machine {
  BootInformation* boot = nullptr;
  Topology topology;
  nucleus::Log log;
  nucleus::Random random;
  runtime::SchedulerGroup schedulers{Monolithic::kScheduling};
  nucleus::Processors processors{schedulers};
  nucleus::Memory* memory = nullptr;
  nucleus::InterruptRouter interrupts{processors};
  Monolithic::Tlb tlb;
  Late<nucleus::NucleusEnvironment> environment;
  Late<Monolithic::Power> power;
  Late<Monolithic::Devices> devices;
  Late<Monolithic::Place> place;
  Monolithic::Executables executables;
  components::archive::CpioReader cpio;
  components::archive::TarReader tar;
  const ArchiveReader* archives[2] = {&cpio, &tar};
  runtime::Owner<Monolithic::Personality> personality;
  Late<Monolithic::FirstProgram> first_program;
};

constinit Late<Machine> the_machine;

/// Prints who we are: the three questions of the kernel thread model are answered at each boot (E08).
void greet(Machine& machine) {
  machine.log.print("Vari ", Monolithic::kName, ", by ", machine.boot->protocol,
                    "; command line: ", machine.boot->command_line.substr(0, 120));
  machine.log.print("thread model: ", Monolithic::ThreadModel::kName,
                    "; contexts: ", Monolithic::ThreadModel::kContexts,
                    "; stack: ", Monolithic::ThreadModel::kStack);
  machine.log.print("blocking: ", Monolithic::ThreadModel::kBlocking);
}

void start_memory(Machine& machine) {
  components::acpi::LinearEarlyMap window(machine::kDirectMap, machine::kBootMapped);
  const auto tables = components::acpi::read_topology(machine.boot->rsdp, window, machine.topology);
  if (!tables) machine.log.print("acpi: ", name_of(tables.error()), "; going on with one processor");
  const auto memory = nucleus::Memory::create(*machine.boot, machine.topology);
  if (!memory) nucleus::panic("not enough memory to start");
  machine.memory = *memory;
}

void start_processors(Machine& machine) {
  if (const auto prepared = machine.processors.prepare(*machine.memory, machine.topology); !prepared)
    nucleus::panic("the boot processor can't be prepared");
  if (const auto routed = machine.interrupts.initialise(*machine.memory, machine.topology); !routed)
    machine.log.print("interrupts: ", name_of(routed.error()));
  const auto count = machine.processors.start_others(machine.topology);
  if (!count) machine.log.print("processors: ", name_of(count.error()));
  auto& frames = machine.memory->frames();
  machine.log.print(machine.processors.count(), " of ", machine.topology.processor_count, " processors; ",
                    frames.total_frames() * kPageBytes / kKiB, " KiB of memory, ",
                    frames.free_frames() * kPageBytes / kKiB, " free; frame metadata ",
                    frames.metadata_bytes(), " bytes");
}

std::span<const u8> root_archive(const BootInformation& boot) {
  if (boot.module_count == 0) return {};
  const auto& module = boot.modules[0];
  return {reinterpret_cast<const u8*>(machine::kDirectMap + module.begin.value), module.bytes};
}

void start_personality(Machine& machine) {
  const auto archive = root_archive(*machine.boot);
  auto personality = Monolithic::Personality::create({.place = *machine.place,
                                                      .selection = linux::kSelected<Monolithic::Calls>,
                                                      .executables = machine.executables,
                                                      .archives = machine.archives,
                                                      .root_archive = archive,
                                                      .consoles = machine.devices->consoles(),
                                                      .kernel_command_line = machine.boot->command_line});
  if (!personality) {
    const Text<80> reason("the Linux personality can't start: error ", static_cast<int>(personality.error()));
    nucleus::panic(reason.text());
  }
  machine.personality = std::move(*personality);
  // Its files are copied: the module's frames serve as ordinary memory from now on.
  if (!archive.empty()) machine.memory->frames().release(machine.boot->modules[0].begin, archive.size());
}

/// What needs threads: devices, the personality, the first program.
void continue_boot(void* argument) {
  auto& machine = *static_cast<Machine*>(argument);
  const auto command_line = machine.boot->command_line;
  auto& power = machine.power.make(machine.environment->get(), machine.boot->rsdp);
  machine.devices.make(machine.environment->get(), machine.log, machine.topology, power);
  const Nanoseconds realtime = machine.devices->read_clock();
  const bool screen = kernels::option(command_line, "vari.console") == "screen";
  machine.devices->start(
      screen ? kernels::create_display(machine.environment->get(), machine.log, machine.boot->framebuffer)
             : Ref<Console>());
  const Nanoseconds now = runtime::port::now_ns();
  machine.place.make(
      nucleus::NucleusPlaceBase::Parts{.memory = *machine.memory,
                                       .processors = machine.processors,
                                       .log = machine.log,
                                       .random = machine.random,
                                       .power = *machine.devices,
                                       .realtime_at_start_ns = realtime > now ? realtime - now : 0},
      machine.tlb);
  start_personality(machine);
  // A panic on request: how a panic looks, and what ./vari makes of it, can be tried at any time.
  if (const auto reason = kernels::option(command_line, "vari.panic")) nucleus::panic(*reason);
  machine.log.set_echo(nullptr);  // the console belongs to the programs now; dmesg has the rest
  machine.first_program.make(command_line, *machine.devices, machine.log).start(*machine.personality);
}

}  // namespace

void kmain(BootInformation& boot) {
  const u64 entered = machine::read_tsc();
  auto& machine = the_machine.make();
  machine.boot = &boot;
  machine.processors.adopt_boot_core();
  machine.log.set_echo(machine::early_write);
  machine.log.print("kernel entered at tsc ", entered);
  greet(machine);
  start_memory(machine);
  start_processors(machine);
  machine.environment.make(*machine.memory, machine.log, machine.interrupts);
  if (!runtime::Thread::start(continue_boot, &machine, {.name = "boot"}))
    nucleus::panic("no memory for a thread");
  machine.processors.run_boot_core();
}

}  // namespace vari
