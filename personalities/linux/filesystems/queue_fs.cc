// See queue_fs.h.
#include "personalities/linux/filesystems/queue_fs.h"

#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/send.h"
#include "personalities/linux/text.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

LinuxResult<u64> QueueSetting::bytes() const {
  u64 texts = 0;
  if (__builtin_mul_overflow(most_messages, message_bytes + kMessageOverhead, &texts))
    return std::unexpected(Errno::Overflow);
  return texts + std::min(most_messages, kPriorities) * kMessageOverhead;
}

LinuxResult<Ref<Dentry>> QueueFileSystem::root(Vfs& vfs) {
  return vfs.queue_root([](Vfs& owner) -> LinuxResult<Ref<Dentry>> {
    auto files = TRY(runtime::make<QueueFileSystem>(owner));
    return Dentry::create_root(TRY(runtime::make<QueueDirectory>(*files)), "/");
  });
}

LinuxResult<> QueueFileSystem::open_account(Account& account, u64 limit, bool privileged) {
  Guard<SpinLock> guard(lock_);
  u64 queues = 0, bytes = account.bytes;
  for (const auto& other : accounts_) {
    ++queues;
    if (other.user == account.user) bytes += other.bytes;
  }
  if (queues >= kMostQueues && !privileged) return std::unexpected(Errno::NoSpace);
  if (bytes > limit) return std::unexpected(Errno::TooManyFiles);
  accounts_.push_back(account);
  return {};
}

void QueueFileSystem::close_account(Account& account) {
  Guard<SpinLock> guard(lock_);
  if (account.hook.is_linked()) accounts_.erase(accounts_.iterator_to(account));
}

QueueDirectory::QueueDirectory(QueueFileSystem& files)
    : Inode(files, files.new_inode_number(),
            {.mode = static_cast<u32>(FileKind::Directory) | 01777, .links = 2, .size = 40}) {}

LinuxResult<Ref<Inode>> QueueDirectory::create(std::string_view, const NewInode& description) {
  if (description.kind != FileKind::Regular) return std::unexpected(Errno::Perm);
  Task& task = Task::current();
  return TRY(QueueInode::create(static_cast<QueueFileSystem&>(file_system()), description, {},
                                task.process().soft_limit(Resource::QueueBytes),
                                task.may(Capability::Resources)));
}

LinuxResult<> QueueDirectory::remove(std::string_view, Inode& child) {
  child.add_links(-1);
  return {};
}

LinuxResult<Ref<QueueInode>> QueueInode::create(QueueFileSystem& files, const NewInode& description,
                                                const QueueSetting& setting, u64 limit, bool privileged) {
  auto inode = TRY(runtime::make<QueueInode>(files, description, setting, TRY(setting.bytes())));
  TRY(files.open_account(inode->account_, limit, privileged));
  return inode;
}

QueueInode::QueueInode(QueueFileSystem& files, const NewInode& description, const QueueSetting& setting,
                       u64 bytes)
    : Inode(files, files.new_inode_number(),
            {.mode = static_cast<u32>(FileKind::Regular) | description.mode,
             .user = description.user,
             .group = description.group}),
      setting_(setting),
      account_{description.user, bytes} {}

/// Nobody knows it any more; the lock is for the analysis, and not held while memory is given back.
QueueInode::~QueueInode() {
  queues().close_account(account_);
  Messages left;
  {
    Guard<SpinLock> guard(lock_);
    left.swap(messages_);
  }
  left.clear_and_dispose([](QueueMessage* message) { delete message; });
}

LinuxResult<Ref<File>> QueueInode::open(const OpenRequest& request) {
  return TRY(runtime::make<QueueFile>(request));
}

LinuxResult<> QueueInode::send(runtime::Owner<QueueMessage> message, When when) {
  Notification told;
  const auto attempt = [&] {
    Guard<SpinLock> guard(lock_);
    if (count_ >= setting_.most_messages) return false;
    // Whoever waits takes the message; only where nobody does, somebody is told that it is there.
    if (count_ == 0 && waiting_ == 0) std::swap(told, notification_);
    ++count_;
    bytes_ += message->bytes;
    messages_.insert(*message.leak());
    return true;
  };
  if (!attempt()) {
    if (when.no_wait) return std::unexpected(Errno::Again);
    TRY(senders_.wait_until(attempt, when.deadline, runtime::Cancellation::Respect));
  }
  receivers_.wake_all();
  poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
  if (told.process && told.signal) {
    const Task& sender = Task::current();
    send_signal(*told.process, {.number = told.signal,
                                .code = SignalInfo::kQueueNotice,
                                .pid = sender.process().id(),
                                .uid = sender.identity().user,
                                .value = told.value});
  }
  return {};
}

LinuxResult<runtime::Owner<QueueMessage>> QueueInode::receive(When when) {
  runtime::Owner<QueueMessage> taken;
  bool waits = false;
  const auto attempt = [&] {
    Guard<SpinLock> guard(lock_);
    if (messages_.empty()) return false;
    auto& first = *messages_.begin();
    messages_.erase(messages_.begin());
    --count_;
    bytes_ -= first.bytes;
    if (waits) --waiting_;
    taken = runtime::Owner<QueueMessage>(&first);
    return true;
  };
  if (!attempt()) {
    if (when.no_wait) return std::unexpected(Errno::Again);
    {
      Guard<SpinLock> guard(lock_);
      ++waiting_;
    }
    waits = true;
    const auto woken = receivers_.wait_until(attempt, when.deadline, runtime::Cancellation::Respect);
    if (!woken) {
      Guard<SpinLock> guard(lock_);
      --waiting_;
      return std::unexpected(to_errno(woken.error()));
    }
  }
  senders_.wake_all();
  poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
  return taken;
}

LinuxResult<> QueueInode::notify(Notification wanted) {
  Guard<SpinLock> guard(lock_);
  if (notification_.process) return std::unexpected(Errno::Busy);
  notification_ = std::move(wanted);
  return {};
}

void QueueInode::forget(const FileTable& by) {
  Notification gone;  // let go without the lock: it may hold the last of a process
  Guard<SpinLock> guard(lock_);
  if (notification_.by == &by) std::swap(gone, notification_);
}

QueueInode::Status QueueInode::status() {
  Guard<SpinLock> guard(lock_);
  return {count_, bytes_, notification_.signal, notification_.process ? notification_.process->id() : 0};
}

u32 QueueInode::events() {
  const u64 messages = status().messages;
  u32 events = 0;
  if (messages) events |= poll_event::kIn | poll_event::kReadNormal;
  if (messages < setting_.most_messages) events |= poll_event::kOut | poll_event::kWriteNormal;
  return events;
}

QueueFile* QueueFile::from(File& file) {
  return file.as<QueueFile>();
}

u32 QueueFile::poll(PollTable* table) {
  if (table) table->watch(queue().poll_queue());
  return queue().events();
}

namespace {
/// A number in a column `width` wide, as "%-5d" gives it.
void put_column(TextBuffer<128>& text, std::string_view name, u64 number, std::size_t width) {
  text.add(name);
  const auto before = text.text().size();
  text.add(number);
  while (text.text().size() - before < width) text.add(" ");
}
}  // namespace

LinuxResult<u64> QueueFile::read_at(Task&, Transfer& to, u64 offset) {
  const auto status = queue().status();
  TextBuffer<128> text;
  put_column(text, "QSIZE:", status.bytes, 10);
  put_column(text, " NOTIFY:", status.told && !status.signal ? 1 : 0, 5);
  put_column(text, " SIGNO:", static_cast<u64>(status.signal), 5);
  put_column(text, " NOTIFY_PID:", static_cast<u64>(status.told), 6);
  text.add("\n");
  if (offset >= text.text().size()) return 0;
  return to.put_text(text.text().substr(offset));
}

LinuxResult<u64> QueueFile::read(Task& task, Transfer& to) {
  const u64 done = TRY(read_at(task, to, __atomic_load_n(&position_, __ATOMIC_RELAXED)));
  __atomic_fetch_add(&position_, done, __ATOMIC_RELAXED);
  return done;
}

}  // namespace vari::linux
