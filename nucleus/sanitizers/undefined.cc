// The compilers' calls for undefined behaviour (-fsanitize=undefined). Each names the place and the kind
// and ends in sanitizer_report(). The layouts are the compilers' own (LLVM's ubsan_handlers.h states
// them; GCC uses the same): each `data` begins with the source location.
#include "base/types.h"
#include "nucleus/sanitizers/report.h"

namespace vari::nucleus {
namespace {

struct SourceLocation {
  const char* file;
  u32 line, column;
};

/// The compilers give the whole path of the machine that built the image.
const char* file_name(const char* path) {
  const char* name = path;
  for (; *path; ++path)
    if (*path == '/') name = path + 1;
  return name;
}

void report(const SourceLocation* at, const char* what) {
  sanitizer_report(what, at->file ? file_name(at->file) : "unknown file", static_cast<int>(at->line), 0);
}

const char* kind_of_access(const void* pointer, u8 log_alignment) {
  if (!pointer) return "null pointer used";
  if (reinterpret_cast<u64>(pointer) & ((u64{1} << log_alignment) - 1)) return "misaligned access";
  return "object too small for its type";
}

struct TypeMismatch {
  SourceLocation at;
  const void* type;
  u8 log_alignment, kind;
};

}  // namespace
}  // namespace vari::nucleus

using namespace vari::nucleus;

// With -fno-sanitize-recover the compilers call the second name; both report in the same way.
#define HANDLER(name, what, ...)                                                                       \
  extern "C" void __ubsan_handle_##name(const SourceLocation* at __VA_OPT__(, ) __VA_ARGS__) {         \
    report(at, what);                                                                                  \
  }                                                                                                    \
  extern "C" void __ubsan_handle_##name##_abort(const SourceLocation* at __VA_OPT__(, ) __VA_ARGS__) { \
    report(at, what);                                                                                  \
  }

HANDLER(add_overflow, "signed addition overflows", void*, void*)
HANDLER(sub_overflow, "signed subtraction overflows", void*, void*)
HANDLER(mul_overflow, "signed multiplication overflows", void*, void*)
HANDLER(negate_overflow, "signed negation overflows", void*)
HANDLER(divrem_overflow, "division by zero, or it overflows", void*, void*)
HANDLER(shift_out_of_bounds, "shift out of bounds", void*, void*)
HANDLER(out_of_bounds, "array index out of bounds", void*)
HANDLER(vla_bound_not_positive, "array of no positive length", void*)
HANDLER(load_invalid_value, "value invalid for its type", void*)
HANDLER(invalid_builtin, "zero given to a bit-scan builtin")
HANDLER(nonnull_arg, "null given for a nonnull parameter")
HANDLER(pointer_overflow, "pointer arithmetic overflows", void*, void*)
HANDLER(alignment_assumption, "assumed alignment does not hold", void*, void*, void*)
HANDLER(function_type_mismatch, "function called through a pointer of another type", void*)
#undef HANDLER

extern "C" {

void __ubsan_handle_type_mismatch_v1(const TypeMismatch* data, const void* pointer) {
  report(&data->at, kind_of_access(pointer, data->log_alignment));
}
void __ubsan_handle_type_mismatch_v1_abort(const TypeMismatch* data, const void* pointer) {
  report(&data->at, kind_of_access(pointer, data->log_alignment));
}
void __ubsan_handle_nonnull_return_v1(const void*, const SourceLocation* at) {
  report(at, "null returned where nonnull was promised");
}
void __ubsan_handle_nonnull_return_v1_abort(const void*, const SourceLocation* at) {
  report(at, "null returned where nonnull was promised");
}
[[noreturn]] void __ubsan_handle_builtin_unreachable(const SourceLocation* at) {
  report(at, "unreachable code reached");
  __builtin_trap();
}
[[noreturn]] void __ubsan_handle_missing_return(const SourceLocation* at) {
  report(at, "function ends without a value");
  __builtin_trap();
}

}  // extern "C"
