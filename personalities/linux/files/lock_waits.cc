// See lock_waits.h.
#include "personalities/linux/files/lock_waits.h"

namespace vari::linux {

using runtime::Guard;

const void* LockWaits::waits_for_locked(const void* owner) {
  for (const auto& edge : edges_) {
    if (edge.owner == owner && edge.holder) return edge.holder;
  }
  return nullptr;
}

bool LockWaits::enter(Edge& edge, const void* holder) {
  Guard guard(lock_);
  const void* at = holder;
  for (unsigned step = 0; at && step < kMaximumSteps; ++step) {
    at = waits_for_locked(at);
    if (at == edge.owner) return false;
  }
  edge.holder = holder;
  if (!edge.entered) edges_.push_back(edge);
  edge.entered = true;
  return true;
}

void LockWaits::leave(Edge& edge) {
  Guard guard(lock_);
  if (edge.entered) edges_.erase(edges_.iterator_to(edge));
  edge.entered = false;
}

void LockWaits::released(const FileLocks& locks, const void* holder) {
  Guard guard(lock_);
  for (auto& edge : edges_) {
    if (edge.locks == &locks && edge.holder == holder) edge.holder = nullptr;
  }
}

}  // namespace vari::linux
