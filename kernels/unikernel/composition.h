// What kernels of this boot differ in. Each defines it in its own composition.cc, from its kernel.h: all
// else, and this folder's main.cc, is the same in each.
#pragma once

#include "personalities/linux/calls/table.h"

namespace vari {

struct Composition {
  const char* name;
  const linux::Selection& selection;  // of the system calls that the program gets
};
extern const Composition kComposition;

}  // namespace vari
