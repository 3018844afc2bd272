// epoll: a set of files that are watched, and the list of those that may be ready.
//
// An item sits in its file's poll queues for as long as it lives; a change puts it on the ready list.
// Locks, in this order: Vfs::epoll_mutex() (which files have which items), the set's mutex_ (its items),
// a file's queue, the set's ready_lock_.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "personalities/linux/files/anonymous.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Epoll;

/// The kernel's struct epoll_event, packed on x86-64.
struct [[gnu::packed]] EpollEvent {
  u32 events;
  u64 data;
};
static_assert(sizeof(EpollEvent) == 12);

/// One watched descriptor.
class EpollItem final : public runtime::Allocated, private PollTable {
 public:
  EpollItem(Epoll& set, File& file, i32 descriptor) : set_(set), file_(file), descriptor_(descriptor) {}
  ~EpollItem() = default;

 private:
  friend class Epoll;
  friend class File;
  struct Watch final : PollObserver {
    bool on_events(u32 events) override;
    void share() { shares_ = true; }
    EpollItem* item = nullptr;
    PollQueue* queue = nullptr;
  };
  /// No file here has more queues than two.
  static constexpr unsigned kQueues = 4;
  void watch(PollQueue& queue) override;
  void leave_queues();

  Epoll& set_;
  File& file_;  // not a reference: File::on_last_release() ends the item
  const i32 descriptor_;
  u32 events_ = 0;  // atomic; 0 while disabled (EPOLLONESHOT)
  u64 data_ = 0;    // under the set's mutex_
  Watch watches_[kQueues];
  bool exclusive_ = false;
  bool ready_ = false;    // on the ready list; under ready_lock_
  bool changed_ = false;  // told of a change since it was last a candidate; likewise
  EpollItem* next_of_file_ = nullptr;
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> ready_hook_;
  boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> set_hook_;
};

class Epoll final : public AnonymousFile {
 public:
  static constexpr u32 kAdd = 1, kRemove = 2, kModify = 3;
  static constexpr u32 kEdge = 1u << 31, kOneShot = 1u << 30, kExclusive = 1u << 28, kWakeUp = 1u << 29;
  /// Sets within sets within sets….
  static constexpr u32 kMaximumNesting = 5;

  static LinuxResult<Ref<File>> create(Task& task);
  Epoll(Ref<Inode> inode) : AnonymousFile(std::move(inode), kReadWrite) {}
  ~Epoll() override;

  LinuxResult<> control(u32 operation, i32 descriptor, File& file, const EpollEvent& event);
  /// Up to events.size() of them; how many. Blocks until there is one, or the deadline.
  LinuxResult<u32> wait(std::span<EpollEvent> events, Nanoseconds deadline);
  /// How many may be ready: so much room serves a wait.
  u32 candidates() const { return __atomic_load_n(&ready_count_, __ATOMIC_ACQUIRE); }
  /// The set of a file that is one; null otherwise.
  static Epoll* from(File& file);
  /// The file goes: its items go before it.
  static void forget(File& file);

  LinuxResult<u64> read(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::Invalid); }
  u32 poll(PollTable* table) override;
  static constexpr char kKindName[] = "anon_inode:[eventpoll]";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

 private:
  friend class EpollItem;
  struct ByKey {
    bool operator()(const EpollItem& a, const EpollItem& b) const {
      return &a.file_ != &b.file_ ? &a.file_ < &b.file_ : a.descriptor_ < b.descriptor_;
    }
  };
  EpollItem* find_locked(File& file, i32 descriptor) REQUIRES(mutex_);
  void arm(EpollItem& item, const EpollEvent& event) REQUIRES(mutex_);
  bool mark_ready(EpollItem& item) EXCLUDES(ready_lock_);
  /// Some item that is listed as ready is.
  bool truly_ready() EXCLUDES(mutex_);
  LinuxResult<> check_nesting(Epoll& inner);
  u32 depth_below(const Epoll& unwanted) NO_THREAD_SAFETY_ANALYSIS;
  u32 depth_above();
  EpollItem* watching_items();
  void forget_depths() NO_THREAD_SAFETY_ANALYSIS;
  LinuxResult<> add(i32 descriptor, File& file, const EpollEvent& event) REQUIRES(mutex_);
  EpollItem* next_candidate() EXCLUDES(ready_lock_);
  void retire(EpollItem& item) EXCLUDES(ready_lock_);
  bool wake_sleeper();
  void remove_item(EpollItem& item) REQUIRES(mutex_);
  u32 collect(std::span<EpollEvent> events) EXCLUDES(mutex_);
  bool has_ready() const { return __atomic_load_n(&ready_count_, __ATOMIC_ACQUIRE) != 0; }

  runtime::Mutex mutex_;
  boost::intrusive::set<
      EpollItem,
      boost::intrusive::member_hook<EpollItem, decltype(EpollItem::set_hook_), &EpollItem::set_hook_>,
      boost::intrusive::compare<ByKey>, boost::intrusive::constant_time_size<false>>
      items_ GUARDED_BY(mutex_);
  // Under Vfs::epoll_mutex().
  bool contains_sets_ = false;  // or did once
  bool depth_known_ = false;    // while somebody adds a set to a set
  u32 depth_ = 0;
  using Ready = boost::intrusive::list<
      EpollItem,
      boost::intrusive::member_hook<EpollItem, decltype(EpollItem::ready_hook_), &EpollItem::ready_hook_>,
      boost::intrusive::constant_time_size<false>>;
  runtime::SpinLock ready_lock_;
  Ready ready_ GUARDED_BY(ready_lock_);
  u32 ready_count_ = 0;  // atomic; changed under ready_lock_
  u32 sleepers_ = 0;     // atomic: threads about to wait, or waiting
  runtime::WaitQueue waiters_;
  PollQueue poll_queue_;
};

}  // namespace vari::linux
