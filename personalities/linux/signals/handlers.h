// What a process wants done about each signal; shared by tasks cloned with CLONE_SIGHAND.
#pragma once

#include "personalities/linux/signals/signal.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class SignalHandlers final : public runtime::Managed {
 public:
  SignalAction get(int number);
  /// Replaces one by `action`, and that by the previous.
  void exchange(int number, SignalAction& action);
  void set(int number, SignalAction action) { exchange(number, action); }
  /// The signals whose action now is to be ignored, explicitly or by default; those that are explicitly
  /// ignored; those that have a handler. Any thread, no lock.
  SignalSet ignored() const {
    const auto handled = __atomic_load_n(&handled_, __ATOMIC_RELAXED);
    return __atomic_load_n(&explicitly_ignored_, __ATOMIC_RELAXED) | (kIgnoredByDefault & ~handled);
  }
  SignalSet explicitly_ignored() const { return __atomic_load_n(&explicitly_ignored_, __ATOMIC_RELAXED); }
  SignalSet handled() const { return __atomic_load_n(&handled_, __ATOMIC_RELAXED); }
  void copy_from(SignalHandlers& other);
  /// exec: handled signals get their default action again; ignored ones stay ignored.
  void reset_for_exec();

 private:
  void store_locked(int number, const SignalAction& action) REQUIRES(lock_);

  runtime::SpinLock lock_;
  SignalAction actions_[signal::kCount] GUARDED_BY(lock_);
  SignalSet explicitly_ignored_ = 0, handled_ = 0;  // written under lock_
};

}  // namespace vari::linux
