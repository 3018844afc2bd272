// The ring itself. One mutex orders readers and writers; user memory is copied with it held (a fault
// on the way takes no lock of the file side's). Sleepers wait on atomics that change under it.
//
// Wake-ups: a writer wakes one reader, and a reader that leaves bytes behind wakes the next; likewise
// for room. A sleeper counts itself under the mutex before it looks, so that a waker that sees no
// sleepers may skip the queue.
#include "personalities/linux/files/pipe.h"

#include <algorithm>
#include <bit>
#include <memory>

namespace vari::linux {

using runtime::Cancellation;
using runtime::Guard;

LinuxResult<> Pipe::prepare() {
  pages_ = static_cast<Page*>(runtime::allocate(kDefaultPages * sizeof(Page)));
  if (!pages_) return std::unexpected(Errno::NoMemory);
  std::uninitialized_fill_n(pages_, kDefaultPages, Page());
  capacity_ = kDefaultPages * kPageBytes;
  return {};
}

Pipe::~Pipe() {
  const u32 count = capacity_ / kPageBytes;
  for (u32 i = 0; i < count; ++i)
    if (pages_[i].frame) place_.free_frame(pages_[i].frame);
  if (pages_) runtime::free(pages_, count * sizeof(Page));
  free_stretches();
}

LinuxResult<u64> Pipe::read_some(Transfer& to, u32 most) {
  u64 done = 0;
  while (done < most && used_ != 0 && to.remaining() != 0) {
    const u32 offset = first_ & (kPageBytes - 1);
    const auto chunk = static_cast<u32>(std::min<u64>({used_, kPageBytes - offset, most - done}));
    const auto moved = to.put({pages_[first_ / kPageBytes].bytes + offset, chunk});
    if (!moved) {
      if (done) break;
      return std::unexpected(moved.error());
    }
    done += *moved;
    first_ = (first_ + static_cast<u32>(*moved)) & (capacity_ - 1);
    __atomic_store_n(&used_, used_ - static_cast<u32>(*moved), __ATOMIC_RELEASE);
    if (*moved < chunk) break;
  }
  if (used_ == 0) first_ = 0;
  return done;
}

LinuxResult<u64> Pipe::read(Transfer& to, bool wait) {
  if (to.remaining() == 0) return 0;
  for (;;) {
    {
      Guard guard(mutex_);
      if (used_ != 0) [[likely]] {
        const auto done = stretches_ ? read_stretch(to) : read_some(to, used_);
        if (sleeping_writers_) write_queue_.wake_one();
        if (used_ != 0 && sleeping_readers_) read_queue_.wake_one();
        if (done && *done) poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
        return done;
      }
      if (writers_ == 0) return 0;
      if (!wait) return std::unexpected(Errno::Again);
      ++sleeping_readers_;
    }
    const auto slept = read_queue_.wait_until([&] { return readable(); }, kForever, Cancellation::Respect);
    Guard guard(mutex_);
    --sleeping_readers_;
    if (!slept) {
      // A wake-up meant for one of us may have come just before: pass it on.
      if (used_ != 0 && sleeping_readers_) read_queue_.wake_one();
      return std::unexpected(to_errno(slept.error()));
    }
  }
}

LinuxResult<u64> Pipe::peek_some(Transfer& to) {
  u64 done = 0;
  while (done < used_ && to.remaining() != 0) {
    const u32 position = (first_ + static_cast<u32>(done)) & (capacity_ - 1);
    const u32 offset = position & (kPageBytes - 1);
    const u64 chunk = std::min<u64>(used_ - done, kPageBytes - offset);
    const auto moved = to.put({pages_[position / kPageBytes].bytes + offset, chunk});
    if (!moved) return moved;
    done += *moved;
    if (*moved < chunk) break;
  }
  return done;
}

LinuxResult<u64> Pipe::peek(Transfer& to, bool wait) {
  for (;;) {
    {
      Guard guard(mutex_);
      if (used_ != 0) return peek_some(to);
      if (writers_ == 0) return 0;
      if (!wait) return std::unexpected(Errno::Again);
      ++sleeping_readers_;
    }
    const auto slept = read_queue_.wait_until([&] { return readable(); }, kForever, Cancellation::Respect);
    Guard guard(mutex_);
    --sleeping_readers_;
    // Nothing is taken: whoever else sleeps is woken as by a reader that leaves bytes behind.
    if (used_ != 0 && sleeping_readers_) read_queue_.wake_one();
    if (!slept) return std::unexpected(to_errno(slept.error()));
  }
}

LinuxResult<u64> Pipe::write_some(Transfer& from, u64 wanted) {
  u64 done = 0;
  while (done < wanted && used_ < capacity_) {
    const u32 position = (first_ + used_) & (capacity_ - 1);
    const u32 offset = position & (kPageBytes - 1);
    Page& page = pages_[position / kPageBytes];
    if (!page.frame) {
      const auto frame = place_.allocate_frame_uncleared();
      if (!frame) {
        if (done) break;
        return std::unexpected(Errno::NoMemory);
      }
      page = {*frame, place_.window(*frame)};
    }
    const auto chunk = std::min<u64>({wanted - done, kPageBytes - offset, capacity_ - used_});
    const auto moved = from.take({page.bytes + offset, chunk});
    if (!moved) {
      if (done) break;
      return std::unexpected(moved.error());
    }
    done += *moved;
    __atomic_store_n(&used_, used_ + static_cast<u32>(*moved), __ATOMIC_RELEASE);
    if (*moved < chunk) break;
  }
  return done;
}

LinuxResult<u64> Pipe::write(Transfer& from, bool wait) {
  u64 done = 0;
  while (from.remaining() != 0) {
    // What must go in at once: all of a short write, else at least a byte.
    const u64 wanted = from.remaining();
    const u32 needed = done == 0 && wanted <= kAtomicBytes ? static_cast<u32>(wanted) : 1;
    {
      Guard guard(mutex_);
      if (readers_ == 0) {
        if (done) return done;
        return std::unexpected(Errno::Pipe);
      }
      if (room_for(needed)) [[likely]] {
        const auto moved = stretches_ ? write_some_noted(from, wanted) : write_some(from, wanted);
        if (used_ != 0 && sleeping_readers_) read_queue_.wake_one();
        if (moved && *moved) poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
        if (!moved) {
          if (done) return done;
          return moved;
        }
        done += *moved;
        if (*moved == wanted) {
          if (used_ < capacity_ && sleeping_writers_) write_queue_.wake_one();
          return done;
        }
        if (used_ < capacity_) return done;  // the caller's memory or ours ended
        continue;
      }
      if (!wait) {
        if (done) return done;
        return std::unexpected(Errno::Again);
      }
      ++sleeping_writers_;
    }
    const auto slept =
        write_queue_.wait_until([&] { return writable(needed); }, kForever, Cancellation::Respect);
    Guard guard(mutex_);
    --sleeping_writers_;
    if (!slept) {
      if (used_ < capacity_ && sleeping_writers_) write_queue_.wake_one();
      if (done) return done;
      return std::unexpected(to_errno(slept.error()));
    }
  }
  return done;
}

u32 Pipe::poll(PollTable* table, bool reading, bool writing) {
  using namespace poll_event;
  if (table) table->watch(poll_queue_);
  u32 events = 0;
  if (reading) {
    if (used_bytes()) events |= kIn | kReadNormal;
    // A FIFO that no writer has opened yet has not been hung up.
    const bool had_writers = __atomic_load_n(&writer_openings_, __ATOMIC_ACQUIRE) != 0;
    if (__atomic_load_n(&writers_, __ATOMIC_ACQUIRE) == 0 && had_writers) events |= kHangUp;
  }
  if (writing) {
    if (capacity_bytes() - used_bytes() >= kAtomicBytes) events |= kOut | kWriteNormal;
    if (!has_readers()) events |= kError;
  }
  return events;
}

LinuxResult<u64> Pipe::resize(u64 bytes) {
  if (bytes > kMaximumPages * kPageBytes) return std::unexpected(Errno::Perm);
  const u32 count = static_cast<u32>(std::bit_ceil((std::max<u64>(bytes, 1) + kPageBytes - 1) / kPageBytes));
  auto* pages = static_cast<Page*>(runtime::allocate(count * sizeof(Page)));
  if (!pages) return std::unexpected(Errno::NoMemory);
  std::uninitialized_fill_n(pages, count, Page());
  Guard guard(mutex_);
  const u32 old_count = capacity_ / kPageBytes;
  const u32 begin = first_ & (kPageBytes - 1);
  const u32 kept = used_ ? static_cast<u32>((begin + used_ + kPageBytes - 1) / kPageBytes) : 0;
  // A ring whose last page is also its first can't be cut between pages: it counts as too full.
  if (kept > count || kept > old_count) {
    runtime::free(pages, count * sizeof(Page));
    return std::unexpected(Errno::Busy);
  }
  for (u32 i = 0; i < kept; ++i) std::swap(pages[i], pages_[(first_ / kPageBytes + i) % old_count]);
  for (u32 i = 0; i < old_count; ++i)
    if (pages_[i].frame) place_.free_frame(pages_[i].frame);
  runtime::free(pages_, old_count * sizeof(Page));
  pages_ = pages;
  first_ = used_ ? begin : 0;
  __atomic_store_n(&capacity_, static_cast<u32>(count * kPageBytes), __ATOMIC_RELEASE);
  write_queue_.wake_all();
  poll_queue_.wake();
  return u64{count} * kPageBytes;
}

void Pipe::add_end(bool reading, bool writing) {
  Guard guard(mutex_);
  if (reading) {
    __atomic_fetch_add(&readers_, 1, __ATOMIC_RELEASE);
    __atomic_fetch_add(&reader_openings_, 1, __ATOMIC_RELEASE);
  }
  if (writing) {
    __atomic_fetch_add(&writers_, 1, __ATOMIC_RELEASE);
    __atomic_fetch_add(&writer_openings_, 1, __ATOMIC_RELEASE);
  }
  open_queue_.wake_all();
}

void Pipe::remove_end(bool reading, bool writing) {
  Guard guard(mutex_);
  if (reading && __atomic_sub_fetch(&readers_, 1, __ATOMIC_RELEASE) == 0) write_queue_.wake_all();
  if (writing && __atomic_sub_fetch(&writers_, 1, __ATOMIC_RELEASE) == 0) read_queue_.wake_all();
  poll_queue_.wake();
}

Pipe::Attendance Pipe::attendance() {
  Guard guard(mutex_);
  return {.readers = readers_ != 0,
          .writers = writers_ != 0,
          .reader_openings = reader_openings_,
          .writer_openings = writer_openings_};
}

LinuxResult<> Pipe::wait_for_writer(const Attendance& before) {
  if (before.writers) return {};
  TRY(open_queue_.wait_until(
      [&] { return __atomic_load_n(&writer_openings_, __ATOMIC_ACQUIRE) != before.writer_openings; },
      kForever, Cancellation::Respect));
  return {};
}

LinuxResult<> Pipe::wait_for_reader(const Attendance& before) {
  if (before.readers) return {};
  TRY(open_queue_.wait_until(
      [&] { return __atomic_load_n(&reader_openings_, __ATOMIC_ACQUIRE) != before.reader_openings; },
      kForever, Cancellation::Respect));
  return {};
}

}  // namespace vari::linux
