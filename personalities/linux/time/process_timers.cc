// See process_timers.h. A timer on processor time is asked again after the real time in which it could
// have run out at the earliest, if the process ran on one core; on several it is late by at most that.
#include "personalities/linux/time/process_timers.h"

#include <algorithm>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {
constexpr Nanoseconds kLeastDelay = kMillisecond;
constexpr int kSignals[] = {signal::kAlarm, signal::kVirtualAlarm, signal::kProfile};
}  // namespace

ProcessTimers::ProcessTimers(Process& process) : process_(process), posix_(process) {
  for (u32 i = 0; i <= kKinds; ++i) {
    timers_[i].owner = this;
    timers_[i].kind = static_cast<Kind>(i);
  }
}

TimerService& ProcessTimers::service() {
  return process_.personality().timers();
}

Nanoseconds ProcessTimers::clock(Kind kind) {
  if (kind == Kind::Real) return process_.personality().place().monotonic_ns();
  const auto usage = process_.usage();
  return kind == Kind::Virtual ? usage.user_ns : usage.user_ns + usage.system_ns;
}

ProcessTimers::Setting ProcessTimers::get_locked(Interval& timer, Nanoseconds now) {
  if (timer.due == kForever) return {0, timer.interval};
  return {timer.due > now ? timer.due - now : 1, timer.interval};
}

ProcessTimers::Setting ProcessTimers::get(Kind kind) {
  const Nanoseconds now = clock(kind);
  Guard<SpinLock> guard(lock_);
  return get_locked(timers_[static_cast<u32>(kind)], now);
}

ProcessTimers::Setting ProcessTimers::set(Kind kind, const Setting& setting) {
  auto& timer = timers_[static_cast<u32>(kind)];
  const Nanoseconds now = clock(kind);
  Setting previous;
  {
    Guard<SpinLock> guard(lock_);
    previous = get_locked(timer, now);
    timer.interval = setting.interval;
    timer.due = setting.remaining ? now + setting.remaining : kForever;
  }
  const Nanoseconds real = process_.personality().place().monotonic_ns();
  service().set(timer, setting.remaining ? real + setting.remaining : kForever);
  return previous;
}

void ProcessTimers::stop() {
  for (auto& timer : timers_) service().cancel(timer);
  posix_.clear();
}

void ProcessTimers::watch_limit() {
  auto& timer = timers_[static_cast<u32>(Kind::Limit)];
  {
    Guard<SpinLock> guard(lock_);
    timer.due = 0;
  }
  service().set(timer, process_.personality().place().monotonic_ns() + kLeastDelay);
}

/// setrlimit(2): SIGXCPU at the soft limit and each second from then on, SIGKILL at the hard one.
Nanoseconds ProcessTimers::Interval::check_limit(Nanoseconds now) {
  auto& process = owner->process_;
  const auto limit = process.limit(Resource::CpuSeconds);
  if (limit.soft == kUnlimited && limit.hard == kUnlimited) return kForever;
  const Nanoseconds used = owner->clock(kind);
  const auto in_ns = [](u64 seconds) { return seconds > kForever / kSecond ? kForever : seconds * kSecond; };
  if (used >= in_ns(limit.hard)) {
    send_signal(process, SignalInfo::from_kernel(signal::kKill));
    return kForever;
  }
  bool warn = false;
  Nanoseconds next = 0;
  {
    Guard<SpinLock> guard(owner->lock_);
    due = std::max(due, in_ns(limit.soft));
    warn = used >= due;
    if (warn) due = used + kSecond;
    next = std::min(due, in_ns(limit.hard));
  }
  if (warn) send_signal(process, SignalInfo::from_kernel(signal::kCpuLimit));
  return next == kForever ? kForever : now + std::max(next - used, kLeastDelay);
}

Nanoseconds ProcessTimers::Interval::on_timer(Nanoseconds now) {
  if (kind == Kind::Limit) return check_limit(now);
  const Nanoseconds clock_now = kind == Kind::Real ? now : owner->clock(kind);
  Nanoseconds next = kForever;
  {
    Guard<SpinLock> guard(owner->lock_);
    if (due == kForever) return kForever;
    if (clock_now < due) return now + std::max(due - clock_now, kLeastDelay);
    due = interval ? std::max(due + interval, clock_now + 1) : kForever;
    if (due != kForever) next = now + (due - clock_now);
  }
  send_signal(owner->process_, SignalInfo::from_kernel(kSignals[static_cast<u32>(kind)]));
  return next;
}

}  // namespace vari::linux
