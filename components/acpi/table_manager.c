/* Reaches into ACPICA's internals for the one thing that its public interface lacks: forgetting the
 * tables that were found, so that read_topology() can be called again (a host test does, ten thousand
 * times), and leaving the check of whole tables to the readers in stage 1, as Linux does. */
#include <acpi/acpi.h>

#include "accommon.h"

void vari_acpi_forget_tables(void);

void vari_acpi_forget_tables(void) {
  memset(&acpi_gbl_root_table_list, 0, sizeof acpi_gbl_root_table_list);
  memset(&acpi_gbl_FADT, 0, sizeof acpi_gbl_FADT);
  acpi_gbl_dsdt_index = ACPI_INVALID_TABLE_INDEX;
  acpi_gbl_facs_index = ACPI_INVALID_TABLE_INDEX;
  acpi_gbl_xfacs_index = ACPI_INVALID_TABLE_INDEX;
  acpi_gbl_fadt_index = ACPI_INVALID_TABLE_INDEX;
  acpi_gbl_reduced_hardware = FALSE;
  acpi_gbl_enable_table_validation = FALSE;
}
