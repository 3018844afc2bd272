// Asynchronous input and output, io_submit(2): a context collects what became of the requests given to it.
//
// Reads, writes and synchronisations are done by the call that submits them, which io_submit(2) allows and
// Linux does for all but direct access to disks; a poll goes on beside its submitter.
//
// Locks: polls_mutex_, then a file's poll queue, then lock_. reapers_ is held while events are copied to a
// program, so before its memory's lock.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/files/event_files.h"
#include "personalities/linux/memory/companions.h"
#include "personalities/linux/memory/user_memory.h"
#include "personalities/linux/time/timer_service.h"
#include "runtime/synchronization.h"

namespace vari::linux {

/// struct io_event.
struct AsynchronousEvent {
  u64 data = 0;     // the request's, for the program's own use
  u64 request = 0;  // where the request stood in the program's memory
  i64 result = 0, second_result = 0;
};
static_assert(sizeof(AsynchronousEvent) == 32);

class AsynchronousContext;
class Personality;

/// Waits, for a context, until one of some events holds of a file (IOCB_CMD_POLL). Told of changes, it asks
/// the file again on the timers' thread: where the change is made, locks are held that asking may want.
class AsynchronousPoll final : public runtime::Allocated, private Timer, private PollTable {
 public:
  struct Request {
    u64 data = 0, address = 0;
    Ref<File> file;
    Ref<File> told;  // an EventFile, or null
    u32 events = 0;
  };
  AsynchronousPoll(AsynchronousContext& context, Request request)
      : context_(context), request_(std::move(request)) {}
  /// Never called by the timers' thread.
  ~AsynchronousPoll();

  /// Looks, and from now on is told.
  void start();
  /// It ends without an event of its file. False: it has ended before.
  bool cancel() { return finish(0); }
  bool finished() const { return __atomic_load_n(&finished_, __ATOMIC_ACQUIRE); }
  u64 address() const { return request_.address; }

 private:
  friend class AsynchronousContext;
  struct Watch final : PollObserver {
    bool on_events(u32 events) override;
    AsynchronousPoll* poll = nullptr;
    PollQueue* queue = nullptr;
  };
  static constexpr unsigned kQueues = 4;  // no file has more than two
  void watch(PollQueue& queue) override;
  Nanoseconds on_timer(Nanoseconds) override;
  u32 events_now() { return request_.file->poll(nullptr) & request_.events; }
  bool finish(u32 events);

  AsynchronousContext& context_;
  const Request request_;
  bool finished_ = false;  // atomic; whoever sets it tells the context
  Watch watches_[kQueues];
  boost::intrusive::list_member_hook<> hook_;
};

class AsynchronousContext final : public MemoryCompanion {
 public:
  /// fs.aio-max-nr: requests of all contexts together.
  static constexpr u64 kMostOfAll = 65536;

  /// A context for `most` requests, known by `address`. Again: too many in all; NoMemory.
  static LinuxResult<Ref<AsynchronousContext>> create(Personality& personality, u64 address, u32 most);
  AsynchronousContext(Personality& personality, u64 address, u32 most, AsynchronousEvent* events)
      : MemoryCompanion(address), personality_(personality), most_(most), events_(events) {}

  u64 most() const { return most_; }
  /// A place for one event. Again: the program must first take some.
  LinuxResult<> reserve() EXCLUDES(lock_);
  void give_back() EXCLUDES(lock_);
  /// Puts an event in a reserved place, wakes who waits for it, and signals `told`, where not null.
  void complete(const AsynchronousEvent& event, File* told) EXCLUDES(lock_);
  /// A poll that has its place, and keeps it until it ends. NoMemory.
  LinuxResult<> add_poll(AsynchronousPoll::Request request) EXCLUDES(polls_mutex_);
  /// NoEntry: there is no such request that goes on.
  LinuxResult<> cancel_poll(u64 request) EXCLUDES(polls_mutex_);
  /// Copies up to `most` events to a program and takes them out: how many. Those that it can't write stay.
  LinuxResult<u64> take(UserMemory user, u64 address, u64 most) EXCLUDES(lock_, reapers_);
  /// Blocks until there is an event. TimedOut; Interrupted; Invalid: the context has been destroyed.
  LinuxResult<> wait(Nanoseconds deadline);
  /// The end (io_destroy): polls are given up, and nobody waits here any more.
  void close() EXCLUDES(polls_mutex_);

 private:
  friend class AsynchronousPoll;
  using Polls = boost::intrusive::list<
      AsynchronousPoll,
      boost::intrusive::member_hook<AsynchronousPoll, boost::intrusive::list_member_hook<>,
                                    &AsynchronousPoll::hook_>,
      boost::intrusive::constant_time_size<false>>;
  ~AsynchronousContext() override;
  /// Lets go of polls that have ended, or of all.
  void drop_polls(bool all) EXCLUDES(polls_mutex_);
  bool has_events() const { return __atomic_load_n(&count_, __ATOMIC_ACQUIRE) != 0; }
  bool closed() const { return __atomic_load_n(&closed_, __ATOMIC_ACQUIRE); }

  Personality& personality_;
  const u32 most_;
  AsynchronousEvent* const events_;  // a ring of most_; guarded by lock_
  runtime::Mutex reapers_;
  runtime::Mutex polls_mutex_;
  Polls polls_ GUARDED_BY(polls_mutex_);
  runtime::SpinLock lock_;
  u32 first_ GUARDED_BY(lock_) = 0;
  u32 count_ = 0;  // atomic; written under lock_
  u32 reserved_ GUARDED_BY(lock_) = 0;
  bool closed_ = false;  // atomic
  runtime::WaitQueue waiters_;
};

}  // namespace vari::linux
