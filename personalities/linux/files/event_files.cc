// See event_files.h and eventfd(2).
#include "personalities/linux/files/event_files.h"

namespace vari::linux {

EventFile::EventFile(Ref<Inode> inode, u64 initial, u32 flags)
    : AnonymousFile(std::move(inode), kReadWrite | (flags & kNonBlock)),
      semaphore_(flags & kSemaphore),
      value_(initial) {}

LinuxResult<Ref<File>> EventFile::create(Task& task, u32 initial, u32 flags) {
  return TRY(
      runtime::make<EventFile>(TRY(make_anonymous_inode(task, FileKind::Regular)), u64{initial}, flags));
}

LinuxResult<u64> EventFile::read(Task&, Transfer& to) {
  if (to.remaining() < sizeof(u64)) return std::unexpected(Errno::Invalid);
  for (;;) {
    u64 seen = value();
    while (seen != 0) {
      const u64 taken = semaphore_ ? 1 : seen;
      if (!__atomic_compare_exchange_n(&value_, &seen, seen - taken, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE))
        continue;
      writers_.wake_all();
      poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
      return to.put({reinterpret_cast<const u8*>(&taken), sizeof taken});
    }
    if (flags() & kNonBlock) return std::unexpected(Errno::Again);
    TRY(readers_.wait_until([&] { return value() != 0; }, kForever, runtime::Cancellation::Respect));
  }
}

bool EventFile::try_add(u64 added) {
  u64 seen = value();
  while (kMaximum - seen >= added) {
    if (!__atomic_compare_exchange_n(&value_, &seen, seen + added, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      continue;
    readers_.wake_all();
    poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
    return true;
  }
  return false;
}

void EventFile::signal() {
  (void)try_add(1);
}

LinuxResult<u64> EventFile::write(Task&, Transfer& from) {
  if (from.remaining() < sizeof(u64)) return std::unexpected(Errno::Invalid);
  u64 added = 0;
  if (TRY(from.take({reinterpret_cast<u8*>(&added), sizeof added})) != sizeof added)
    return std::unexpected(Errno::Fault);
  if (added == ~u64{0}) return std::unexpected(Errno::Invalid);
  for (;;) {
    if (try_add(added)) return sizeof added;
    if (flags() & kNonBlock) return std::unexpected(Errno::Again);
    TRY(writers_.wait_until([&] { return kMaximum - value() >= added; }, kForever,
                            runtime::Cancellation::Respect));
  }
}

u32 EventFile::poll(PollTable* table) {
  if (table) table->watch(poll_queue_);
  const u64 now = value();
  u32 events = 0;
  if (now != 0) events |= poll_event::kIn | poll_event::kReadNormal;
  if (now < kMaximum) events |= poll_event::kOut | poll_event::kWriteNormal;
  return events;
}

}  // namespace vari::linux
