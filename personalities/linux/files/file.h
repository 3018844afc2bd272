// An open file description: what a descriptor refers to. One class a kind of file overrides what it can do.
#pragma once

#include <algorithm>
#include <bit>
#include <span>
#include <string_view>

#include "base/types.h"
#include "interfaces/place.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/files/path.h"
#include "personalities/linux/files/poll_queue.h"
#include "personalities/linux/files/transfer.h"
#include "runtime/memory.h"
#include "runtime/wait.h"

namespace vari::linux {

class Task;          // process/task.h: one thread of a process
class Inode;         // files/inode.h
class FileTable;     // files/file_table.h
class EpollItem;     // files/epoll.h
class Socket;        // sockets/socket.h
class InFlightNode;  // sockets/files_in_flight.h

/// poll(2)'s events.
namespace poll_event {
inline constexpr u32 kIn = 0x1, kPriority = 0x2, kOut = 0x4, kError = 0x8, kHangUp = 0x10, kInvalid = 0x20,
                     kReadNormal = 0x40, kWriteNormal = 0x100, kReadHangUp = 0x2000;
}

/// Collects the queues that a poll has to sit in. A file calls watch() for each queue that is woken when
/// its events change, *before* it looks at its state. The queue lives at least as long as the file.
class PollTable {
 public:
  virtual void watch(PollQueue& queue) = 0;

 protected:
  ~PollTable() = default;
};

/// What mmap maps of a file: pages by index.
class MemoryObject : public runtime::Managed {
 public:
  /// The frame of page `index`, with one reference taken for the caller (memory/frame_references.h).
  /// BadFile beyond the end of the object: the access gets SIGBUS. May block.
  virtual LinuxResult<Frame> page(u64 index, bool for_write) = 0;
  /// With the memory map's lock held that is about to map it: Perm, or no mprotect to writable later.
  virtual LinuxResult<> check_mapping(bool /*shared*/, bool /*write*/, bool& /*may_write*/) { return {}; }
  /// Which of the pages from `first` on are at hand without waiting: their frames, each with a reference
  /// taken for the caller; Frame{} for the others.
  virtual void resident(u64, std::span<Frame> frames) { std::ranges::fill(frames, Frame{}); }
  /// True: a page may be mapped for writing by a shared mapping only after page(…, true), each time anew
  /// after write_back(): the object brings what was written elsewhere.
  virtual bool tracks_writes() const { return false; }
  /// Writes pages of [first, first + count) that shared mappings may have changed to where they belong.
  /// `mine`: how many mappings of each page the caller keeps, and has made read-only before.
  virtual LinuxResult<> write_back(u64, u64, u32) { return {}; }
  /// Who is behind it, where several objects show the same pages: what futexes know a shared word by.
  virtual const MemoryObject* identity() const { return this; }
  /// What shmdt takes away; 0: it was not attached by shmat.
  virtual u64 attached_bytes() const { return 0; }
  /// The name for /proc/PID/maps; device and inode numbers likewise.
  virtual std::string_view name() const { return {}; }
  virtual u64 inode_number() const { return 0; }
};

class DirectorySink {
 public:
  /// False: the caller's buffer is full; the same entry is offered again next time.
  virtual bool on_entry(u64 inode, u64 next_position, u8 type, std::string_view name) = 0;

 protected:
  ~DirectorySink() = default;
};

class File : public runtime::Managed {
 public:
  // Open flags, Linux's numbers (x86-64).
  static constexpr u32 kReadOnly = 0, kWriteOnly = 1, kReadWrite = 2, kAccessMode = 3, kCreate = 0100,
                       kExclusive = 0200, kNoControllingTerminal = 0400, kTruncate = 01000, kAppend = 02000,
                       kNonBlock = 04000, kDirectory = 0200000, kNoFollow = 0400000, kCloseOnExec = 02000000,
                       kPath = 010000000;

  /// Reads at the position of this description and moves it. Blocks unless kNonBlock is set (Again).
  /// 0 at the end of file. A blocking read that a signal ends returns RestartIfHandlerSays.
  virtual LinuxResult<u64> read(Task& task, Transfer& to) = 0;
  virtual LinuxResult<u64> write(Task& task, Transfer& from) = 0;
  /// Positional variants; IllegalSeek where the file has no positions.
  virtual LinuxResult<u64> read_at(Task&, Transfer&, u64) { return std::unexpected(Errno::IllegalSeek); }
  virtual LinuxResult<u64> write_at(Task&, Transfer&, u64) { return std::unexpected(Errno::IllegalSeek); }
  virtual LinuxResult<u64> seek(i64, int) { return std::unexpected(Errno::IllegalSeek); }
  /// Events that hold now; with a table, also registers for changes.
  virtual u32 poll(PollTable* table) = 0;
  /// `argument` is as the program gave it, mostly a user address.
  virtual LinuxResult<u64> ioctl(Task&, u32, u64) { return std::unexpected(Errno::NotTerminal); }
  virtual LinuxResult<> read_directory(Task&, DirectorySink&) { return std::unexpected(Errno::NotDirectory); }
  virtual LinuxResult<> truncate(Task&, u64) { return std::unexpected(Errno::Invalid); }
  /// fsync. Where memory is all there is, what is written is as safe as it gets.
  virtual LinuxResult<> synchronise(bool) { return {}; }
  virtual LinuxResult<Ref<MemoryObject>> memory_object() { return std::unexpected(Errno::NoDevice); }
  /// The inode for fstat and friends; every file has one (pipes and terminals an anonymous one).
  virtual Inode& inode() = 0;
  /// Its name in the tree, for fchdir, the *at family, /proc/PID/fd and /proc/PID/maps; null where it
  /// has none (pipes, eventfds).
  virtual const Path* path() const { return nullptr; }
  /// For /proc/PID/fd where there is no path: "pipe" gives "pipe:[7]".
  virtual std::string_view kind_name() const { return "anon_inode"; }
  /// The file as what it is, null if it is another: a Kind has a kKindName, which its kind_name() gives and
  /// no other's. That array is compared by its place, for calls ask this each time.
  template <class Kind>
  Kind* as() {
    return kind_name().data() == Kind::kKindName ? static_cast<Kind*>(this) : nullptr;
  }
  /// The socket of a file that is one; null otherwise.
  virtual Socket* as_socket() { return nullptr; }
  /// Whether a message can carry it (SCM_RIGHTS).
  virtual bool may_be_sent() const { return true; }
  /// Of a file that holds messages with descriptors; null otherwise.
  virtual InFlightNode* in_flight_node() { return nullptr; }
  /// One of `table`'s descriptors no longer leads here. Never allocates.
  virtual void on_descriptor_close(const FileTable&) {}
  /// The position for /proc/PID/fdinfo.
  virtual u64 position() const { return 0; }

  /// Seals (memfd_create): the bits of F_GET_SEALS. Invalid for what can't be sealed.
  virtual LinuxResult<u32> seals() { return std::unexpected(Errno::Invalid); }
  virtual LinuxResult<> add_seals(u32) { return std::unexpected(Errno::Invalid); }

  /// F_SETOWN's: kept, and told by F_GETOWN; no SIGIO is sent.
  struct Owner {
    i32 type, id;
  };
  Owner owner() const { return std::bit_cast<Owner>(__atomic_load_n(&owner_, __ATOMIC_RELAXED)); }
  void set_owner(Owner owner) { __atomic_store_n(&owner_, std::bit_cast<u64>(owner), __ATOMIC_RELAXED); }
  u8 owner_signal() const { return __atomic_load_n(&owner_signal_, __ATOMIC_RELAXED); }
  void set_owner_signal(u8 number) { __atomic_store_n(&owner_signal_, number, __ATOMIC_RELAXED); }
  /// It counts in its inode (Inode::begin_writing, deny_writing) until its end. Once, before it is shared.
  void hold_writing(i8 change) { writing_ = change; }

  u32 flags() const { return __atomic_load_n(&flags_, __ATOMIC_RELAXED); }
  /// F_SETFL: only append, non-block and the like can change.
  void set_flags(u32 flags) { __atomic_store_n(&flags_, flags, __ATOMIC_RELAXED); }
  bool can_read() const { return (flags() & kAccessMode) != kWriteOnly && !(flags() & kPath); }
  bool can_write() const { return (flags() & kAccessMode) != kReadOnly && !(flags() & kPath); }

 protected:
  explicit File(u32 flags) : flags_(flags) {}
  ~File() override;
  /// Leaves the epoll sets that watch it, then destroys it.
  void on_last_release() override;

 private:
  friend class Epoll;
  u32 flags_;
  u64 owner_ = std::bit_cast<u64>(Owner{1, 0});
  u8 owner_signal_ = 0;
  i8 writing_ = 0;                    // 1: counted as a writer of its inode; -1: keeps writers off
  EpollItem* epoll_items_ = nullptr;  // guarded by Vfs::epoll_mutex()
};

}  // namespace vari::linux
