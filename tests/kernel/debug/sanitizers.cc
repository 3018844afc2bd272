// Negative controls of the kernel sanitizers: each error is planted, and must be reported. Debug images only.
// The "planted_" ones let the report end the machine, so that the harness sees the panic's text.
#include "nucleus/sanitizers/report.h"
#include "tests/kernel/kernel_test.h"

namespace vari::kernel_tests {
namespace {

using nucleus::ExpectReports;

/// Keeps the compiler from seeing through the error.
template <class T>
T hidden(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

/// A heap object of odd size, so that its end lies within an 8-byte piece.
class Object {
 public:
  static constexpr std::size_t kBytes = 44;
  explicit Object(Test& test)
      : heap_(test.memory().heap()), memory_(static_cast<u8*>(heap_.allocate(kBytes))) {}
  ~Object() {
    if (memory_) heap_.free(memory_, kBytes);
  }
  volatile u8* bytes() { return hidden(memory_); }
  /// Gives it back and still tells where it was.
  volatile u8* freed() {
    auto* old = memory_;
    heap_.free(std::exchange(memory_, nullptr), kBytes);
    return hidden(old);
  }

 private:
  nucleus::Heap& heap_;
  u8* memory_;
};

void use_after_free(Test& test) {
  Object object(test);
  (void)object.freed()[8];
}
void write_past_end(Test& test) {
  Object object(test);
  object.bytes()[Object::kBytes] = 1;
}
void copy_past_end(Test& test) {
  Object object(test);
  u8 copy[Object::kBytes + 1];
  __builtin_memcpy(hidden(copy), const_cast<const u8*>(object.bytes()), hidden(sizeof copy));
}
int shift(int by) {
  return 1 << hidden(by);
}

}  // namespace

KERNEL_TEST(sanitizer_is_silent_on_sound_code) {
  ExpectReports reports;
  Object object(test);
  for (std::size_t i = 0; i < Object::kBytes; ++i) object.bytes()[i] = static_cast<u8>(i);
  u8 copy[Object::kBytes];
  __builtin_memcpy(hidden(copy), const_cast<const u8*>(object.bytes()), hidden(sizeof copy));
  EXPECT(copy[Object::kBytes - 1] == Object::kBytes - 1);
  EXPECT(reports.count() == 0);
}

KERNEL_TEST(sanitizer_reports_use_after_free) {
  ExpectReports reports;
  use_after_free(test);
  EXPECT(reports.count() == 1);
  EXPECT(std::string_view(reports.last()) == "heap memory used after it was freed");
}

KERNEL_TEST(sanitizer_reports_write_past_end) {
  ExpectReports reports;
  write_past_end(test);
  EXPECT(reports.count() == 1);
  EXPECT(std::string_view(reports.last()) == "heap memory used past the end of its object");
}

KERNEL_TEST(sanitizer_reports_copy_past_end) {
  ExpectReports reports;
  copy_past_end(test);
  EXPECT(reports.count() == 1);
}

KERNEL_TEST(sanitizer_reports_large_object_overrun) {
  constexpr std::size_t kBytes = 3 * kPageBytes;
  auto* memory = static_cast<u8*>(test.memory().heap().allocate(kBytes));
  EXPECT(memory);
  if (!memory) return;
  {
    ExpectReports reports;
    static_cast<volatile u8*>(hidden(memory))[kBytes - 1] = 1;
    EXPECT(reports.count() == 0);
    static_cast<volatile u8*>(hidden(memory))[kBytes] = 1;
    EXPECT(reports.count() == 1);
  }
  test.memory().heap().free(memory, kBytes);
}

KERNEL_TEST(sanitizer_reports_undefined_behaviour) {
  ExpectReports reports;
  EXPECT(shift(3) == 8 && reports.count() == 0);
  (void)shift(40);
  EXPECT(reports.count() == 1);
  EXPECT(std::string_view(reports.last()) == "shift out of bounds");
  volatile int largest = 0x7fff'ffff;
  largest = largest + 1;
  EXPECT(reports.count() == 2);
  const int array[4] = {};
  (void)*hidden(&array[hidden(5)]);
  EXPECT(reports.count() == 3);
}

KERNEL_TEST(planted_use_after_free) {
  use_after_free(test);
}
KERNEL_TEST(planted_write_past_end) {
  write_past_end(test);
}
KERNEL_TEST(planted_shift) {
  (void)shift(40);
}

}  // namespace vari::kernel_tests
