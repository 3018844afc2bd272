// A program that needs no personality: it asks Vari's own interfaces for what it wants.
#pragma once

#include "interfaces/console.h"
#include "interfaces/environment.h"

namespace vari::examples {

/// What main.cc gives the program: a serial line to write to, the machine's services, and how many cores
/// there are.
struct Surroundings {
  Console& console;
  Environment& environment;
  u32 cores;
};

/// The program. Returns when it is done; the machine is switched off then.
void run(const Surroundings& surroundings);

}  // namespace vari::examples
