// What the three kinds of System V IPC share (svipc(7)): an object with a key, an owner and a mode, found by
// a number that is not used again soon, and a table of each kind.
#pragma once

#include "base/types.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/process/credentials.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class Task;

namespace ipc {

inline constexpr i32 kPrivateKey = 0;
inline constexpr u32 kCreate = 01000, kExclusive = 02000, kNoWait = 04000;
inline constexpr u32 kMayRead = 4, kMayWrite = 2;
enum Command : u32 { kRemove = 0, kSet = 1, kStat = 2, kInfo = 3 };

/// struct ipc64_perm.
struct Permission {
  i32 key;
  u32 user, group, creator_user, creator_group, mode;
  u16 sequence, padding;
  u64 unused[2];
};
static_assert(sizeof(Permission) == 48);

class Object : public runtime::Managed {
 public:
  i32 id() const { return id_; }
  i32 key() const { return key_; }
  /// Access: the mode does not grant it.
  LinuxResult<> check(const Identity& identity, u32 wanted) const;
  /// IPC_SET and IPC_RMID: owner, creator or root. Perm.
  LinuxResult<> check_owner(const Identity& identity) const;
  Permission permission() const;
  /// IPC_SET's part that is the same for all.
  void change(const Permission& wanted);
  bool removed() const { return __atomic_load_n(&removed_, __ATOMIC_ACQUIRE); }

 protected:
  Object(const Identity& creator, i32 key, u32 mode);

 private:
  friend class TableBase;
  i32 id_ = -1;
  i32 key_;
  u32 user_, group_;
  const u32 creator_user_, creator_group_;
  u32 mode_;
  bool removed_ = false;  // atomic
};

/// The objects of one kind. Numbers are slot + generation * kMost.
class TableBase {
 public:
  static constexpr u32 kMost = 1024;
  TableBase() = default;
  ~TableBase();
  TableBase(const TableBase&) = delete;

  /// Invalid: there is none; IdRemoved is what waiters get.
  LinuxResult<Ref<Object>> find(i32 id) EXCLUDES(lock_);
  Ref<Object> find_key(i32 key) EXCLUDES(lock_);
  /// In slot `index`, for *_STAT and /proc; empty where there is none.
  Ref<Object> at(u32 index) EXCLUDES(lock_);
  /// NoSpace: too many. Exists: another of that key was faster.
  LinuxResult<i32> add(Object& object) EXCLUDES(lock_);
  /// Nobody finds it any more.
  void remove(Object& object) EXCLUDES(lock_);
  /// The key goes, so that it may name another; the number still finds it (shared memory, until the last
  /// detach).
  void hide_key(Object& object) EXCLUDES(lock_);
  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED); }

 private:
  runtime::SpinLock lock_;
  Ref<Object> slots_[kMost] GUARDED_BY(lock_);
  u16 generations_[kMost] GUARDED_BY(lock_) = {};
  u32 count_ = 0;
};

template <class T>
class Table : public TableBase {
 public:
  LinuxResult<Ref<T>> find(i32 id) { return cast(TRY(TableBase::find(id))); }
  Ref<T> at(u32 index) { return cast(TableBase::at(index)); }

  /// What shmget, semget and msgget do with key and flags. `fits` judges one that is there, `make` makes one.
  template <class Fits, class Make>
  LinuxResult<i32> get(const Identity& identity, i32 key, u32 flags, Fits fits, Make make) {
    if (key != kPrivateKey) {
      if (const auto found = cast(TableBase::find_key(key))) {
        if ((flags & kCreate) && (flags & kExclusive)) return std::unexpected(Errno::Exists);
        TRY(found->check(identity, (flags >> 6 | flags >> 3 | flags) & 7));
        TRY(fits(*found));
        return found->id();
      }
      if (!(flags & kCreate)) return std::unexpected(Errno::NoEntry);
    }
    Ref<T> made = TRY(make(flags & 0777));
    return add(*made);
  }

 private:
  static Ref<T> cast(Ref<Object> object) { return Ref<T>::adopt(static_cast<T*>(object.leak())); }
};

}  // namespace ipc
}  // namespace vari::linux
