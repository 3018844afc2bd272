// See posix_timers.h. A signal of a timer waits at most once: what runs out meanwhile is counted as overrun.
#include "personalities/linux/time/posix_timers.h"

#include <algorithm>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

class PosixTimers::Item final : public Timer, public runtime::Managed {
 public:
  Item(PosixTimers& owner, const Request& request) : owner_(owner), request_(request) {}
  Nanoseconds on_timer(Nanoseconds now) override;
  bool signal_waits() const {
    return TaskInternals::is_pending(owner_.process_, request_.target.get(), request_.signal);
  }

  PosixTimers& owner_;
  const Request request_;
  i32 id_ = 0;
  // Guarded by the owner's lock.
  Item* next_ = nullptr;
  Nanoseconds due_ = kForever, interval_ = 0;  // on the timer's clock
  u64 overrun_ = 0, last_overrun_ = 0;
  bool sent_ = false;  // and not yet delivered
};

PosixTimers::~PosixTimers() {
  clear();
}

Nanoseconds PosixTimers::read(const Item& item) {
  switch (item.request_.clock) {
    case Clock::ThreadCpu: return item.request_.clock_task->run_time_ns();
    case Clock::ProcessCpu: {
      const auto usage = process_.usage();
      return usage.user_ns + usage.system_ns;
    }
    case Clock::Wall: break;
  }
  return process_.personality().place().monotonic_ns();
}

Nanoseconds PosixTimers::Item::on_timer(Nanoseconds now) {
  // Processor time passes at most as fast as real time on one core; on several the timer is late by a check.
  constexpr Nanoseconds kLeastCheck = kMillisecond;
  const Nanoseconds reading = request_.clock == Clock::Wall ? now : owner_.read(*this);
  const bool waits = request_.signal && signal_waits();
  Nanoseconds next = kForever;
  {
    Guard<SpinLock> guard(owner_.lock_);
    if (due_ == kForever) return kForever;
    if (reading < due_) return now + std::max(due_ - reading, kLeastCheck);
    u64 expirations = 1;
    if (interval_) {
      expirations += (reading - due_) / interval_;
      due_ += expirations * interval_;
      next = now + (due_ - reading);
    } else {
      due_ = kForever;
    }
    // "Sent" alone is not enough to hold the next one back: the signal may have been ignored and vanished.
    const bool held = sent_ && waits;
    if (held) {
      overrun_ = std::min(overrun_ + expirations, kMaximumOverrun);
      return next;
    }
    overrun_ = expirations - 1;
    sent_ = true;
  }
  if (request_.signal == 0) return next;
  const SignalInfo info{.number = request_.signal,
                        .code = SignalInfo::kTimer,
                        .pid = id_,
                        .value = request_.value_is_id ? static_cast<u64>(id_) : request_.value};
  request_.target ? send_signal(*request_.target, info) : send_signal(owner_.process_, info);
  return next;
}

LinuxResult<i32> PosixTimers::create(const Request& request) {
  auto item = TRY(runtime::make<Item>(*this, request));
  Guard<SpinLock> guard(lock_);
  if (count_ == kMaximum) return std::unexpected(Errno::Again);
  // The lowest number that is free; the list is in order.
  Item** at = &first_;
  while (*at && (*at)->id_ == item->id_) {
    ++item->id_;
    at = &(*at)->next_;
  }
  item->next_ = *at;
  ++count_;
  *at = item.leak();
  return (*at)->id_;
}

Ref<PosixTimers::Item> PosixTimers::find(i32 id) {
  Guard<SpinLock> guard(lock_);
  for (Item* item = first_; item; item = item->next_) {
    if (item->id_ == id) return Ref<Item>(*item);
  }
  return {};
}

LinuxResult<> PosixTimers::remove(i32 id) {
  Ref<Item> item;
  {
    Guard<SpinLock> guard(lock_);
    Item** at = &first_;
    while (*at && (*at)->id_ != id) at = &(*at)->next_;
    if (!*at) return std::unexpected(Errno::Invalid);
    item = Ref<Item>::adopt(*at);
    *at = item->next_;
    item->due_ = kForever;
    --count_;
  }
  process_.personality().timers().cancel(*item);
  return {};
}

void PosixTimers::clear() {
  for (;;) {
    i32 id = 0;
    {
      Guard<SpinLock> guard(lock_);
      if (!first_) return;
      id = first_->id_;
    }
    (void)remove(id);
  }
}

LinuxResult<PosixTimers::Setting> PosixTimers::get(i32 id) {
  const auto item = find(id);
  if (!item) return std::unexpected(Errno::Invalid);
  const Nanoseconds now = read(*item);
  Guard<SpinLock> guard(lock_);
  if (item->due_ == kForever) return Setting{0, item->interval_};
  return Setting{item->due_ > now ? item->due_ - now : 1, item->interval_};
}

LinuxResult<PosixTimers::Setting> PosixTimers::set(i32 id, const Setting& setting, bool absolute) {
  const auto item = find(id);
  if (!item) return std::unexpected(Errno::Invalid);
  const auto before = TRY(get(id));
  Nanoseconds left = setting.value;
  const Nanoseconds reading = read(*item);
  if (absolute) {
    auto& place = process_.personality().place();
    const Nanoseconds now = item->request_.realtime ? place.realtime_ns() : reading;
    left = setting.value > now ? setting.value - now : 1;
  }
  {
    Guard<SpinLock> guard(lock_);
    item->interval_ = setting.interval;
    item->due_ = setting.value == 0 || left > kForever - reading ? kForever : reading + left;
    item->overrun_ = item->last_overrun_ = 0;
    item->sent_ = false;
  }
  const Nanoseconds real = process_.personality().place().monotonic_ns();
  const bool runs = setting.value != 0 && left < kForever - real;
  process_.personality().timers().set(*item, runs ? real + left : kForever);
  return before;
}

LinuxResult<i32> PosixTimers::overrun(i32 id) {
  const auto item = find(id);
  if (!item) return std::unexpected(Errno::Invalid);
  Guard<SpinLock> guard(lock_);
  return static_cast<i32>(item->last_overrun_);
}

void PosixTimers::delivered(SignalInfo& info) {
  const auto item = find(info.pid);
  if (!item) return;  // deleted meanwhile: the signal stays, as on Linux
  Guard<SpinLock> guard(lock_);
  item->last_overrun_ = std::exchange(item->overrun_, 0);
  item->sent_ = false;
  info.uid = static_cast<u32>(item->last_overrun_);
}

}  // namespace vari::linux
