// How a blocked operation is kept: the kernel thread models (design.md). A kernel's page names one.
#pragma once

namespace vari::nucleus {

/// Each context has a kernel stack of its own, and blocking switches stacks.
struct ProcessModel {
  static constexpr const char* kName = "process";
  static constexpr const char* kContexts = "one runtime thread for each program thread";
  static constexpr const char* kStack = "16 KiB of its own, with a guard page";
  static constexpr const char* kBlocking = "anywhere, by switching stacks";
};

}  // namespace vari::nucleus
