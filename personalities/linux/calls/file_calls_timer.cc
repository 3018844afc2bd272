// timerfd_create and friends.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/timer_file.h"

namespace vari::linux {

namespace {

struct UserTimer {
  TimeSpec interval, value;
};

LinuxResult<u64> create(Task& task, u64 clock, u64 flags) {
  constexpr u64 kRealtime = 0, kMonotonic = 1, kBootTime = 7;
  if (clock != kRealtime && clock != kMonotonic && clock != kBootTime) return std::unexpected(Errno::Invalid);
  if (flags & ~u64{File::kNonBlock | File::kCloseOnExec}) return std::unexpected(Errno::Invalid);
  auto file = TRY(TimerFile::create(task, clock == kRealtime, static_cast<u32>(flags)));
  return TRY(task.files().add(std::move(file), flags & File::kCloseOnExec, descriptor_limit(task)));
}

LinuxResult<u64> to_ns(const TimeSpec& time) {
  constexpr i64 kMost = 9'000'000'000;
  if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= 1'000'000'000)
    return std::unexpected(Errno::Invalid);
  return static_cast<u64>(time.seconds < kMost ? time.seconds : kMost) * kSecond +
         static_cast<u64>(time.nanoseconds);
}

UserTimer of(const TimerFile::Setting& setting) {
  return {TimeSpec::of(static_cast<i64>(setting.interval)), TimeSpec::of(static_cast<i64>(setting.value))};
}

LinuxResult<Ref<File>> timer_for(Task& task, u64 descriptor) {
  auto file = TRY(task.files().get(descriptor_of(descriptor)));
  if (!TimerFile::from(*file)) return std::unexpected(Errno::Invalid);
  return file;
}

LinuxResult<> set(Task& task, const Arguments& a) {
  constexpr u64 kAbsolute = 1, kCancelOnSet = 2;
  if (a.a[1] & ~(kAbsolute | kCancelOnSet)) return std::unexpected(Errno::Invalid);
  const auto wanted = TRY(task.user().read<UserTimer>(a.a[2]));
  const TimerFile::Setting setting{TRY(to_ns(wanted.value)), TRY(to_ns(wanted.interval))};
  const auto file = TRY(timer_for(task, a.a[0]));
  const auto before = TimerFile::from(*file)->set(setting, a.a[1] & kAbsolute);
  if (a.a[3]) TRY(task.user().write(a.a[3], of(before)));
  return {};
}

LinuxResult<> get(Task& task, const Arguments& a) {
  const auto file = TRY(timer_for(task, a.a[0]));
  return task.user().write(a.a[1], of(TimerFile::from(*file)->get()));
}

}  // namespace

i64 call_timerfd_create(Task& task, const Arguments& a) {
  return to_return_value(create(task, static_cast<u32>(a.a[0]), static_cast<u32>(a.a[1])));
}
i64 call_timerfd_settime(Task& task, const Arguments& a) {
  return to_return_value(set(task, a));
}
i64 call_timerfd_gettime(Task& task, const Arguments& a) {
  return to_return_value(get(task, a));
}

}  // namespace vari::linux
