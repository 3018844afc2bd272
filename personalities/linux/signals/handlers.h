// What a process wants done about each signal; shared by tasks cloned with CLONE_SIGHAND.
#pragma once

#include "personalities/linux/signals/signal.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class SignalHandlers final : public runtime::Managed {
 public:
  SignalAction get(int number) {
    runtime::Guard<runtime::SpinLock> guard(lock_);
    return actions_[number - 1];
  }
  /// Replaces one; the previous.
  SignalAction exchange(int number, const SignalAction& action);
  /// The set of signals whose action now is to be ignored, explicitly or by default.
  SignalSet ignored();
  bool ignores(int number) { return ignored() & set_of(number); }
  bool handles(int number) { return get(number).handler > SignalAction::kIgnore; }
  void copy_from(SignalHandlers& other);
  /// exec: handled signals get their default action again; ignored ones stay ignored.
  void reset_for_exec();

 private:
  runtime::SpinLock lock_;
  SignalAction actions_[signal::kCount] GUARDED_BY(lock_);
};

}  // namespace vari::linux
