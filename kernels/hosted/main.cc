// The start of the hosted kernel, in order; docs/hosted.md walks along this file.
#include <unistd.h>

#include <optional>

#include "kernels/hosted/first_program.h"
#include "kernels/hosted/machine.h"
#include "kernels/hosted/plant.h"
#include "kernels/support/command_line.h"
#include "personalities/linux/filesystems/folder_fs.h"

namespace vari {
namespace {

/// What needs threads: the personality, the streams, the first program.
void continue_start(kernels::HostedMachine& machine) {
  const Hosted::Executables executables;
  const components::archive::CpioReader cpio;
  const components::archive::TarReader tar;
  const ArchiveReader* const archives[] = {&cpio, &tar};
  std::optional<linux::FolderRoot> served;
  if (auto* folder = machine.root_folder()) served.emplace(*folder);
  auto personality =
      Hosted::Personality::create({.place = machine.place(),
                                   .selection = linux::kSelected<Hosted::Calls>,
                                   .executables = executables,
                                   .archives = archives,
                                   .root_archive = machine.root_archive(),
                                   .root_file_system = served ? &*served : nullptr,
                                   .consoles = machine.consoles(),
                                   .kernel_command_line = machine.options().kernel_command_line});
  if (!personality) {
    const Text<80> why("the Linux personality can't start: error ", static_cast<int>(personality.error()));
    machine.fail(why.text());
  }
  machine.personality() = personality->get();
  // A panic on request: how a panic looks, and what ./vari makes of it, can be tried at any time.
  if (kernels::option(machine.options().kernel_command_line, "vari.panic"))
    assertion_failed("no panic on request", __FILE_NAME__, __LINE__);
  if (const auto bug = kernels::option(machine.options().kernel_command_line, "vari.plant");
      bug && !kernels::plant_bug(*bug))
    machine.fail("vari.plant: there is no such bug");
  if (const auto started = machine.start_streams(); !started) machine.fail(name_of(started.error()));
  kernels::HostedFirstProgram first(machine);
  first.start();
  machine.attend();
}

}  // namespace
}  // namespace vari

int main(int count, char** arguments) {
  using namespace vari;
  const auto options = kernels::parse_hosted_options(count, arguments);
  if (!options) return 2;
  kernels::HostedMachine machine(*options);
  if (!machine.prepare()) return 125;
  Hosted::Cores cores(options->cores, Hosted::kScheduling, &machine.place().attendant());
  machine.place().set_group(cores.group());
  cores.run([&] { continue_start(machine); });
}
