// The vDSO as the personality knows it: one page of user code that reads the place's clock, in every
// program's memory behind the page that it reads. AT_SYSINFO_EHDR tells programs where.
#pragma once

#include "personalities/linux/errno.h"
#include "personalities/linux/memory/frame_references.h"

namespace vari::linux {

class MemoryMap;

class Vdso {
 public:
  /// The record of the place, then the code.
  static constexpr u64 kBytes = 2 * kPageBytes;

  explicit Vdso(FrameReferences& frames) : frames_(frames) {}
  ~Vdso();
  Vdso(const Vdso&) = delete;
  Vdso& operator=(const Vdso&) = delete;

  /// Before the first program.
  LinuxResult<> start();
  /// Maps both pages at `begin`: where the image is. The program cannot write to them, but may have its own
  /// copy of the code (mprotect), and may unmap both.
  LinuxResult<u64> map(MemoryMap& memory, u64 begin) const;

 private:
  FrameReferences& frames_;
  Frame data_;  // the place's, or zeros: a UserClock of kind none
  Frame code_;
};

}  // namespace vari::linux
