// Where both sanitizers end: a named report, then the panic. A test that plants an error on purpose asks
// beforehand that reports be counted instead.
#pragma once

#include "base/types.h"

namespace vari::nucleus {

/// Panics with `what` and the place: a source line, or (file null) the code address `code`.
void sanitizer_report(const char* what, const char* file, int line, u64 code);

/// While it lives, reports of any core are counted, and the program goes on. For negative controls.
class ExpectReports {
 public:
  ExpectReports();
  ~ExpectReports();
  ExpectReports(const ExpectReports&) = delete;
  ExpectReports& operator=(const ExpectReports&) = delete;
  u32 count() const;
  /// The last report's kind; "" before the first.
  const char* last() const;
};

}  // namespace vari::nucleus
