/* The platform header that ACPICA, as the Linux sources carry it, asks for by this name. This folder
 * stands before the donor's on the include path, so the donor's own file of this name is not read.
 *
 * The configuration: local object caches, no debugger, no disassembler, no debug output; mutexes and
 * locks are binary semaphores, because all of ACPICA runs at process level here (its interrupt handler,
 * too, is called by an interrupt thread). The C library is ours, see clib.h. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "components/acpi/platform/clib.h"

#define ACPI_MACHINE_WIDTH 64
#define ACPI_USE_SYSTEM_CLIBRARY
#define ACPI_USE_DO_WHILE_0
#define ACPI_USE_LOCAL_CACHE
#define ACPI_IGNORE_PACKAGE_RESOLUTION_ERRORS
#define ACPI_PCI_CONFIGURED
#define ACPI_MUTEX_TYPE ACPI_BINARY_SEMAPHORE

#define COMPILER_DEPENDENT_INT64 int64_t
#define COMPILER_DEPENDENT_UINT64 uint64_t
#define acpi_uintptr_t uintptr_t
#define ACPI_TO_INTEGER(pointer) ((uintptr_t)(pointer))
#define ACPI_OFFSET(type, field) offsetof(type, field)

#define ACPI_EXPORT_SYMBOL(symbol)
/* For states that keep memory: S5, the only one that we enter, loses it. */
#define ACPI_FLUSH_CPU_CACHE()

#define __iomem
