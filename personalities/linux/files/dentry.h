// A dentry: a name in a directory. The dentries of directories whose file system keeps its names
// (tmpfs, devtmpfs) are the directory: the parent holds a reference to each child until it is
// removed. Those of a file system that revalidates its names (a served folder) are found through their
// parent, too, so that a name in use has one dentry, but die with their last user. Others (procfs) are
// made afresh by each look-up. See file_system.h: NamePolicy.
//
// Locks: children, name and parent of a dentry are read under its own spinlock; they are changed under
// it *and* the mutex of the directory inodes concerned. So who holds a directory's mutex sees a stable
// set of names, and a path walk takes only short spinlocks.
#pragma once

#include <boost/intrusive/set.hpp>
#include <string_view>

#include "personalities/linux/files/inode.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class Dentry final : public runtime::Allocated {
 public:
  static constexpr std::size_t kMaximumName = 255;

  void acquire() { __atomic_fetch_add(&references_, 1, __ATOMIC_RELAXED); }
  /// The last release destroys it, and its parent if that was held by it alone, and so on upwards: in a
  /// loop, since a program can make the tree as deep as it likes.
  void release() {
    if (drop()) destroy_upwards(this);
  }

  /// A dentry outside any tree: a root ("/"), or an anonymous object ("pipe:[7]"). NameTooLong, NoMemory.
  static LinuxResult<Ref<Dentry>> create_root(Ref<Inode> inode, std::string_view name);
  /// A name in `parent` that is not (yet) among its children.
  static LinuxResult<Ref<Dentry>> create(Dentry& parent, Ref<Inode> inode, std::string_view name);
  /// For a dentry that was created with a null inode, before it is attached: so that all memory is at hand
  /// before the file system does something that can't be undone.
  void set_inode(Ref<Inode> inode) { inode_ = std::move(inode); }
  /// Detaches all names below `root`, which nobody uses any longer: its file system was unmounted.
  static void tear_down(Dentry& root);

  Inode& inode() const { return *inode_; }
  /// The directory that the name stands in; the dentry itself for a root.
  Ref<Dentry> parent();
  bool is_root() const { return __atomic_load_n(&parent_, __ATOMIC_RELAXED) == nullptr; }
  /// Copies the name; its length.
  std::size_t copy_name(std::span<char, kMaximumName + 1> to);
  /// True once the name was removed (the object may live on).
  bool removed() const { return __atomic_load_n(&removed_, __ATOMIC_ACQUIRE); }
  /// True for a directory that is gone: nothing can be in it. Where the names are somebody else's, only
  /// they can say.
  bool is_gone() const;
  /// For an object that never had a name (O_TMPFILE).
  void mark_removed() { __atomic_store_n(&removed_, true, __ATOMIC_RELEASE); }
  /// True if some mount sits on it (in any namespace): a hint that the mount table is to be asked.
  bool is_mount_point() const { return __atomic_load_n(&mounts_, __ATOMIC_ACQUIRE) != 0; }
  void add_mount(int change) { __atomic_fetch_add(&mounts_, change, __ATOMIC_ACQ_REL); }

  /// The child of that name, or null. A child whose last user is just letting go of it does not count.
  Ref<Dentry> find(std::string_view name);
  bool has_children();
  // With the directory's mutex held:
  /// Makes `child`, which was created for this directory, one of its children: held by this dentry, or,
  /// where the file system revalidates its names, as long as somebody else holds it.
  void attach(Ref<Dentry> child) EXCLUDES(lock_);
  /// Takes the child out; it is `removed()` from now on.
  void detach(Dentry& child) EXCLUDES(lock_);
  /// Moves `child` here under a new name (memory for which the caller has reserved, see Name); `replaced`,
  /// if any, is detached in the same step.
  class Name;
  static void move(Dentry& child, Dentry& to, Name&& name, Dentry* replaced);
  /// Exchanges the places of two dentries.
  static void exchange(Dentry& a, Dentry& b);

  /// The first child at or behind a directory position (>= 2), or null. Positions are never reused, so a
  /// program that reads a directory meanwhile sees each lasting name exactly once.
  struct Positioned {
    Ref<Dentry> child;
    u64 position = 0;
  };
  Positioned child_at(u64 position);
  /// The one behind `child`, which is one or was.
  Ref<Dentry> child_after(const Dentry& child);
  /// The name of the file system's object `number` at or below this root, or null: all names are looked at,
  /// while no directory moves (the caller holds the Vfs' rename mutex).
  Ref<Dentry> find_number(u64 number);

  /// Owned bytes of a name.
  class Name {
   public:
    static LinuxResult<Name> create(std::string_view text);
    Name() = default;
    Name(Name&& other) noexcept;
    Name& operator=(Name&& other) noexcept;
    ~Name();
    std::string_view text() const { return {is_long() ? long_ : short_, length_}; }

   private:
    static constexpr std::size_t kShort = 31;
    bool is_long() const { return length_ > kShort; }
    u8 length_ = 0;
    union {
      char short_[kShort] = {};
      char* long_;
    };
  };

 private:
  Dentry(Ref<Inode> inode, Name name, Ref<Dentry> parent);
  ~Dentry();
  bool drop() { return __atomic_fetch_sub(&references_, 1, __ATOMIC_ACQ_REL) == 1; }
  /// False once the last reference has gone. With the parent's lock_ held, and while the parent lists it.
  bool acquire_if_living();
  static void destroy_upwards(Dentry* dying);
  static void note_end(Dentry& dying);
  template <class T, class... A>
  friend Result<Ref<T>> runtime::make(A&&... arguments);

  using Hook = boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                                 boost::intrusive::optimize_size<true>>;
  struct ByName {
    bool operator()(const Dentry& a, const Dentry& b) const;
  };
  struct ByPosition {
    bool operator()(const Dentry& a, const Dentry& b) const { return a.position_ < b.position_; }
  };
  struct Key {
    u32 hash;
    std::string_view name;
  };
  struct KeyCompare {
    bool operator()(const Key& key, const Dentry& dentry) const;
    bool operator()(const Dentry& dentry, const Key& key) const;
  };
  static u32 hash_of(std::string_view name);
  void attach_locked(Dentry& child) REQUIRES(lock_);
  void detach_locked(Dentry& child) REQUIRES(lock_);
  static void lock_both(Dentry& a, Dentry& b) NO_THREAD_SAFETY_ANALYSIS;
  static void unlock_both(Dentry& a, Dentry& b) NO_THREAD_SAFETY_ANALYSIS;

  u32 references_ = 1;  // atomic
  runtime::SpinLock lock_;
  Ref<Inode> inode_;
  Name name_;       // changed under own lock_ and the parent's
  Dentry* parent_;  // a reference; likewise. Null: a root
  u32 hash_ = 0;    // likewise
  u32 mounts_ = 0;  // atomic
  bool removed_ = false;
  bool weak_ = false;  // listed by a parent that holds no reference to it; guarded by the parent's lock_
  u64 position_ = 0;   // changed under the parent's lock_
  Hook name_hook_, position_hook_;
  u64 last_position_ GUARDED_BY(lock_) = 1;
  u32 child_count_ = 0;  // atomic; changed under lock_
  boost::intrusive::set<Dentry, boost::intrusive::member_hook<Dentry, Hook, &Dentry::name_hook_>,
                        boost::intrusive::compare<ByName>, boost::intrusive::constant_time_size<false>>
      by_name_ GUARDED_BY(lock_);
  boost::intrusive::set<Dentry, boost::intrusive::member_hook<Dentry, Hook, &Dentry::position_hook_>,
                        boost::intrusive::compare<ByPosition>, boost::intrusive::constant_time_size<false>>
      by_position_ GUARDED_BY(lock_);
};

}  // namespace vari::linux
