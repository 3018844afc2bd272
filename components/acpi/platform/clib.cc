// The few string functions that ACPICA calls (clib.h). Plain loops: none of them is on a fast path.
#include "components/acpi/platform/clib.h"

extern "C" {

size_t vari_acpi_strlen(const char* string) {
  size_t length = 0;
  while (string[length]) ++length;
  return length;
}

char* vari_acpi_strcpy(char* to, const char* from) {
  char* next = to;
  while ((*next++ = *from++)) {
  }
  return to;
}

char* vari_acpi_strncpy(char* to, const char* from, size_t bytes) {
  size_t i = 0;
  for (; i < bytes && from[i]; ++i) to[i] = from[i];
  for (; i < bytes; ++i) to[i] = 0;
  return to;
}

char* vari_acpi_strcat(char* to, const char* from) {
  vari_acpi_strcpy(to + vari_acpi_strlen(to), from);
  return to;
}

char* vari_acpi_strncat(char* to, const char* from, size_t bytes) {
  char* end = to + vari_acpi_strlen(to);
  size_t i = 0;
  for (; i < bytes && from[i]; ++i) end[i] = from[i];
  end[i] = 0;
  return to;
}

int vari_acpi_strncmp(const char* a, const char* b, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    const int difference = static_cast<unsigned char>(a[i]) - static_cast<unsigned char>(b[i]);
    if (difference || !a[i]) return difference;
  }
  return 0;
}

int vari_acpi_strcmp(const char* a, const char* b) {
  return vari_acpi_strncmp(a, b, ~size_t{0});
}

int vari_acpi_isdigit(int c) {
  return c >= '0' && c <= '9';
}
int vari_acpi_isspace(int c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
int vari_acpi_isprint(int c) {
  return c >= ' ' && c <= '~';
}
int vari_acpi_toupper(int c) {
  return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}
int vari_acpi_tolower(int c) {
  return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}
int vari_acpi_isxdigit(int c) {
  const int lower = vari_acpi_tolower(c);
  return vari_acpi_isdigit(c) || (lower >= 'a' && lower <= 'f');
}

unsigned long vari_acpi_strtoul(const char* string, char** end, unsigned base) {
  unsigned long value = 0;
  while (vari_acpi_isspace(*string)) ++string;
  for (; vari_acpi_isxdigit(*string); ++string) {
    const int c = vari_acpi_tolower(*string);
    const unsigned digit = static_cast<unsigned>(vari_acpi_isdigit(c) ? c - '0' : c - 'a' + 10);
    if (digit >= base) break;
    value = value * base + digit;
  }
  if (end) *end = const_cast<char*>(string);
  return value;
}

}  // extern "C"
