// See epoll.h.
#include "personalities/linux/files/epoll.h"

#include "personalities/linux/files/vfs.h"

namespace vari::linux {

using runtime::Guard;

namespace {
constexpr u32 kAlwaysReported = poll_event::kError | poll_event::kHangUp;
}

bool EpollItem::Watch::on_events(u32 events) {
  const u32 wanted = __atomic_load_n(&item->events_, __ATOMIC_RELAXED);
  if (!wanted || (events != 0 && !(events & (wanted | kAlwaysReported)))) return false;
  return item->set_.mark_ready(*item);
}

void EpollItem::watch(PollQueue& queue) {
  for (auto& watch : watches_) {
    if (watch.queue) continue;
    watch.item = this;
    watch.queue = &queue;
    if (exclusive_) watch.share();
    queue.add(watch);
    return;
  }
  UNREACHABLE();
}

void EpollItem::leave_queues() {
  for (auto& watch : watches_) {
    if (watch.queue) watch.queue->remove(watch);
    watch.queue = nullptr;
  }
}

LinuxResult<Ref<File>> Epoll::create(Task& task) {
  return TRY(runtime::make<Epoll>(TRY(make_anonymous_inode(task, FileKind::Regular))));
}

Epoll* Epoll::from(File& file) {
  return file.as<Epoll>();
}

Epoll::~Epoll() {
  Guard links(inode().file_system().vfs().epoll_mutex());
  Guard guard(mutex_);
  while (!items_.empty()) remove_item(*items_.begin());
}

void Epoll::forget(File& file) {
  Guard links(file.inode().file_system().vfs().epoll_mutex());
  while (EpollItem* item = file.epoll_items_) {
    Epoll& set = item->set_;
    Guard guard(set.mutex_);
    set.remove_item(*item);
  }
}

/// The items by which other sets watch this one.
EpollItem* Epoll::watching_items() {
  return File::epoll_items_;
}

EpollItem* Epoll::find_locked(File& file, i32 descriptor) {
  for (EpollItem* item = file.epoll_items_; item; item = item->next_of_file_) {
    if (&item->set_ == this && item->descriptor_ == descriptor) return item;
  }
  return nullptr;
}

// With Vfs::epoll_mutex() held, too.
void Epoll::remove_item(EpollItem& item) {
  item.leave_queues();
  {
    Guard guard(ready_lock_);
    if (item.ready_) {
      ready_.erase(ready_.iterator_to(item));
      __atomic_store_n(&ready_count_, ready_count_ - 1, __ATOMIC_RELEASE);
    }
  }
  items_.erase(items_.iterator_to(item));
  EpollItem** link = &item.file_.epoll_items_;
  while (*link != &item) link = &(*link)->next_of_file_;
  // Order: see File::on_last_release().
  __atomic_store_n(link, item.next_of_file_, __ATOMIC_RELEASE);
  delete &item;
}

void Epoll::arm(EpollItem& item, const EpollEvent& event) {
  item.data_ = event.data;
  __atomic_store_n(&item.events_, event.events | kAlwaysReported, __ATOMIC_SEQ_CST);
  // What holds already counts as a change, also for edges.
  if (item.file_.poll(nullptr) & (event.events | kAlwaysReported)) mark_ready(item);
}

LinuxResult<> Epoll::add(i32 descriptor, File& file, const EpollEvent& event) {
  Epoll* inner = from(file);
  const bool exclusive = event.events & kExclusive;
  constexpr u32 kSharable =
      poll_event::kIn | poll_event::kOut | kAlwaysReported | kWakeUp | kEdge | kExclusive;
  if (exclusive && (inner || (event.events & ~kSharable))) return std::unexpected(Errno::Invalid);
  if (inner) TRY(check_nesting(*inner));
  auto* item = new (runtime::kFallible) EpollItem(*this, file, descriptor);
  if (!item) return std::unexpected(Errno::NoMemory);
  item->exclusive_ = exclusive;
  contains_sets_ |= inner != nullptr;
  items_.insert(*item);
  item->next_of_file_ = file.epoll_items_;
  __atomic_store_n(&file.epoll_items_, item, __ATOMIC_RELEASE);
  file.poll(item);
  arm(*item, event);
  return {};
}

LinuxResult<> Epoll::control(u32 operation, i32 descriptor, File& file, const EpollEvent& event) {
  if (&file == this) return std::unexpected(Errno::Invalid);
  // Regular files and directories are always ready, and epoll refuses them.
  if (file.path() && (file.inode().is(FileKind::Regular) || file.inode().is(FileKind::Directory)))
    return std::unexpected(Errno::Perm);
  Guard links(inode().file_system().vfs().epoll_mutex());
  Guard guard(mutex_);
  EpollItem* item = find_locked(file, descriptor);
  if (operation == kAdd) {
    if (item) return std::unexpected(Errno::Exists);
    return add(descriptor, file, event);
  }
  if (operation != kModify && operation != kRemove) return std::unexpected(Errno::Invalid);
  if (operation == kModify && (event.events & kExclusive)) return std::unexpected(Errno::Invalid);
  if (!item) return std::unexpected(Errno::NoEntry);
  if (operation == kModify) {
    if (item->exclusive_) return std::unexpected(Errno::Invalid);
    arm(*item, event);
    return {};
  }
  remove_item(*item);
  return {};
}

bool Epoll::mark_ready(EpollItem& item) {
  {
    Guard guard(ready_lock_);
    item.changed_ = true;
    if (!item.ready_) {
      item.ready_ = true;
      ready_.push_back(item);
      __atomic_store_n(&ready_count_, ready_count_ + 1, __ATOMIC_RELEASE);
    }
  }
  const bool woken = wake_sleeper();
  poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
  return woken;
}

/// Order: the fence pairs with the count's in wait(): who counts itself too late to be seen here finds what
/// has been listed before.
bool Epoll::wake_sleeper() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return __atomic_load_n(&sleepers_, __ATOMIC_RELAXED) != 0 && waiters_.wake_one();
}

/// The first in line, which goes to its end: all others have their turn before it comes again.
EpollItem* Epoll::next_candidate() {
  EpollItem* item = nullptr;
  {
    Guard guard(ready_lock_);
    if (ready_.empty()) return nullptr;
    item = &ready_.front();
    ready_.splice(ready_.end(), ready_, ready_.begin());
    item->changed_ = false;
  }
  // Order: before the file is asked, so that a change after its answer is noted again.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return item;
}

/// What next_candidate() gave is none any longer, unless there has been a change meanwhile.
void Epoll::retire(EpollItem& item) {
  Guard guard(ready_lock_);
  if (item.changed_) return;
  item.ready_ = false;
  ready_.erase(ready_.iterator_to(item));
  __atomic_store_n(&ready_count_, ready_count_ - 1, __ATOMIC_RELEASE);
}

u32 Epoll::collect(std::span<EpollEvent> events) {
  Guard guard(mutex_);
  u32 count = 0;
  for (u32 left = candidates(); count < events.size() && left > 0; --left) {
    EpollItem* item = next_candidate();
    if (!item) break;
    const u32 wanted = __atomic_load_n(&item->events_, __ATOMIC_RELAXED);
    const u32 events_now = wanted ? item->file_.poll(nullptr) & wanted : 0;
    if (events_now) events[count++] = {events_now, item->data_};
    if (events_now && (wanted & kOneShot)) __atomic_store_n(&item->events_, 0, __ATOMIC_RELAXED);
    // Level-triggered: a candidate until a look finds it quiet.
    if (!events_now || (wanted & (kOneShot | kEdge))) retire(*item);
  }
  return count;
}

bool Epoll::truly_ready() {
  Guard guard(mutex_);
  for (u32 left = candidates(); left > 0; --left) {
    EpollItem* item = next_candidate();
    if (!item) return false;
    const u32 wanted = __atomic_load_n(&item->events_, __ATOMIC_RELAXED);
    if (item->file_.poll(nullptr) & wanted) return true;
    retire(*item);
  }
  return false;
}

LinuxResult<u32> Epoll::wait(std::span<EpollEvent> events, Nanoseconds deadline) {
  for (;;) {
    if (const u32 count = has_ready() ? collect(events) : 0) {
      // Others may have been left.
      if (has_ready()) wake_sleeper();
      return count;
    }
    if (deadline == 0) return 0;
    __atomic_fetch_add(&sleepers_, 1, __ATOMIC_SEQ_CST);
    const auto waited =
        waiters_.wait_until([&] { return has_ready(); }, deadline, runtime::Cancellation::Respect);
    __atomic_fetch_sub(&sleepers_, 1, __ATOMIC_RELAXED);
    if (waited) continue;
    if (waited.error() == Error::TimedOut) return 0;
    return std::unexpected(Errno::Interrupted);
  }
}

u32 Epoll::poll(PollTable* table) {
  if (table) table->watch(poll_queue_);
  return has_ready() && truly_ready() ? poll_event::kIn | poll_event::kReadNormal : 0;
}

}  // namespace vari::linux
