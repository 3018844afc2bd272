// An inotify instance: a queue of events that a program reads.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/files/file_watches.h"

namespace vari::linux {

class NotifyFile final : public AnonymousFile {
 public:
  static constexpr u32 kMaximumEvents = 16384;  // fs.inotify.max_queued_events

  static LinuxResult<Ref<File>> create(Task& task, u32 flags);
  NotifyFile(Ref<Inode> inode, FileWatches& watches, u32 flags);
  ~NotifyFile() override;
  /// The instance of a file that is one; null otherwise.
  static NotifyFile* from(File& file);

  FileWatches& watches() { return watches_; }
  i32 new_id() { return __atomic_add_fetch(&last_id_, 1, __ATOMIC_RELAXED); }
  /// Under the table's mutex. An event that says the same as the last one is dropped; what finds no room or
  /// no memory makes the overflow event.
  void queue(i32 watch, u32 mask, u32 cookie, std::string_view name) EXCLUDES(lock_);

  LinuxResult<u64> read(Task& task, Transfer& to) override;
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::BadFile); }
  u32 poll(PollTable* table) override;
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override;
  static constexpr char kKindName[] = "anon_inode:inotify";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

 private:
  /// struct inotify_event, which the name follows.
  struct Head {
    i32 watch = 0;
    u32 mask = 0, cookie = 0, name_bytes = 0;
  };
  struct Event : runtime::Allocated {
    Head head;
    u8 length = 0;
    char name[256] = {};
    u64 bytes() const { return sizeof head + head.name_bytes; }
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook;
  };
  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_ACQUIRE); }
  /// The first event, if it is not larger than `room`. Invalid: it is.
  LinuxResult<runtime::Owner<Event>> take(u64 room) EXCLUDES(lock_);
  void push_locked(Event& event) REQUIRES(lock_);

  FileWatches& watches_;
  runtime::SpinLock lock_;
  boost::intrusive::list<Event, boost::intrusive::member_hook<Event, decltype(Event::hook), &Event::hook>,
                         boost::intrusive::constant_time_size<false>>
      events_ GUARDED_BY(lock_);
  u32 count_ = 0;                                     // atomic; changed under lock_
  runtime::Owner<Event> overflow_ GUARDED_BY(lock_);  // reserved for when there is no room
  i32 last_id_ = 0;
  runtime::WaitQueue readers_;
  PollQueue poll_queue_;
};

}  // namespace vari::linux
