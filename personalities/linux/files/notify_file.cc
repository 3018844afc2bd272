#include "personalities/linux/files/notify_file.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using runtime::Guard;

namespace {
constexpr u32 kBytesReadable = 0x541b;  // FIONREAD
}

NotifyFile::NotifyFile(Ref<Inode> inode, FileWatches& watches, u32 flags)
    : AnonymousFile(std::move(inode), kReadOnly | (flags & kNonBlock)), watches_(watches) {}

NotifyFile::~NotifyFile() {
  watches_.remove_all(*this);
  watches_.remove_instance();
  events_.clear_and_dispose([](Event* event) { delete event; });
}

LinuxResult<Ref<File>> NotifyFile::create(Task& task, u32 flags) {
  auto& watches = task.personality().watches();
  auto overflow = TRY(runtime::make_owned<Event>());
  auto inode = TRY(make_anonymous_inode(task, FileKind::Regular));
  if (!watches.add_instance()) return std::unexpected(Errno::TooManyFiles);
  auto made = runtime::make<NotifyFile>(std::move(inode), watches, flags);
  if (!made) {
    watches.remove_instance();
    return std::unexpected(Errno::NoMemory);
  }
  overflow->head = {.watch = -1, .mask = watch_event::kOverflow};
  Guard guard((*made)->lock_);
  (*made)->overflow_ = std::move(overflow);
  return Ref<File>(std::move(*made));
}

NotifyFile* NotifyFile::from(File& file) {
  return file.as<NotifyFile>();
}

void NotifyFile::push_locked(Event& event) {
  events_.push_back(event);
  __atomic_store_n(&count_, count_ + 1, __ATOMIC_RELEASE);
}

void NotifyFile::queue(i32 watch, u32 mask, u32 cookie, std::string_view name) {
  runtime::Owner<Event> event(new (runtime::kFallible) Event);
  if (event) {
    event->head = {watch, mask, cookie, 0};
    event->length = static_cast<u8>(name.size());
    __builtin_memcpy(event->name, name.data(), name.size());
    if (!name.empty()) event->head.name_bytes = static_cast<u32>(align_up(name.size() + 1, sizeof(Head)));
  }
  {
    Guard guard(lock_);
    if (!event || count_ >= kMaximumEvents) {
      if (!overflow_) return;
      push_locked(*overflow_.leak());
    } else {
      if (!events_.empty()) {
        const Event& last = events_.back();
        if (last.head.watch == watch && last.head.mask == mask && last.head.cookie == cookie &&
            std::string_view(last.name, last.length) == name)
          return;
      }
      push_locked(*event.leak());
    }
  }
  readers_.wake_one();
  poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
}

LinuxResult<runtime::Owner<NotifyFile::Event>> NotifyFile::take(u64 room) {
  Guard guard(lock_);
  if (events_.empty()) return runtime::Owner<Event>();
  Event& first = events_.front();
  if (first.bytes() > room) return std::unexpected(Errno::Invalid);
  events_.pop_front();
  __atomic_store_n(&count_, count_ - 1, __ATOMIC_RELEASE);
  return runtime::Owner<Event>(&first);
}

LinuxResult<u64> NotifyFile::read(Task&, Transfer& to) {
  u64 done = 0;
  for (;;) {
    auto event = take(to.remaining());
    if (!event && done == 0) return std::unexpected(event.error());
    if (!event) return done;
    if (Event* taken = event->get()) {
      const auto put = to.put({reinterpret_cast<const u8*>(&taken->head), sizeof taken->head});
      if (!put && done == 0) return put;
      if (put) (void)to.put({reinterpret_cast<const u8*>(taken->name), taken->head.name_bytes});
      done += taken->bytes();
      if (taken->head.mask & watch_event::kOverflow) {
        Guard guard(lock_);
        overflow_ = std::move(*event);
      }
      continue;
    }
    if (done) return done;
    if (flags() & kNonBlock) return std::unexpected(Errno::Again);
    TRY(readers_.wait_until([&] { return count() != 0; }, kForever, runtime::Cancellation::Respect));
  }
}

u32 NotifyFile::poll(PollTable* table) {
  if (table) table->watch(poll_queue_);
  return count() ? poll_event::kIn | poll_event::kReadNormal : 0;
}

LinuxResult<u64> NotifyFile::ioctl(Task& task, u32 request, u64 argument) {
  if (request != kBytesReadable) return std::unexpected(Errno::NotTerminal);
  u64 bytes = 0;
  {
    Guard guard(lock_);
    for (auto& event : events_) bytes += event.bytes();
  }
  TRY(task.user().write(argument, static_cast<i32>(bytes)));
  return 0;
}

}  // namespace vari::linux
