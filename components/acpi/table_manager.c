/* Reaches into ACPICA's internals for what its public interface lacks: how much of a table is mapped
 * (a hostile table may be shorter than its own header), and forgetting the tables that were found, so that
 * read_topology() can be called again (a host test does, ten thousand times). Checking whole tables is
 * left to their readers in stage 1, as in Linux. */
#include <acpi/acpi.h>

#include "accommon.h"

void vari_acpi_forget_tables(void);
u32 vari_acpi_table_bytes(const char* signature);

/* Of the table that acpi_get_table(signature, 1) maps; 0: there is none. */
u32 vari_acpi_table_bytes(const char* signature) {
  u32 i;
  for (i = 0; i < acpi_gbl_root_table_list.current_table_count; ++i) {
    const struct acpi_table_desc* table = &acpi_gbl_root_table_list.tables[i];
    if (ACPI_COMPARE_NAMESEG(&table->signature, signature)) return table->length;
  }
  return 0;
}

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
