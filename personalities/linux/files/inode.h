// An inode: a file, directory, device node, pipe… apart from its names. File systems derive from it.
//
// Locks: mutex() orders changes to a directory (who holds it may look up, add and remove names without
// anyone interfering); the attributes have a spinlock of their own. Order: the rename mutex of the Vfs,
// then directories' mutexes (parent before child, see tree_operations.cc), then spinlocks.
#pragma once

#include <optional>
#include <string_view>

#include "personalities/linux/files/file.h"
#include "personalities/linux/files/path.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Dentry;              // files/dentry.h
class ExtendedAttributes;  // files/extended_attributes.h
class FileLocks;           // files/file_locks.h
class FileSystem;          // files/file_system.h
class Pipe;                // files/pipe.h

/// The type part of st_mode.
enum class FileKind : u32 {
  Fifo = 0010000,
  Character = 0020000,
  Directory = 0040000,
  Block = 0060000,
  Regular = 0100000,
  SymbolicLink = 0120000,
  Socket = 0140000,
};
inline constexpr u32 kKindMask = 0170000, kModeMask = 07777;
inline constexpr u32 kSetUser = 04000, kSetGroup = 02000, kSticky = 01000;

/// Device numbers in the kernel's wide form (what stat reports): 12 bits major, 20 bits minor, split.
constexpr u64 make_device(u32 major, u32 minor) {
  return (u64{minor} & 0xff) | (u64{major} & 0xfff) << 8 | (u64{minor} & ~u64{0xff}) << 12;
}
constexpr u32 device_major(u64 device) {
  return device >> 8 & 0xfff;
}
constexpr u32 device_minor(u64 device) {
  return (device & 0xff) | (device >> 12 & 0xfff00);
}

/// Times are nanoseconds since 1970.
struct Attributes {
  u32 mode = 0;  // kind and permission bits
  u32 user = 0, group = 0;
  u32 links = 1;
  u64 size = 0;
  u64 blocks = 0;  // of 512 bytes
  u64 device = 0;  // of device nodes
  i64 accessed_ns = 0, modified_ns = 0, changed_ns = 0, born_ns = 0;
};

/// What chmod, chown, utimensat change; only the fields that are set.
struct AttributeChange {
  std::optional<u32> mode = {};  // permission bits only
  std::optional<u32> user = {}, group = {};
  std::optional<i64> accessed_ns = {}, modified_ns = {};
};

/// What the new object of mknod, mkdir, symlink, open(O_CREAT) is to be.
struct NewInode {
  FileKind kind = FileKind::Regular;
  u32 mode = 0;  // permission bits, umask applied
  u32 user = 0, group = 0;
  u64 device = 0;
  std::string_view link_target = {};
};

struct OpenRequest {
  Task& task;
  const Path& path;
  u32 flags;
};

class Inode : public runtime::Managed {
 public:
  FileSystem& file_system() const { return file_system_; }
  u64 number() const { return number_; }
  FileKind kind() const { return static_cast<FileKind>(mode() & kKindMask); }
  bool is(FileKind wanted) const { return kind() == wanted; }
  u32 mode() const { return __atomic_load_n(&attributes_.mode, __ATOMIC_RELAXED); }
  runtime::Mutex& mutex() RETURN_CAPABILITY(mutex_) { return mutex_; }

  virtual Attributes attributes();
  virtual LinuxResult<> change_attributes(const AttributeChange& change);

  /// A description of an open file. The caller has checked permissions. The default serves all kinds
  /// that are the same everywhere: directories, device nodes, FIFOs.
  virtual LinuxResult<Ref<File>> open(const OpenRequest& request);
  virtual LinuxResult<> truncate(Task&, u64) { return std::unexpected(Errno::Invalid); }

  /// Symbolic links: up to `to.size()` bytes of the target; how many.
  virtual LinuxResult<u64> read_link(Task&, std::span<char>) { return std::unexpected(Errno::Invalid); }
  /// Links that lead to an object rather than to a text (/proc/PID/exe, /proc/PID/fd/N).
  virtual bool is_magic_link() const { return false; }
  virtual LinuxResult<Path> follow_magic_link(Task&) { return std::unexpected(Errno::NoEntry); }

  /// The object of a name, where FileSystem::names() is not Kept. With or without mutex().
  virtual LinuxResult<Ref<Inode>> look_up(Task&, std::string_view) { return std::unexpected(Errno::NoEntry); }
  // Changes of directories. All are called with mutex() held; the caller has checked that names are new or
  // there, and permissions, and changes the dentries afterwards, which can't fail.
  virtual LinuxResult<Ref<Inode>> create(std::string_view, const NewInode&) {
    return std::unexpected(Errno::Perm);
  }
  /// A regular file that no name leads to (O_TMPFILE).
  virtual LinuxResult<Ref<Inode>> create_nameless(const NewInode&) {
    return std::unexpected(Errno::NotSupported);
  }
  /// A further name for `existing`.
  virtual LinuxResult<> link(std::string_view, Inode&) { return std::unexpected(Errno::Perm); }
  /// Takes a name of `child` away. Directories are known to be empty where names are kept.
  virtual LinuxResult<> remove(std::string_view, Inode&) { return std::unexpected(Errno::Perm); }
  /// renameat2(). With `exchange` both names are there and swap their objects; else `replaced` is the
  /// object that loses the new name, or null.
  struct Renaming {
    std::string_view name;
    Inode& child;
    Inode& to;  // may be this
    std::string_view to_name;
    Inode* replaced;
    bool exchange;
  };
  virtual LinuxResult<> rename(const Renaming&) { return std::unexpected(Errno::Perm); }
  /// Entries from `position` on (0 and 1 are "." and "..", which the caller does). Default: the dentry's
  /// children. Called without mutex(). The new position.
  virtual LinuxResult<u64> read_directory(Task&, Dentry& directory, u64 position, DirectorySink& sink);

  /// Where they are kept; null if there are none yet and `make` is false. NotSupported, NoMemory.
  virtual LinuxResult<ExtendedAttributes*> extended_attributes(bool) {
    return std::unexpected(Errno::NotSupported);
  }

  // Attribute helpers for file systems and files.
  void touch(bool accessed, bool modified, bool changed);
  /// A read: the access time moves only if it would otherwise lie before a change, or is a day old
  /// (Linux's relatime).
  void note_access();
  void add_links(int change);
  /// ETXTBSY: a file is open for writing, or it is a running program, and not both. False: not now.
  bool begin_writing() { return change_writers(1); }
  bool deny_writing() { return change_writers(-1); }
  void end_writing(int change) { __atomic_fetch_sub(&writers_, change, __ATOMIC_RELEASE); }
  /// O_TMPFILE without O_EXCL: linkat(2) may give it its first name.
  void allow_first_link() { __atomic_store_n(&may_be_linked_, true, __ATOMIC_RELAXED); }
  bool may_be_linked() const { return links() != 0 || __atomic_load_n(&may_be_linked_, __ATOMIC_RELAXED); }
  u32 links() const { return __atomic_load_n(&attributes_.links, __ATOMIC_RELAXED); }
  u32 user() const { return __atomic_load_n(&attributes_.user, __ATOMIC_RELAXED); }
  u32 group() const { return __atomic_load_n(&attributes_.group, __ATOMIC_RELAXED); }
  u64 device() const { return __atomic_load_n(&attributes_.device, __ATOMIC_RELAXED); }
  virtual u64 size() const { return __atomic_load_n(&attributes_.size, __ATOMIC_RELAXED); }

 protected:
  Inode(FileSystem& file_system, u64 number, const Attributes& attributes);
  ~Inode() override;
  void set_size(u64 size);
  void set_times(i64 modified_ns);
  /// All at once, but for the time of birth: what somebody else who keeps them says.
  void set_attributes(const Attributes& attributes);

 private:
  bool change_writers(int change);
  friend class FileLocks;
  friend class Fifos;
  FileSystem& file_system_;  // holds a reference, see the destructor
  const u64 number_;
  runtime::Mutex mutex_;
  runtime::SpinLock attributes_lock_;
  // Written under attributes_lock_, with atomic stores where single fields are read without it.
  Attributes attributes_;
  i32 writers_ = 0;             // atomic; below 0: programs that run
  bool may_be_linked_ = false;  // atomic
  Pipe* fifo_ = nullptr;        // FIFOs in use: not a reference, see files/pipe.cc
  FileLocks* locks_ = nullptr;  // made by the first lock, see files/file_locks.cc
};

}  // namespace vari::linux
