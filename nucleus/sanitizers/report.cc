// See report.h. The one record here is the image's, not a nucleus's: compilers' calls carry no context.
#include "nucleus/sanitizers/report.h"

#include "base/format.h"
#include "machine/x86_64/symbols.h"
#include "nucleus/panic.h"

namespace vari::nucleus {
namespace {

struct Record {
  u32 expecting = 0;
  u32 count = 0;
  const char* last = "";
};
constinit Record record;

}  // namespace

void sanitizer_report(const char* what, const char* file, int line, u64 code) {
  if (__atomic_load_n(&record.expecting, __ATOMIC_RELAXED)) {
    __atomic_store_n(&record.last, what, __ATOMIC_RELAXED);
    __atomic_fetch_add(&record.count, 1, __ATOMIC_RELAXED);
    return;
  }
  u64 offset = 0;
  const char* name = file ? nullptr : machine::find_symbol(code, &offset);
  Text<200> text("sanitizer: ", what, " in ", file ? file : name ? name : "unknown code");
  file ? text.print(":", line) : text.print("+0x", Hex{offset});
  panic(text.text());
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
