// The file system of POSIX message queues (mq_overview(7)): one flat directory, whose files are the queues.
// There is one of it. mq_open(2) finds queues in it by name; mounted ("mqueue"), it shows them.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/files/open_file.h"
#include "personalities/linux/signals/signal.h"

namespace vari::linux {

class FileTable;
class Process;

/// What mq_open(2) sets for ever.
struct QueueSetting {
  u64 most_messages = 10, message_bytes = 8192;
  /// What the messages of a full queue occupy, for RLIMIT_MSGQUEUE; nothing where it has no number.
  static constexpr u64 kMessageOverhead = 48, kPriorities = 32768;
  LinuxResult<u64> bytes() const;
};

/// One message; owns its text.
struct QueueMessage : runtime::Allocated {
  ~QueueMessage() {
    if (text) runtime::free(text, bytes);
  }
  QueueMessage() = default;
  QueueMessage(const QueueMessage&) = delete;
  u32 priority = 0;
  u64 bytes = 0;
  u8* text = nullptr;
  boost::intrusive::set_member_hook<> hook;
};

class QueueFileSystem final : public FileSystem {
 public:
  static constexpr u64 kMostQueues = 256;
  static constexpr QueueSetting kOrdinaryLimit{}, kHardLimit{65536, 16 * kMiB};

  explicit QueueFileSystem(Vfs& vfs) : FileSystem(vfs) {}
  /// The root of the only one, made by the first who asks.
  static LinuxResult<Ref<Dentry>> root(Vfs& vfs);
  static LinuxResult<Ref<Dentry>> mount(Vfs& vfs, std::string_view) { return root(vfs); }
  std::string_view type() const override { return "mqueue"; }
  FileSystemStatistics statistics() override { return {.magic = 0x19800202}; }
  bool ends_with_last_mount() const override { return false; }

  /// A queue counts, and its bytes count for its user. NoSpace, TooManyFiles; `limit`: RLIMIT_MSGQUEUE.
  struct Account {
    u32 user;
    u64 bytes;
    boost::intrusive::list_member_hook<> hook = {};
  };
  LinuxResult<> open_account(Account& account, u64 limit, bool privileged) EXCLUDES(lock_);
  void close_account(Account& account) EXCLUDES(lock_);

 private:
  runtime::SpinLock lock_;
  boost::intrusive::list<
      Account, boost::intrusive::member_hook<Account, boost::intrusive::list_member_hook<>, &Account::hook>>
      accounts_ GUARDED_BY(lock_);
};

/// A queue.
class QueueInode final : public Inode {
 public:
  static LinuxResult<Ref<QueueInode>> create(QueueFileSystem& files, const NewInode& description,
                                             const QueueSetting& setting, u64 limit, bool privileged);
  QueueInode(QueueFileSystem& files, const NewInode& description, const QueueSetting& setting, u64 bytes);

  LinuxResult<Ref<File>> open(const OpenRequest& request) override;
  u64 size() const override { return 80; }

  struct When {
    bool no_wait;
    Nanoseconds deadline;  // of the monotonic clock
  };
  /// Blocks while the queue is full. Again, TimedOut; a signal ends it.
  LinuxResult<> send(runtime::Owner<QueueMessage> message, When when) EXCLUDES(lock_);
  /// The oldest of those with the highest priority. Blocks while there is none.
  LinuxResult<runtime::Owner<QueueMessage>> receive(When when) EXCLUDES(lock_);

  /// Tell `process`, once, when a message comes into the empty queue and nobody waits for it. Busy: another
  /// is to be told. `by`: the descriptors of which one leads here; it is forgotten when any of them closes.
  struct Notification {
    Ref<Process> process;
    const FileTable* by = nullptr;
    int signal = 0;  // 0: none, it is only said
    u64 value = 0;
  };
  LinuxResult<> notify(Notification wanted) EXCLUDES(lock_);
  void forget(const FileTable& by) EXCLUDES(lock_);

  struct Status {
    u64 messages = 0, bytes = 0;
    int signal = 0;
    i32 told = 0;
  };
  Status status() EXCLUDES(lock_);
  const QueueSetting& setting() const { return setting_; }
  u32 events();
  PollQueue& poll_queue() { return poll_queue_; }

 private:
  ~QueueInode() override;
  /// Inserted behind those of its priority: the multiset keeps equals in their order of arrival.
  struct Later {
    bool operator()(const QueueMessage& a, const QueueMessage& b) const { return a.priority > b.priority; }
  };
  using Messages = boost::intrusive::multiset<
      QueueMessage, boost::intrusive::compare<Later>,
      boost::intrusive::member_hook<QueueMessage, boost::intrusive::set_member_hook<>, &QueueMessage::hook>>;
  QueueFileSystem& queues() const { return static_cast<QueueFileSystem&>(file_system()); }

  const QueueSetting setting_;
  QueueFileSystem::Account account_;
  runtime::SpinLock lock_;
  Messages messages_ GUARDED_BY(lock_);
  u64 count_ GUARDED_BY(lock_) = 0, bytes_ GUARDED_BY(lock_) = 0;
  u32 waiting_ GUARDED_BY(lock_) = 0;  // receivers
  Notification notification_ GUARDED_BY(lock_);
  runtime::WaitQueue senders_, receivers_;
  PollQueue poll_queue_;
};

/// The only directory.
class QueueDirectory final : public Inode {
 public:
  explicit QueueDirectory(QueueFileSystem& files);
  LinuxResult<Ref<Inode>> create(std::string_view, const NewInode& description) override;
  LinuxResult<> remove(std::string_view, Inode& child) override;
};

/// An open queue.
class QueueFile final : public OpenFile {
 public:
  explicit QueueFile(const OpenRequest& request) : OpenFile(request) {}
  /// The file as one of these; null if it is of another kind.
  static QueueFile* from(File& file);
  QueueInode& queue() { return static_cast<QueueInode&>(inode()); }

  /// A line about the queue.
  LinuxResult<u64> read(Task& task, Transfer& to) override;
  LinuxResult<u64> read_at(Task& task, Transfer& to, u64 offset) override;
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  u32 poll(PollTable* table) override;
  static constexpr char kKindName[] = "mqueue";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }
  void on_descriptor_close(const FileTable& table) override { queue().forget(table); }

 private:
  u64 position_ = 0;  // atomic
};

}  // namespace vari::linux
