#include "personalities/linux/files/file_watches.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/notify_file.h"

namespace vari::linux {

using namespace watch_event;
using runtime::Guard;

FileWatch* FileWatches::first_of_locked(const Inode& inode) {
  const auto found = watches_.lower_bound(Key{&inode, nullptr}, Less());
  return found != watches_.end() && found->inode.get() == &inode ? &*found : nullptr;
}

FileWatch* FileWatches::after_locked(FileWatch& watch) {
  const auto next = ++watches_.iterator_to(watch);
  return next != watches_.end() && next->inode.get() == watch.inode.get() ? &*next : nullptr;
}

void FileWatches::take_out_locked(FileWatch& watch, bool told) {
  watches_.erase(watches_.iterator_to(watch));
  __atomic_store_n(&count_, count_ - 1, __ATOMIC_RELAXED);
  if (told) watch.owner.queue(watch.id, kIgnored, 0, {});
}

void FileWatches::tell(Inode& inode, u32 event, u32 cookie, std::string_view name, bool unlinked) {
  FileWatch* ended = nullptr;  // those that wanted to hear once, by their owners' order
  {
    Guard guard(mutex_);
    for (FileWatch *watch = first_of_locked(inode), *next = nullptr; watch; watch = next) {
      next = after_locked(*watch);
      if (!(watch->mask & event & kAll) || (unlinked && (watch->mask & kExcludeUnlinked))) continue;
      watch->owner.queue(watch->id, event, cookie, name);
      if (!(watch->mask & kOneShot)) continue;
      take_out_locked(*watch, true);
      watch->next_ended = std::exchange(ended, watch);
    }
  }
  while (ended) delete std::exchange(ended, ended->next_ended);
}

void FileWatches::note_named(Dentry& dentry, u32 event) {
  Inode& inode = dentry.inode();
  const u32 whole = event | directory_flag(inode);
  tell(inode, whole, 0, {}, false);
  if (dentry.is_root()) return;
  const auto parent = dentry.parent();
  char name[Dentry::kMaximumName + 1];
  const auto length = dentry.copy_name(name);
  tell(parent->inode(), whole, 0, {name, length}, dentry.removed());
}

void FileWatches::end_watches(Inode& inode, u32 event) {
  for (;;) {
    FileWatch* ended = nullptr;
    {
      Guard guard(mutex_);
      ended = first_of_locked(inode);
      if (!ended) return;
      if ((ended->mask & event) || event == kUnmount) ended->owner.queue(ended->id, event, 0, {});
      take_out_locked(*ended, true);
    }
    delete ended;
  }
}

void FileWatches::note_unmounted(FileSystem& file_system) {
  for (;;) {
    Ref<Inode> inode;
    {
      Guard guard(mutex_);
      for (auto& watch : watches_) {
        if (&watch.inode->file_system() == &file_system) inode = watch.inode;
      }
    }
    if (!inode) return;
    end_watches(*inode, kUnmount);
  }
}

LinuxResult<i32> FileWatches::add(NotifyFile& owner, Inode& inode, u32 mask) {
  Guard guard(mutex_);
  const auto found = watches_.find(Key{&inode, &owner}, Less());
  if (found != watches_.end()) {
    if (mask & kMaskCreate) return std::unexpected(Errno::Exists);
    found->mask = (mask & kMaskAdd ? found->mask : 0) | mask;
    return found->id;
  }
  if (count_ >= kMaximumWatches) return std::unexpected(Errno::NoSpace);
  auto* watch = new (runtime::kFallible) FileWatch(owner, Ref<Inode>(inode), owner.new_id(), mask);
  if (!watch) return std::unexpected(Errno::NoMemory);
  watches_.insert(*watch);
  __atomic_store_n(&count_, count_ + 1, __ATOMIC_RELAXED);
  return watch->id;
}

LinuxResult<> FileWatches::remove(NotifyFile& owner, i32 id) {
  FileWatch* found = nullptr;
  {
    Guard guard(mutex_);
    for (auto& watch : watches_) {
      if (&watch.owner == &owner && watch.id == id) found = &watch;
    }
    if (!found) return std::unexpected(Errno::Invalid);
    take_out_locked(*found, true);
  }
  delete found;
  return {};
}

void FileWatches::remove_all(NotifyFile& owner) {
  for (;;) {
    FileWatch* found = nullptr;
    {
      Guard guard(mutex_);
      for (auto& watch : watches_) {
        if (&watch.owner == &owner) found = &watch;
      }
      if (!found) return;
      take_out_locked(*found, false);
    }
    delete found;
  }
}

bool FileWatches::add_instance() {
  if (__atomic_add_fetch(&instances_, 1, __ATOMIC_RELAXED) <= kMaximumInstances) return true;
  remove_instance();
  return false;
}

}  // namespace vari::linux
