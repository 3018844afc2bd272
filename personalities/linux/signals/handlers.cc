// See handlers.h.
#include "personalities/linux/signals/handlers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

SignalAction SignalHandlers::get(int number) {
  Guard<SpinLock> guard(lock_);
  return actions_[number - 1];
}

void SignalHandlers::store_locked(int number, const SignalAction& action) {
  actions_[number - 1] = action;
  const auto bit = set_of(number);
  const auto put = [&](SignalSet& set, bool member) {
    __atomic_store_n(&set, member ? set | bit : set & ~bit, __ATOMIC_RELAXED);
  };
  put(explicitly_ignored_, action.handler == SignalAction::kIgnore);
  put(handled_, action.handler > SignalAction::kIgnore);
}

void SignalHandlers::exchange(int number, SignalAction& action) {
  Guard<SpinLock> guard(lock_);
  const auto previous = actions_[number - 1];
  store_locked(number, action);
  action = previous;
}

/// Nobody else knows this object yet: its own lock is never waited for.
void SignalHandlers::copy_from(SignalHandlers& other) {
  Guard<SpinLock> guard(lock_);
  Guard<SpinLock> theirs(other.lock_);
  __builtin_memcpy(actions_, other.actions_, sizeof actions_);
  __atomic_store_n(&explicitly_ignored_, other.explicitly_ignored_, __ATOMIC_RELAXED);
  __atomic_store_n(&handled_, other.handled_, __ATOMIC_RELAXED);
}

void SignalHandlers::reset_for_exec() {
  Guard<SpinLock> guard(lock_);
  for (int number = 1; number <= signal::kCount; ++number) {
    auto& action = actions_[number - 1];
    const bool ignored = action.handler == SignalAction::kIgnore;
    action = {};
    if (ignored) action.handler = SignalAction::kIgnore;
  }
  __atomic_store_n(&handled_, 0, __ATOMIC_RELAXED);
}

}  // namespace vari::linux
