// See composition.h.
#include "kernels/unikernel/composition.h"

#include "kernels/unikernel/kernel.h"

namespace vari {

constexpr Composition kComposition{Unikernel::kName, linux::kSelected<Unikernel::Calls>};

}  // namespace vari
