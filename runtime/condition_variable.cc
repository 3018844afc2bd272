// Condition variable. The waiter is in the queue before it releases the mutex, so a signal given under
// the mutex can't be lost.
#include "runtime/synchronization.h"

namespace vari::runtime {

Result<> ConditionVariable::wait(Mutex& mutex, Nanoseconds deadline, Cancellation cancellation) {
  Wait::Outcome outcome;
  {
    Wait wait;
    WaitLink link(wait);
    waiters_.add(link);
    mutex.unlock();
    outcome = wait.block(deadline, cancellation);
    waiters_.remove(link);
  }
  mutex.lock();
  if (outcome == Wait::Outcome::TimedOut) return std::unexpected(Error::TimedOut);
  if (outcome == Wait::Outcome::Cancelled) return std::unexpected(Error::Interrupted);
  return {};
}

void ConditionVariable::signal() {
  waiters_.wake_one();
}
void ConditionVariable::broadcast() {
  waiters_.wake_all();
}

}  // namespace vari::runtime
