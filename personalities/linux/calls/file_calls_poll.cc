// Waiting for files: poll, ppoll, select, pselect6, epoll.
#include <algorithm>

#include "personalities/linux/calls/call_time.h"
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/calls/signal_helpers.h"
#include "personalities/linux/files/epoll.h"
#include "personalities/linux/files/poll_wait.h"
#include "personalities/linux/process/task_internals.h"
#include "runtime/port.h"

namespace vari::linux {

namespace {

struct PollRequest {
  i32 descriptor;
  u16 wanted;
  u16 found;
};
static_assert(sizeof(PollRequest) == 8);

/// ppoll, select and pselect6 tell how much of the time was left.
template <class Store>
void store_rest(Nanoseconds deadline, Store store) {
  const Nanoseconds now = runtime::port::now_ns();
  store(deadline > now ? deadline - now : 0);
}

u32 look(FileTable& files, const PollRequest& request, PollWait* table) {
  const auto file = files.borrow(request.descriptor);
  if (!file) return poll_event::kInvalid;
  if (table) table->set_file(**file);
  return (*file)->poll(table) &
         (request.wanted | poll_event::kError | poll_event::kHangUp | poll_event::kInvalid);
}

/// One look at all: how many are ready. With a table, it watches all up to the first that is.
u32 look_at_all(FileTable& files, std::span<PollRequest> requests, PollWait* table) {
  u32 ready = 0;
  for (auto& request : requests) {
    request.found = 0;
    if (request.descriptor < 0) continue;
    request.found = static_cast<u16>(look(files, request, ready ? nullptr : table));
    ready += request.found != 0;
  }
  return ready;
}

/// Looks at all, and while none is ready, waits for a change. How many are ready; 0: the deadline came.
LinuxResult<u32> poll_until(FileTable& files, std::span<PollRequest> requests, Nanoseconds deadline) {
  for (;;) {
    // Mostly something is ready. Only who must wait has to be told of changes, and looks again once it will
    // be.
    if (const u32 ready = look_at_all(files, requests, nullptr); ready || deadline == 0) return ready;
    PollWait wait;
    if (const u32 ready = look_at_all(files, requests, &wait)) return ready;
    if (wait.failed()) return std::unexpected(Errno::NoMemory);
    const auto waited = wait.block(deadline);
    if (waited) continue;
    if (waited.error() != Error::TimedOut) return std::unexpected(Errno::RestartUnlessHandler);
    deadline = 0;
  }
}

/// Tells what was found. What stands there already need not be written, but for one field a page: memory that
/// can't be written to is told as Fault, whatever is in it.
LinuxResult<> store_found(Task& task, u64 address, std::span<const PollRequest> before,
                          std::span<const PollRequest> after) {
  u64 page = ~u64{0};
  for (std::size_t i = 0; i < after.size(); ++i) {
    const u64 at = address + i * sizeof(PollRequest) + offsetof(PollRequest, found);
    if (after[i].found == before[i].found && at >> kPageShift == page) continue;
    TRY(task.user().write(at, after[i].found));
    page = at >> kPageShift;
  }
  return {};
}

LinuxResult<u32> poll(Task& task, u64 address, u64 count, Nanoseconds deadline) {
  if (count > descriptor_limit(task)) return std::unexpected(Errno::Invalid);
  CallArray<PollRequest, 32> memory;
  const auto both = TRY(memory.make(2 * count));
  const auto given = both.first(count), requests = both.last(count);
  TRY(task.user().copy_in(given.data(), address, given.size_bytes()));
  __builtin_memcpy(requests.data(), given.data(), given.size_bytes());
  const u32 ready = TRY(poll_until(task.files(), requests, deadline));
  TRY(store_found(task, address, given, requests));
  return ready;
}

LinuxResult<u32> poll_with_timeout(Task& task, const Arguments& a) {
  const auto milliseconds = static_cast<i32>(a.a[2]);
  const Nanoseconds deadline =
      milliseconds < 0 ? kForever
                       : TRY(deadline_in(milliseconds / 1000, i64{milliseconds % 1000} * 1'000'000));
  return poll(task, a.a[0], a.a[1] & 0xffff'ffff, deadline);
}

LinuxResult<u32> poll_with_mask(Task& task, const Arguments& a) {
  const auto deadline = TRY(deadline_at(task, a.a[2]));
  TRY(set_temporary_mask(task, a.a[3], a.a[4]));
  const auto ready = poll(task, a.a[0], a.a[1] & 0xffff'ffff, deadline);
  if (a.a[2] && deadline != kForever) {
    store_rest(deadline,
               [&](u64 ns) { (void)task.user().write(a.a[2], TimeSpec::of(static_cast<i64>(ns))); });
  }
  return ready;
}

/// select's three sets as one list of poll requests, in the order of descriptors.
class SelectSets {
 public:
  static constexpr u32 kRead =
      poll_event::kReadNormal | poll_event::kIn | poll_event::kHangUp | poll_event::kError;
  static constexpr u32 kWrite = poll_event::kWriteNormal | poll_event::kOut | poll_event::kError;
  static constexpr u32 kExceptional = poll_event::kPriority;

  LinuxResult<> load(Task& task, u32 count, const u64 (&addresses)[3]) {
    words_ = (count + 63) / 64;
    bits_ = TRY(memory_.make(words_ * 3));
    std::ranges::fill(bits_, u64{0});
    for (std::size_t set = 0; set < 3; ++set) {
      if (addresses[set]) TRY(task.user().copy_in(&bits_[set * words_], addresses[set], words_ * 8));
    }
    if (count % 64) {
      for (std::size_t set = 0; set < 3; ++set)
        bits_[set * words_ + words_ - 1] &= (u64{1} << count % 64) - 1;
    }
    return {};
  }
  std::size_t count() const {
    std::size_t count = 0;
    for (std::size_t word = 0; word < words_; ++word)
      count += static_cast<u32>(__builtin_popcountll(any(word)));
    return count;
  }
  void fill(std::span<PollRequest> requests) const {
    std::size_t at = 0;
    for (std::size_t word = 0; word < words_; ++word) {
      for (u64 left = any(word); left; left &= left - 1) {
        const auto bit = static_cast<u32>(__builtin_ctzll(left));
        u32 wanted = 0;
        if (has(0, word, bit)) wanted |= kRead;
        if (has(1, word, bit)) wanted |= kWrite;
        if (has(2, word, bit)) wanted |= kExceptional;
        requests[at++] = {static_cast<i32>(word * 64 + bit), static_cast<u16>(wanted), 0};
      }
    }
  }
  /// Leaves only what is ready; how many bits that is. BadFile: a descriptor is not open.
  LinuxResult<u32> keep_ready(std::span<const PollRequest> requests) {
    u32 total = 0;
    static constexpr u32 kEvents[3] = {kRead, kWrite, kExceptional};
    for (const auto& request : requests) {
      if (request.found & poll_event::kInvalid) return std::unexpected(Errno::BadFile);
      const auto word = static_cast<u32>(request.descriptor) / 64,
                 bit = static_cast<u32>(request.descriptor) % 64;
      for (std::size_t set = 0; set < 3; ++set) {
        if (!has(set, word, bit)) continue;
        if (request.found & kEvents[set]) {
          ++total;
        } else {
          bits_[set * words_ + word] &= ~(u64{1} << bit);
        }
      }
    }
    return total;
  }
  LinuxResult<> store(Task& task, const u64 (&addresses)[3]) {
    for (std::size_t set = 0; set < 3; ++set) {
      if (addresses[set]) TRY(task.user().copy_out(addresses[set], &bits_[set * words_], words_ * 8));
    }
    return {};
  }

 private:
  u64 any(std::size_t word) const { return bits_[word] | bits_[words_ + word] | bits_[2 * words_ + word]; }
  bool has(std::size_t set, std::size_t word, u32 bit) const { return bits_[set * words_ + word] >> bit & 1; }
  CallArray<u64, 48> memory_;
  std::span<u64> bits_;
  std::size_t words_ = 0;
};

LinuxResult<u32> select(Task& task, const Arguments& a, Nanoseconds deadline) {
  auto count = static_cast<i32>(a.a[0]);
  if (count < 0) return std::unexpected(Errno::Invalid);
  // Bits beyond what can be open are not looked at, as in Linux.
  count = std::min(count, static_cast<i32>(align_up(task.files().capacity(), 64)));
  const u64 addresses[3] = {a.a[1], a.a[2], a.a[3]};
  SelectSets sets;
  TRY(sets.load(task, static_cast<u32>(count), addresses));
  CallArray<PollRequest, 16> memory;
  const auto requests = TRY(memory.make(sets.count()));
  sets.fill(requests);
  TRY(poll_until(task.files(), requests, deadline));
  const u32 ready = TRY(sets.keep_ready(requests));
  TRY(sets.store(task, addresses));
  return ready;
}

LinuxResult<u32> select_with_timeout(Task& task, const Arguments& a) {
  struct TimeValue {
    i64 seconds, microseconds;
  };
  Nanoseconds deadline = kForever;
  if (a.a[4]) {
    const auto time = TRY(task.user().read<TimeValue>(a.a[4]));
    if (time.microseconds < 0 || time.seconds < 0) return std::unexpected(Errno::Invalid);
    i64 seconds = 0;
    if (__builtin_add_overflow(time.seconds, time.microseconds / 1'000'000, &seconds))
      return std::unexpected(Errno::Invalid);
    deadline = TRY(deadline_in(seconds, time.microseconds % 1'000'000 * 1000));
  }
  const auto ready = select(task, a, deadline);
  if (a.a[4]) {
    store_rest(deadline, [&](u64 ns) {
      const TimeValue rest{static_cast<i64>(ns / kSecond), static_cast<i64>(ns % kSecond / 1000)};
      (void)task.user().write(a.a[4], rest);
    });
  }
  return ready;
}

LinuxResult<u32> select_with_mask(Task& task, const Arguments& a) {
  const auto deadline = TRY(deadline_at(task, a.a[4]));
  TRY(set_temporary_mask_at(task, a.a[5]));
  const auto ready = select(task, a, deadline);
  if (a.a[4]) {
    store_rest(deadline,
               [&](u64 ns) { (void)task.user().write(a.a[4], TimeSpec::of(static_cast<i64>(ns))); });
  }
  return ready;
}

LinuxResult<u64> create_epoll(Task& task, u64 flags) {
  if (flags & ~u64{File::kCloseOnExec}) return std::unexpected(Errno::Invalid);
  return TRY(task.files().add(TRY(Epoll::create(task)), flags != 0, descriptor_limit(task)));
}

LinuxResult<> control_epoll(Task& task, const Arguments& a) {
  const u32 operation = static_cast<u32>(a.a[1]);
  EpollEvent event{};
  if (operation != Epoll::kRemove) event = TRY(task.user().read<EpollEvent>(a.a[3]));
  const auto set_file = TRY(task.files().get(descriptor_of(a.a[0])));
  const auto file = TRY(task.files().get(descriptor_of(a.a[2])));
  Epoll* set = Epoll::from(*set_file);
  if (!set) return std::unexpected(Errno::Invalid);
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  return set->control(operation, static_cast<i32>(a.a[2]), *file, event);
}

LinuxResult<u32> wait_epoll(Task& task, const Arguments& a, Nanoseconds deadline) {
  const auto count = static_cast<i32>(a.a[2]);
  if (count <= 0 || count > 0x7fffffff / 12) return std::unexpected(Errno::Invalid);
  const auto file = TRY(task.files().borrow(descriptor_of(a.a[0])));
  Epoll* set = Epoll::from(*file);
  if (!set) return std::unexpected(Errno::Invalid);
  CallArray<EpollEvent, 32> memory;
  const auto events = TRY(memory.make(std::min(static_cast<u32>(count), std::max(32u, set->candidates()))));
  const u32 ready = TRY(set->wait(events, deadline));
  TRY(task.user().copy_out(a.a[1], events.data(), ready * sizeof(EpollEvent)));
  return ready;
}

LinuxResult<u32> wait_epoll_ms(Task& task, const Arguments& a) {
  const auto milliseconds = static_cast<i32>(a.a[3]);
  const Nanoseconds deadline =
      milliseconds < 0 ? kForever
                       : TRY(deadline_in(milliseconds / 1000, i64{milliseconds % 1000} * 1'000'000));
  return wait_epoll(task, a, deadline);
}

}  // namespace

i64 call_poll(Task& task, const Arguments& a) {
  return to_return_value(poll_with_timeout(task, a));
}
i64 call_ppoll(Task& task, const Arguments& a) {
  return to_return_value(poll_with_mask(task, a));
}
i64 call_select(Task& task, const Arguments& a) {
  return to_return_value(select_with_timeout(task, a));
}
i64 call_pselect6(Task& task, const Arguments& a) {
  return to_return_value(select_with_mask(task, a));
}
i64 call_epoll_create(Task& task, const Arguments& a) {
  return static_cast<i32>(a.a[0]) <= 0 ? failure(Errno::Invalid) : to_return_value(create_epoll(task, 0));
}
i64 call_epoll_create1(Task& task, const Arguments& a) {
  return to_return_value(create_epoll(task, a.a[0]));
}
i64 call_epoll_ctl(Task& task, const Arguments& a) {
  return to_return_value(control_epoll(task, a));
}
i64 call_epoll_wait(Task& task, const Arguments& a) {
  return to_return_value(wait_epoll_ms(task, a));
}
i64 call_epoll_pwait(Task& task, const Arguments& a) {
  const auto masked = set_temporary_mask(task, a.a[4], a.a[5]);
  return masked ? to_return_value(wait_epoll_ms(task, a)) : failure(masked.error());
}
i64 call_epoll_pwait2(Task& task, const Arguments& a) {
  const auto deadline = deadline_at(task, a.a[3]);
  if (!deadline) return failure(deadline.error());
  const auto masked = set_temporary_mask(task, a.a[4], a.a[5]);
  return masked ? to_return_value(wait_epoll(task, a, *deadline)) : failure(masked.error());
}

}  // namespace vari::linux
