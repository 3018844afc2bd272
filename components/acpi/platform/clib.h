/* The C library functions that ACPICA calls, under names of our own, so that a kernel image needs to
 * provide memcpy, memmove, memset and memcmp only, and the donor behaves the same in a host test. The
 * printf family is ACPICA's (utprint.c), renamed. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#ifdef __cplusplus
#include <cstring>
extern "C" {
#else
void* memcpy(void* to, const void* from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);
#endif

size_t vari_acpi_strlen(const char* string);
char* vari_acpi_strcpy(char* to, const char* from);
char* vari_acpi_strncpy(char* to, const char* from, size_t bytes);
char* vari_acpi_strcat(char* to, const char* from);
char* vari_acpi_strncat(char* to, const char* from, size_t bytes);
int vari_acpi_strcmp(const char* a, const char* b);
int vari_acpi_strncmp(const char* a, const char* b, size_t bytes);
unsigned long vari_acpi_strtoul(const char* string, char** end, unsigned base);
int vari_acpi_isdigit(int c);
int vari_acpi_isxdigit(int c);
int vari_acpi_isspace(int c);
int vari_acpi_isprint(int c);
int vari_acpi_toupper(int c);
int vari_acpi_tolower(int c);
int vari_acpi_vsnprintf(char* to, unsigned long bytes, const char* format, va_list arguments);
int vari_acpi_snprintf(char* to, unsigned long bytes, const char* format, ...);
int vari_acpi_sprintf(char* to, const char* format, ...);

#ifdef __cplusplus
}
#else
#define strlen vari_acpi_strlen
#define strcpy vari_acpi_strcpy
#define strncpy vari_acpi_strncpy
#define strcat vari_acpi_strcat
#define strncat vari_acpi_strncat
#define strcmp vari_acpi_strcmp
#define strncmp vari_acpi_strncmp
#define strtoul vari_acpi_strtoul
#define isdigit vari_acpi_isdigit
#define isxdigit vari_acpi_isxdigit
#define isspace vari_acpi_isspace
#define isprint vari_acpi_isprint
#define toupper vari_acpi_toupper
#define tolower vari_acpi_tolower
#define vsnprintf vari_acpi_vsnprintf
#define snprintf vari_acpi_snprintf
#define sprintf vari_acpi_sprintf
#endif
