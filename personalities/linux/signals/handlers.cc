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

SignalAction SignalHandlers::exchange(int number, const SignalAction& action) {
  Guard<SpinLock> guard(lock_);
  const auto previous = actions_[number - 1];
  store_locked(number, action);
  return previous;
}

/// Nobody else knows this object yet.
void SignalHandlers::copy_from(SignalHandlers& other) {
  for (int number = 1; number <= signal::kCount; ++number) {
    const auto action = other.get(number);
    Guard<SpinLock> guard(lock_);
    store_locked(number, action);
  }
}

void SignalHandlers::reset_for_exec() {
  Guard<SpinLock> guard(lock_);
  for (int number = 1; number <= signal::kCount; ++number) {
    SignalAction fresh;
    if (actions_[number - 1].handler == SignalAction::kIgnore) fresh.handler = SignalAction::kIgnore;
    store_locked(number, fresh);
  }
}

}  // namespace vari::linux
