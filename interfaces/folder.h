// A folder that somebody else serves: the host of a hosted kernel, or a server beyond a 9P or virtio-fs
// channel. What a file system of a personality needs of it, in the granularity of FUSE and 9P: one
// component of a name at a time, bytes at an offset, never a path, never a link followed.
//
// Every call may block. All may be called from any thread. The other side may change the folder at any
// time; nothing here promises that two calls see the same state.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "interfaces/object.h"

namespace vari {

/// What can go wrong with a served folder, as the other side reports it.
enum class [[nodiscard]] FolderError : u8 {
  NotFound,      // no such name, or the object has gone meanwhile
  Exists,        // the name is taken
  NotDirectory,  // a directory was needed
  IsDirectory,   // anything but a directory was needed
  NotEmpty,      // the directory has names in it
  Denied,        // the mode bits of the other side forbid it (EACCES)
  NotPermitted,  // only a privileged user of the other side may (EPERM)
  ReadOnly,
  NoSpace,  // the disk or the quota is full
  FileTooBig,
  NameTooLong,
  TooManyLinks,
  OtherDevice,  // link or rename across file systems of the other side
  Loop,         // a directory into itself
  Busy,
  Invalid,
  Unsupported,
  OutOfMemory,
  TooManyOpen,  // the other side's limit of open files is reached
  Io,           // the device or the channel failed
};
template <class T = void>
using FolderResult = std::expected<T, FolderError>;

enum class FolderKind : u8 { File, Directory, SymbolicLink, CharacterDevice, BlockDevice, Fifo, Socket };

/// Times are nanoseconds since 1970.
struct FolderAttributes {
  FolderKind kind = FolderKind::File;
  u32 mode = 0;  // permission bits, 07777
  u32 user = 0, group = 0;
  u32 links = 1;
  u64 number = 0;  // st_ino: different for each object of the folder
  u64 size = 0;
  u64 blocks = 0;  // of 512 bytes
  u32 device_major = 0, device_minor = 0;
  i64 accessed_ns = 0, modified_ns = 0, changed_ns = 0;
};

/// Only the fields that are set change.
struct FolderChange {
  std::optional<u32> mode = {};
  std::optional<u32> user = {}, group = {};
  std::optional<u64> size = {};
  std::optional<i64> accessed_ns = {}, modified_ns = {};
};

struct FolderCreation {
  FolderKind kind = FolderKind::File;
  u32 mode = 0;  // exactly these permission bits: the other side's umask is not asked
  u32 device_major = 0, device_minor = 0;
  std::string_view link_target = {};
};

enum class FolderAccess : u8 { Read = 1, Write = 2, ReadWrite = 3 };

/// An open regular file. Stays good when its name is removed.
class FolderHandle : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.FolderHandle");
  /// Fills the pieces in order from `offset` on. How many bytes: may be fewer than wanted (ask again);
  /// 0 at the end of the file.
  virtual FolderResult<u64> read(u64 offset, std::span<const std::span<u8>> pieces) = 0;
  /// How many bytes were written, in order: at least one, or an error. Writes at `offset`, always.
  virtual FolderResult<u64> write(u64 offset, std::span<const std::span<const u8>> pieces) = 0;
  virtual FolderResult<> truncate(u64 size) = 0;
  /// What was written is on the medium at return; `data_only`: times need not be.
  virtual FolderResult<> sync(bool data_only) = 0;

 protected:
  ~FolderHandle() = default;
};

class FolderSink {
 public:
  /// `next`: the position behind this entry. False: no more for now.
  virtual bool on_entry(std::string_view name, u64 number, std::optional<FolderKind> kind, u64 next) = 0;

 protected:
  ~FolderSink() = default;
};

/// An open directory. A name that is there all the while is listed exactly once from position 0 to the end.
class FolderListing : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.FolderListing");
  /// Entries from `position` on (0: the first; else one that a sink was told), without "." and "..",
  /// until the sink says no or there are none. One call at a time.
  virtual FolderResult<> read(u64 position, FolderSink& sink) = 0;

 protected:
  ~FolderListing() = default;
};

struct FolderEntry;

/// An object of the folder: file, directory, link… As long as references to it are held, each look-up of the
/// same object gives the same node; the last release is what FUSE calls forget.
/// Names are single components: not empty, not "." or "..", no "/"; else Invalid.
class FolderNode : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.FolderNode");
  virtual FolderResult<FolderAttributes> attributes() = 0;
  virtual FolderResult<> change(const FolderChange& change) = 0;

  // Of directories:
  virtual FolderResult<FolderEntry> look_up(std::string_view name) = 0;
  /// Never replaces: Exists.
  virtual FolderResult<FolderEntry> create(std::string_view name, const FolderCreation& creation) = 0;
  /// A further name for `existing`, a node of the same folder.
  virtual FolderResult<> link(std::string_view name, FolderNode& existing) = 0;
  virtual FolderResult<> unlink(std::string_view name, bool directory) = 0;
  enum class Rename : u8 { Replace, NoReplace, Exchange };
  virtual FolderResult<> rename(std::string_view name, FolderNode& to, std::string_view to_name,
                                Rename how) = 0;
  virtual FolderResult<Ref<FolderListing>> list() = 0;

  /// Of symbolic links: up to `to.size()` bytes of the target; how many.
  virtual FolderResult<u64> read_link(std::span<char> to) = 0;
  /// Of regular files.
  virtual FolderResult<Ref<FolderHandle>> open(FolderAccess access) = 0;

 protected:
  ~FolderNode() = default;
};

struct FolderEntry {
  Ref<FolderNode> node;
  FolderAttributes attributes;
  /// A file that was just created: open for reading and writing, whatever its mode says.
  Ref<FolderHandle> handle = {};
};

struct FolderStatistics {
  u64 magic = 0, block_bytes = 4096, blocks = 0, free_blocks = 0, files = 0, free_files = 0;
};

class Folder : public Object {
 public:
  static constexpr InterfaceId kInterface = interface_id("vari.Folder");
  virtual FolderResult<FolderEntry> root() = 0;
  virtual FolderResult<FolderStatistics> statistics() = 0;
  /// How many nodes the client may keep although it does not use them: each costs the other side something.
  virtual u32 kept_nodes() = 0;

 protected:
  ~Folder() = default;
};

}  // namespace vari
