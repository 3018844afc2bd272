// See kernels/unikernel/composition.h.
#include "kernels/unikernel/composition.h"

#include "kernels/unikernel_small/kernel.h"

namespace vari {

constexpr Composition kComposition{SmallUnikernel::kName, linux::kSelected<SmallUnikernel::Calls>};

}  // namespace vari
