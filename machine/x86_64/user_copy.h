// Copying between the kernel and the user memory of the loaded address space. Each function ends early
// where the user side faults (exception_table.h). The caller has checked that the user side lies in the
// user half; preemption stays disabled between the check of the loaded space and the return.
//
// SMAP: `smap` says whether the processor wants STAC and CLAC around user accesses; it comes from the core's
// own record, since a processor without SMAP faults on them.
#pragma once

#include <cstddef>

#include "base/types.h"

extern "C" {
/// Bytes that were *not* copied; exact to the byte.
std::size_t vari_user_copy(void* to, const void* from, std::size_t bytes);
/// Bytes that were not cleared.
std::size_t vari_user_clear(void* to, std::size_t bytes);
/// 0, or 1 where the word can't be read.
int vari_user_load32(const void* word, vari::u32* value);
/// 0, or 1 where it can't be written; `*found` is what was there before.
int vari_user_compare_exchange32(void* word, vari::u32 expected, vari::u32 desired, vari::u32* found);
}

namespace vari::machine {

/// Allows user accesses for a scope.
class UserAccess {
 public:
  explicit UserAccess(bool smap) : smap_(smap) {
    if (smap_) asm volatile("stac" ::: "memory", "cc");
  }
  ~UserAccess() {
    if (smap_) asm volatile("clac" ::: "memory", "cc");
  }
  UserAccess(const UserAccess&) = delete;
  UserAccess& operator=(const UserAccess&) = delete;

 private:
  const bool smap_;
};

}  // namespace vari::machine
