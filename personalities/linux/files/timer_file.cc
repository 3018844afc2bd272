// See timer_file.h and timerfd_create(2). A real-time timer is converted to the monotonic clock when it is
// set; a later change of the real-time clock does not move it.
#include "personalities/linux/files/timer_file.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using runtime::Guard;

TimerFile::TimerFile(Ref<Inode> inode, Personality& personality, bool realtime, u32 flags)
    : AnonymousFile(std::move(inode), kReadWrite | (flags & kNonBlock)),
      personality_(personality),
      realtime_(realtime) {}

TimerFile::~TimerFile() {
  personality_.timers().cancel(*this);
}

LinuxResult<Ref<File>> TimerFile::create(Task& task, bool realtime, u32 flags) {
  return TRY(runtime::make<TimerFile>(TRY(make_anonymous_inode(task, FileKind::Regular)), task.personality(),
                                      realtime, flags));
}

TimerFile* TimerFile::from(File& file) {
  return file.as<TimerFile>();
}

TimerFile::Setting TimerFile::remaining_locked() {
  if (deadline_ == kForever) return {0, interval_};
  const auto now = personality_.place().monotonic_ns();
  return {deadline_ > now ? deadline_ - now : 1, interval_};
}

TimerFile::Setting TimerFile::get() {
  Guard guard(lock_);
  return remaining_locked();
}

TimerFile::Setting TimerFile::set(const Setting& setting, bool absolute) {
  auto& place = personality_.place();
  const auto now = place.monotonic_ns();
  Nanoseconds deadline = kForever;
  if (setting.value && !absolute) {
    if (__builtin_add_overflow(now, setting.value, &deadline)) deadline = kForever;
  } else if (setting.value) {
    const auto clock = realtime_ ? place.realtime_ns() : now;
    deadline = setting.value > clock ? now + (setting.value - clock) : now;
  }
  Setting before;
  {
    Guard guard(lock_);
    before = remaining_locked();
    deadline_ = deadline;
    interval_ = setting.interval;
    __atomic_store_n(&expirations_, 0, __ATOMIC_RELEASE);
  }
  personality_.timers().set(*this, deadline);
  return before;
}

Nanoseconds TimerFile::on_timer(Nanoseconds now) {
  Nanoseconds next = kForever;
  {
    Guard guard(lock_);
    if (deadline_ > now) return deadline_;
    u64 count = 1;
    if (interval_) {
      count += (now - deadline_) / interval_;
      deadline_ += count * interval_;
    } else {
      deadline_ = kForever;
    }
    next = deadline_;
    __atomic_fetch_add(&expirations_, count, __ATOMIC_RELEASE);
  }
  readers_.wake_all();
  poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
  return next;
}

LinuxResult<u64> TimerFile::read(Task&, Transfer& to) {
  if (to.remaining() < sizeof(u64)) return std::unexpected(Errno::Invalid);
  for (;;) {
    const u64 count = __atomic_exchange_n(&expirations_, 0, __ATOMIC_ACQ_REL);
    if (count) return to.put({reinterpret_cast<const u8*>(&count), sizeof count});
    if (flags() & kNonBlock) return std::unexpected(Errno::Again);
    TRY(readers_.wait_until([&] { return __atomic_load_n(&expirations_, __ATOMIC_ACQUIRE) != 0; }, kForever,
                            runtime::Cancellation::Respect));
  }
}

u32 TimerFile::poll(PollTable* table) {
  if (table) table->watch(poll_queue_);
  return __atomic_load_n(&expirations_, __ATOMIC_ACQUIRE) ? poll_event::kIn | poll_event::kReadNormal : 0;
}

}  // namespace vari::linux
