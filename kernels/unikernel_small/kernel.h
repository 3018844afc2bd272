// The small unikernel on one page: the unikernel, with the groups of calls that an interpreter of its own
// kind needs and no others. A program that calls what is not here gets ENOSYS, and the log names the group.
#pragma once

#include "kernels/unikernel/kernel.h"

namespace vari {

struct SmallUnikernel : Unikernel {
  static constexpr const char* kName = "unikernel_small";

  using Calls =
      linux::CallGroups<linux::FileCalls, linux::MemoryCalls, linux::ThreadCalls, linux::SignalCalls,
                        linux::ClockCalls, linux::IdentityCalls, linux::SystemCalls>;
};
static_assert(nucleus::KernelPage<SmallUnikernel>);

}  // namespace vari
