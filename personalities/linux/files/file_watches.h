// Who wants to know what happens to files (inotify(7)): watches on inodes, and what operations tell them.
//
// Operations on files note what they did; where nobody watches anything that is one load. A directory's
// watches hear of what happens to its entries, too, by name.
#pragma once

#include <boost/intrusive/set.hpp>

#include "personalities/linux/files/inode.h"

namespace vari::linux {

class NotifyFile;  // files/notify_file.h

/// IN_…, Linux's numbers.
namespace watch_event {
inline constexpr u32 kAccess = 1, kModify = 2, kAttributes = 4, kCloseWrite = 8, kCloseNoWrite = 0x10,
                     kOpen = 0x20, kMovedFrom = 0x40, kMovedTo = 0x80, kCreate = 0x100, kDelete = 0x200,
                     kDeleteSelf = 0x400, kMoveSelf = 0x800, kAll = 0xfff;
inline constexpr u32 kUnmount = 0x2000, kOverflow = 0x4000, kIgnored = 0x8000;
inline constexpr u32 kOnlyDirectory = 0x0100'0000, kDontFollow = 0x0200'0000, kExcludeUnlinked = 0x0400'0000,
                     kMaskCreate = 0x1000'0000, kMaskAdd = 0x2000'0000, kIsDirectory = 0x4000'0000,
                     kOneShot = 0x8000'0000;
}  // namespace watch_event

/// One inode as one instance watches it.
struct FileWatch : runtime::Allocated {
  FileWatch(NotifyFile& owner, Ref<Inode> inode, i32 id, u32 mask)
      : owner(owner), inode(std::move(inode)), id(id), mask(mask) {}
  using Hook = boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>>;
  NotifyFile& owner;
  const Ref<Inode> inode;
  const i32 id;
  u32 mask;
  Hook hook;
  FileWatch* next_ended = nullptr;
};

class FileWatches final : public runtime::Allocated {
 public:
  /// fs.inotify.max_user_watches, max_user_instances; here of all users together.
  static constexpr u32 kMaximumWatches = 65536, kMaximumInstances = 128;

  FileWatches() = default;
  FileWatches(const FileWatches&) = delete;

  bool any() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED) != 0; }

  // What happened; without any spinlock held.
  /// To the object of a name: its own watches hear of it, and its directory's.
  void note(Dentry& dentry, u32 event) {
    if (any()) [[unlikely]]
      note_named(dentry, event);
  }
  void note(const Path* path, u32 event) {
    if (path && any()) [[unlikely]]
      note_named(*path->dentry, event);
  }
  /// To the object alone.
  void note_self(Inode& inode, u32 event) {
    if (any()) [[unlikely]]
      tell(inode, event, 0, {}, false);
  }
  /// To an entry of a directory. `object` says whether it is a directory itself.
  void note_entry(Inode& directory, std::string_view name, Inode& object, u32 event, u32 cookie = 0) {
    if (any()) [[unlikely]]
      tell(directory, event | directory_flag(object), cookie, name, false);
  }
  /// The object is no more: what watches it ends.
  void note_gone(Inode& inode) {
    if (any()) [[unlikely]]
      end_watches(inode, watch_event::kDeleteSelf);
  }
  /// Ties the two halves of a rename.
  u32 new_cookie() { return __atomic_add_fetch(&last_cookie_, 1, __ATOMIC_RELAXED); }

  /// inotify_add_watch: the watch's number. NoSpace, Exists.
  LinuxResult<i32> add(NotifyFile& owner, Inode& inode, u32 mask) EXCLUDES(mutex_);
  /// Invalid: no such watch.
  LinuxResult<> remove(NotifyFile& owner, i32 id) EXCLUDES(mutex_);
  void remove_all(NotifyFile& owner) EXCLUDES(mutex_);
  /// The last mount of a file system goes.
  void note_unmounted(FileSystem& file_system) EXCLUDES(mutex_);
  bool add_instance();
  void remove_instance() { __atomic_fetch_sub(&instances_, 1, __ATOMIC_RELAXED); }

 private:
  struct Key {
    const Inode* inode;
    const NotifyFile* owner;
  };
  struct Less {
    static bool less(const Key& a, const Key& b) {
      return a.inode != b.inode ? a.inode < b.inode : a.owner < b.owner;
    }
    static Key key(const FileWatch& watch) { return {watch.inode.get(), &watch.owner}; }
    bool operator()(const FileWatch& a, const FileWatch& b) const { return less(key(a), key(b)); }
    bool operator()(const Key& a, const FileWatch& b) const { return less(a, key(b)); }
    bool operator()(const FileWatch& a, const Key& b) const { return less(key(a), b); }
  };
  static u32 directory_flag(Inode& inode) {
    return inode.is(FileKind::Directory) ? watch_event::kIsDirectory : 0;
  }
  void note_named(Dentry& dentry, u32 event) EXCLUDES(mutex_);
  void tell(Inode& inode, u32 event, u32 cookie, std::string_view name, bool unlinked) EXCLUDES(mutex_);
  void end_watches(Inode& inode, u32 event) EXCLUDES(mutex_);
  FileWatch* first_of_locked(const Inode& inode) REQUIRES(mutex_);
  FileWatch* after_locked(FileWatch& watch) REQUIRES(mutex_);
  /// Out of the table, with IN_IGNORED for its owner; the caller deletes it without mutex_.
  void take_out_locked(FileWatch& watch, bool told) REQUIRES(mutex_);

  runtime::Mutex mutex_;
  boost::intrusive::set<FileWatch,
                        boost::intrusive::member_hook<FileWatch, FileWatch::Hook, &FileWatch::hook>,
                        boost::intrusive::compare<Less>, boost::intrusive::constant_time_size<false>>
      watches_ GUARDED_BY(mutex_);
  u32 count_ = 0;  // atomic; changed under mutex_
  u32 last_cookie_ = 0, instances_ = 0;
};

}  // namespace vari::linux
