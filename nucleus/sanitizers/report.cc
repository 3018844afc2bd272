// See report.h. The one record here is the image's, not a nucleus's: compilers' calls carry no context.
#include "nucleus/sanitizers/report.h"

#include "base/assert.h"
#include "machine/x86_64/symbols.h"

namespace vari::nucleus {
namespace {

struct Record {
  u32 expecting = 0;
  u32 count = 0;
  const char* last = "";
};
constinit Record record;

/// `name+0xoffset` of a code address.
void describe(u64 code, char* text, std::size_t size) {
  u64 offset = 0;
  const char* name = machine::find_symbol(code, &offset);
  std::size_t used = 0;
  for (const char* c = name ? name : "unknown code"; *c && used + 1 < size; ++c) text[used++] = *c;
  text[used] = 0;
}

}  // namespace

void sanitizer_report(const char* what, const char* file, int line, u64 code) {
  if (__atomic_load_n(&record.expecting, __ATOMIC_RELAXED)) {
    __atomic_store_n(&record.last, what, __ATOMIC_RELAXED);
    __atomic_fetch_add(&record.count, 1, __ATOMIC_RELAXED);
    return;
  }
  char place[96];
  if (!file) {
    describe(code, place, sizeof place);
    file = place;
  }
  assertion_failed(what, file, line);
}

ExpectReports::ExpectReports() {
  record.count = 0;
  record.last = "";
  __atomic_fetch_add(&record.expecting, 1, __ATOMIC_SEQ_CST);
}
ExpectReports::~ExpectReports() {
  __atomic_fetch_sub(&record.expecting, 1, __ATOMIC_SEQ_CST);
}
u32 ExpectReports::count() const {
  return __atomic_load_n(&record.count, __ATOMIC_RELAXED);
}
const char* ExpectReports::last() const {
  return __atomic_load_n(&record.last, __ATOMIC_RELAXED);
}

}  // namespace vari::nucleus
