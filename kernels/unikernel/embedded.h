// What tools/embed_program.py puts into a linked image, behind everything else: an archive (the root file
// system, with the program in it) and a command line.
#pragma once

#include "interfaces/boot_information.h"
#include "machine/x86_64/boot/boot.h"

namespace vari {

struct Embedded {
  char mark[16];  // by which the tool finds it
  u64 begin;      // physical
  u64 archive_bytes;
  u64 command_line_bytes;  // right behind the archive

  /// The archive becomes the first boot module, as if a loader had brought it, and the command line is the
  /// kernel's where the loader gave none.
  void adopt(BootInformation& boot) const {
    if (archive_bytes == 0) return;
    boot.modules[0] = {{begin}, archive_bytes + command_line_bytes, {}};
    boot.module_count = 1;
    const auto* text = machine::boot_mapped<char>(begin + archive_bytes);
    if (boot.command_line.empty()) boot.command_line = machine::keep_text(boot, text, command_line_bytes);
  }
};

}  // namespace vari

extern "C" const vari::Embedded vari_embedded;
