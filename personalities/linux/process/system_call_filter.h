// seccomp(2): programs of the classic Berkeley packet filter that judge each system call of a task before it
// is carried out. Checked when they are given, so that a run is short, ends, and reads only what it may.
#pragma once

#include <span>

#include "base/types.h"
#include "personalities/linux/errno.h"
#include "runtime/memory.h"

namespace vari::linux {

/// struct sock_filter.
struct FilterInstruction {
  u16 code = 0;
  u8 if_true = 0, if_false = 0;  // instructions to skip
  u32 k = 0;
};
static_assert(sizeof(FilterInstruction) == 8);

/// struct seccomp_data: what a filter can look at.
struct FilteredCall {
  static constexpr u32 kX86_64 = 0xc000'003e;  // AUDIT_ARCH_X86_64
  i32 number = 0;
  u32 architecture = kX86_64;
  u64 instruction = 0;
  u64 arguments[6] = {};
};
static_assert(sizeof(FilteredCall) == 64);

/// What a filter returns: an action and 16 bits for it. The lowest action, as a signed number, counts.
namespace filter_action {
inline constexpr u32 kKillProcess = 0x8000'0000, kKillThread = 0, kTrap = 0x0003'0000, kError = 0x0005'0000,
                     kNotify = 0x7fc0'0000, kTrace = 0x7ff0'0000, kLog = 0x7ffc'0000, kAllow = 0x7fff'0000,
                     kMask = 0xffff'0000;
}

/// One filter and those before it, which a task had when it was added: none is ever taken away.
class SystemCallFilter final : public runtime::Managed {
 public:
  static constexpr u32 kMostInstructions = 4096, kMostOfAll = 32768;

  /// For `count` instructions, which the caller then writes. NoMemory.
  static LinuxResult<Ref<SystemCallFilter>> create(u32 count);
  explicit SystemCallFilter(std::span<FilterInstruction> instructions)
      : instructions_(instructions), total_(static_cast<u32>(instructions.size())) {}

  std::span<FilterInstruction> instructions() { return instructions_; }
  /// Invalid: it may not run.
  LinuxResult<> check() const;
  /// Puts it behind those that a task has; once, before it is used. NoMemory: too many instructions in all.
  LinuxResult<> follow(Ref<SystemCallFilter> previous);
  /// What all of them say: the strictest, and of several such the latest.
  u32 judge(const FilteredCall& call) const;
  /// `other` is this one or came before it.
  bool descends_from(const SystemCallFilter* other) const;
  u32 count() const { return depth_; }

 private:
  ~SystemCallFilter() override;
  u32 run(const FilteredCall& call) const;

  Ref<SystemCallFilter> previous_;
  const std::span<FilterInstruction> instructions_;
  u32 depth_ = 1;  // with those before it
  u32 total_;      // instructions of all, and 4 for each but the first
};

}  // namespace vari::linux
