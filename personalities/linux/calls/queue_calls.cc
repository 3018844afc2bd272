// POSIX message queues: mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr.
#include "personalities/linux/calls/call_time.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/queue_fs.h"

namespace vari::linux {

namespace {

/// struct mq_attr.
struct UserSetting {
  i64 flags = 0, most_messages = 0, message_bytes = 0, messages = 0;
  i64 unused[4] = {};
};
static_assert(sizeof(UserSetting) == 64);

struct NamedQueue {
  Ref<Dentry> directory;
  UserPath name_memory;
  std::string_view name;
};

/// A name as the system call gets it: the library has taken the slash away.
LinuxResult<> find_directory(Task& task, u64 address, NamedQueue& to) {
  to.name = TRY(to.name_memory.read(task, address));
  if (to.name.empty()) return std::unexpected(Errno::NoEntry);
  if (to.name == "." || to.name == ".." || to.name.find('/') != std::string_view::npos)
    return std::unexpected(Errno::Access);
  if (to.name.size() > Dentry::kMaximumName) return std::unexpected(Errno::NameTooLong);
  to.directory = TRY(QueueFileSystem::root(task.personality().vfs()));
  return {};
}

LinuxResult<QueueSetting> wanted_setting(Task& task, u64 address) {
  if (address == 0) return QueueSetting{};
  const auto given = TRY(task.user().read<UserSetting>(address));
  const auto& limit =
      task.may(Capability::Resources) ? QueueFileSystem::kHardLimit : QueueFileSystem::kOrdinaryLimit;
  if (given.most_messages <= 0 || given.message_bytes <= 0 ||
      static_cast<u64>(given.most_messages) > limit.most_messages ||
      static_cast<u64>(given.message_bytes) > limit.message_bytes)
    return std::unexpected(Errno::Invalid);
  return QueueSetting{static_cast<u64>(given.most_messages), static_cast<u64>(given.message_bytes)};
}

LinuxResult<Ref<Dentry>> find_or_create(Task& task, NamedQueue& at, u32 flags, u32 mode, u64 setting) {
  Inode& directory = at.directory->inode();
  runtime::Guard guard(directory.mutex());
  if (auto found = at.directory->find(at.name)) {
    constexpr u32 kNew = File::kCreate | File::kExclusive;
    if ((flags & kNew) == kNew) return std::unexpected(Errno::Exists);
    constexpr u32 kWanted[] = {kMayRead, kMayWrite, kMayRead | kMayWrite, 0};
    if ((flags & File::kAccessMode) == File::kAccessMode) return std::unexpected(Errno::Invalid);
    TRY(check_permission(task.identity(), found->inode(), kWanted[flags & File::kAccessMode]));
    return found;
  }
  if (!(flags & File::kCreate)) return std::unexpected(Errno::NoEntry);
  const NewInode description{.mode = mode & 0777 & ~task.file_system().mask(),
                             .user = task.identity().file_user,
                             .group = task.identity().file_group};
  auto dentry = TRY(Dentry::create(*at.directory, nullptr, at.name));
  dentry->set_inode(TRY(QueueInode::create(
      static_cast<QueueFileSystem&>(directory.file_system()), description, TRY(wanted_setting(task, setting)),
      task.process().soft_limit(Resource::QueueBytes), task.may(Capability::Resources))));
  at.directory->attach(dentry);
  return dentry;
}

LinuxResult<u64> open_queue(Task& task, u64 name, u32 flags, u32 mode, u64 setting) {
  NamedQueue at;
  TRY(find_directory(task, name, at));
  const Path path(nullptr, TRY(find_or_create(task, at, flags, mode, setting)));
  const u32 kept = flags & (File::kAccessMode | File::kNonBlock);
  return TRY(task.files().add(TRY(path.inode().open({task, path, kept})), true, descriptor_limit(task)));
}

LinuxResult<> unlink_queue(Task& task, u64 name) {
  NamedQueue at;
  TRY(find_directory(task, name, at));
  Inode& directory = at.directory->inode();
  runtime::Guard guard(directory.mutex());
  const auto found = at.directory->find(at.name);
  if (!found) return std::unexpected(Errno::NoEntry);
  TRY(check_removal(task.identity(), directory, found->inode()));
  TRY(directory.remove(at.name, found->inode()));
  at.directory->detach(*found);
  return {};
}

struct OpenQueue {
  Ref<File> file;
  QueueFile& queue() const { return static_cast<QueueFile&>(*file); }
};
LinuxResult<OpenQueue> queue_of(Task& task, u64 descriptor) {
  OpenQueue found{TRY(task.files().get(descriptor_of(descriptor)))};
  if (!QueueFile::from(*found.file)) return std::unexpected(Errno::BadFile);
  return found;
}

/// An absolute time of the real-time clock.
LinuxResult<Nanoseconds> deadline_of(Task& task, u64 address) {
  if (address == 0) return kForever;
  const auto time = TRY(task.user().read<TimeSpec>(address));
  if (!time.valid()) return std::unexpected(Errno::Invalid);
  return monotonic_of(task, time.total(), true);
}

LinuxResult<> send(Task& task, const Arguments& a) {
  const Nanoseconds deadline = TRY(deadline_of(task, a.a[4]));
  if (a.a[3] >= QueueSetting::kPriorities) return std::unexpected(Errno::Invalid);
  const auto open = TRY(queue_of(task, a.a[0]));
  if (!open.file->can_write()) return std::unexpected(Errno::BadFile);
  QueueInode& queue = open.queue().queue();
  if (a.a[2] > queue.setting().message_bytes) return std::unexpected(Errno::MessageTooLong);
  runtime::Owner<QueueMessage> message(new (runtime::kFallible) QueueMessage);
  if (!message) return std::unexpected(Errno::NoMemory);
  message->priority = static_cast<u32>(a.a[3]);
  if (a.a[2]) message->text = static_cast<u8*>(runtime::allocate(a.a[2]));
  if (a.a[2] && !message->text) return std::unexpected(Errno::NoMemory);
  message->bytes = a.a[2];
  TRY(task.user().copy_in(message->text, a.a[1], message->bytes));
  return queue.send(std::move(message), {(open.file->flags() & File::kNonBlock) != 0, deadline});
}

LinuxResult<u64> receive(Task& task, const Arguments& a) {
  const Nanoseconds deadline = TRY(deadline_of(task, a.a[4]));
  const auto open = TRY(queue_of(task, a.a[0]));
  if (!open.file->can_read()) return std::unexpected(Errno::BadFile);
  QueueInode& queue = open.queue().queue();
  if (a.a[2] < queue.setting().message_bytes) return std::unexpected(Errno::MessageTooLong);
  const auto message = TRY(queue.receive({(open.file->flags() & File::kNonBlock) != 0, deadline}));
  TRY(task.user().copy_out(a.a[1], message->text, message->bytes));
  if (a.a[3]) TRY(task.user().write(a.a[3], message->priority));
  return message->bytes;
}

LinuxResult<> notify(Task& task, u64 descriptor, u64 event_address) {
  constexpr i32 kSignal = 0, kNone = 1, kThread = 2;
  struct {
    u64 value = 0;
    i32 signal = 0, notify = 0;
    u64 padding[6] = {};
  } event;
  static_assert(sizeof event == 64);
  if (event_address) {
    TRY(task.user().copy_in(&event, event_address, sizeof event));
    if (event.notify != kSignal && event.notify != kNone && event.notify != kThread)
      return std::unexpected(Errno::Invalid);
    if (event.notify == kSignal && !signal::valid(event.signal)) return std::unexpected(Errno::Invalid);
    // A thread is started by the C library, which wants to be told through a netlink socket.
    if (event.notify == kThread) return std::unexpected(Errno::BadFile);
  }
  const auto open = TRY(queue_of(task, descriptor));
  QueueInode& queue = open.queue().queue();
  if (!event_address) {
    queue.forget(task.files());
    return {};
  }
  return queue.notify(
      {Ref<Process>(task.process()), &task.files(), event.notify == kSignal ? event.signal : 0, event.value});
}

LinuxResult<> exchange_setting(Task& task, u64 descriptor, u64 wanted, u64 before) {
  UserSetting given;
  if (wanted) {
    given = TRY(task.user().read<UserSetting>(wanted));
    if (given.flags & ~i64{File::kNonBlock}) return std::unexpected(Errno::Invalid);
  }
  const auto open = TRY(queue_of(task, descriptor));
  QueueInode& queue = open.queue().queue();
  const u32 flags = open.file->flags();
  const UserSetting now{.flags = flags & File::kNonBlock,
                        .most_messages = static_cast<i64>(queue.setting().most_messages),
                        .message_bytes = static_cast<i64>(queue.setting().message_bytes),
                        .messages = static_cast<i64>(queue.status().messages)};
  if (wanted) open.file->set_flags((flags & ~File::kNonBlock) | static_cast<u32>(given.flags));
  if (before) TRY(task.user().write(before, now));
  return {};
}

}  // namespace

i64 call_mq_open(Task& task, const Arguments& a) {
  return to_return_value(
      open_queue(task, a.a[0], static_cast<u32>(a.a[1]), static_cast<u32>(a.a[2]), a.a[3]));
}
i64 call_mq_unlink(Task& task, const Arguments& a) {
  return to_return_value(unlink_queue(task, a.a[0]));
}
i64 call_mq_timedsend(Task& task, const Arguments& a) {
  return to_return_value(send(task, a));
}
i64 call_mq_timedreceive(Task& task, const Arguments& a) {
  return to_return_value(receive(task, a));
}
i64 call_mq_notify(Task& task, const Arguments& a) {
  return to_return_value(notify(task, a.a[0], a.a[1]));
}
i64 call_mq_getsetattr(Task& task, const Arguments& a) {
  return to_return_value(exchange_setting(task, a.a[0], a.a[1], a.a[2]));
}

}  // namespace vari::linux
