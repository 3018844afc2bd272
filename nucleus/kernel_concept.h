// What a kernel's page (kernels/NAME/kernel.h) has to name; checked by a static_assert beside it.
#pragma once

#include <concepts>
#include <string_view>

#include "nucleus/tlb.h"
#include "runtime/scheduler_group.h"

namespace vari::nucleus {

template <class Kernel>
concept KernelPage = requires {
  { Kernel::kName } -> std::convertible_to<std::string_view>;
  { Kernel::kScheduling } -> std::convertible_to<runtime::SchedulingPolicy>;
  { Kernel::ThreadModel::kName } -> std::convertible_to<std::string_view>;
  requires TlbPolicy<typename Kernel::Tlb>;
  typename Kernel::Place;
};

}  // namespace vari::nucleus
