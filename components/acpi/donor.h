// ACPICA's public headers, made fit for C++: they declare C functions and global types.
#pragma once

#include "components/acpi/platform/clib.h"

extern "C" {
#include <acpi/acpi.h>
}
