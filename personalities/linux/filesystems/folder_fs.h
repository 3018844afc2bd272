// A file system that shows a served folder (interfaces/folder.h): of the host, or of a server.
//
// What is promised, since the other side may change the folder at any time:
// - names: each look-up of a name asks the folder; a name in use has one dentry, which dies with its last
//   user (NamePolicy::Revalidated);
// - attributes: stat and permission checks on a walk see the folder's state at that moment;
// - contents: close-to-open. What is in the page cache is checked against the file's times and size at each
//   open, stat and read at the end, and forgotten where they differ; pages that are mapped stay as they are
//   until they are touched anew. A write is with the folder when write() returns; pages written through a
//   shared mapping are at msync, fsync, sync, munmap and exit, and win over what the other side wrote.
// Owners are the folder's own: where it does not let us give a new file to the task that makes it, the file
// belongs to whoever serves the folder.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "interfaces/folder.h"
#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system.h"
#include "personalities/linux/filesystems/folder_contents.h"

namespace vari::linux {

constexpr Errno to_errno(FolderError error) {
  switch (error) {
    case FolderError::NotFound: return Errno::NoEntry;
    case FolderError::Exists: return Errno::Exists;
    case FolderError::NotDirectory: return Errno::NotDirectory;
    case FolderError::IsDirectory: return Errno::IsDirectory;
    case FolderError::NotEmpty: return Errno::NotEmpty;
    case FolderError::Denied: return Errno::Access;
    case FolderError::NotPermitted: return Errno::Perm;
    case FolderError::ReadOnly: return Errno::ReadOnly;
    case FolderError::NoSpace: return Errno::NoSpace;
    case FolderError::FileTooBig: return Errno::FileTooBig;
    case FolderError::NameTooLong: return Errno::NameTooLong;
    case FolderError::TooManyLinks: return Errno::TooManyLinks;
    case FolderError::OtherDevice: return Errno::CrossDevice;
    case FolderError::Loop: return Errno::Invalid;
    case FolderError::Busy: return Errno::Busy;
    case FolderError::Invalid: return Errno::Invalid;
    case FolderError::Unsupported: return Errno::NotSupported;
    case FolderError::OutOfMemory: return Errno::NoMemory;
    case FolderError::TooManyOpen: return Errno::FileTable;
    case FolderError::Io: return Errno::Io;
  }
  return Errno::Io;
}

/// Found by TRY where the personality calls a folder.
constexpr Errno convert_error(FolderError error, const Errno*) {
  return to_errno(error);
}

class FolderFileSystem;

/// Any object of a folder. Kept for a while after its last user, for the sake of its pages.
class FolderInode final : public Inode {
 public:
  FolderInode(FolderFileSystem& file_system, const FolderEntry& entry);

  Attributes attributes() override;
  LinuxResult<> change_attributes(const AttributeChange& change) override;
  u64 size() const override { return contents_ ? contents_->size() : Inode::size(); }
  LinuxResult<Ref<File>> open(const OpenRequest& request) override;
  LinuxResult<> truncate(Task& task, u64 size) override;
  LinuxResult<u64> read_link(Task&, std::span<char> to) override;
  LinuxResult<Ref<Inode>> look_up(Task&, std::string_view name) override;
  LinuxResult<Ref<Inode>> create(std::string_view name, const NewInode& description) override;
  LinuxResult<> link(std::string_view name, Inode& existing) override;
  LinuxResult<> remove(std::string_view name, Inode& child) override;
  LinuxResult<> rename(const Renaming& renaming) override;

  /// look_up() without a task.
  LinuxResult<Ref<FolderInode>> find(std::string_view name);
  FolderNode& node() const { return *node_; }
  /// Of regular files.
  FolderContents& contents() const { return *contents_; }

 private:
  friend class FolderFileSystem;
  FolderFileSystem& folder() const;
  /// What the folder says of it now.
  void note(const FolderAttributes& attributes);
  /// We have changed it ourselves: its new times do not mean that its pages are stale.
  void note_own_change();
  LinuxResult<> give_to(const NewInode& description, const FolderAttributes& made);

  const Ref<FolderNode> node_;
  Ref<FolderContents> contents_;
  boost::intrusive::set_member_hook<> table_hook_;
  boost::intrusive::list_member_hook<> age_hook_;
};

class FolderFileSystem final : public FileSystem {
 public:
  /// The root dentry. `folder` outlives the file system.
  static LinuxResult<Ref<Dentry>> create(Vfs& vfs, Folder& folder);
  FolderFileSystem(Vfs& vfs, Folder& folder);

  std::string_view type() const override { return "folder"; }
  NamePolicy names() const override { return NamePolicy::Revalidated; }
  LinuxResult<Ref<Inode>> find(Inode& directory, std::string_view name) override {
    return TRY(static_cast<FolderInode&>(directory).find(name));
  }
  FileSystemStatistics statistics() override;
  void on_last_unmount() override;
  LinuxResult<> synchronise() override;
  u64 reclaim(u64 pages) override;

  /// The one inode of a node.
  LinuxResult<Ref<FolderInode>> inode_of(const FolderEntry& entry);
  /// Called before pages are brought in: the cache does not take the last of the memory. False: it is short.
  bool make_room();
  void count_pages(i64 change) { __atomic_fetch_add(&pages_, static_cast<u64>(change), __ATOMIC_RELAXED); }

 protected:
  ~FolderFileSystem() override;

 private:
  struct NodeOf {
    using type = const FolderNode*;
    type operator()(const FolderInode& inode) const { return inode.node_.get(); }
  };
  using Table =
      boost::intrusive::set<FolderInode,
                            boost::intrusive::member_hook<FolderInode, boost::intrusive::set_member_hook<>,
                                                          &FolderInode::table_hook_>,
                            boost::intrusive::key_of_value<NodeOf>,
                            boost::intrusive::constant_time_size<false>>;
  using Ages =
      boost::intrusive::list<FolderInode,
                             boost::intrusive::member_hook<FolderInode, boost::intrusive::list_member_hook<>,
                                                           &FolderInode::age_hook_>>;
  Ref<FolderInode> find_locked(const FolderNode* node) REQUIRES(lock_);
  /// An inode that nobody uses, taken out, or null. Looks at the oldest few.
  Ref<FolderInode> take_unused_locked() REQUIRES(lock_);
  /// The oldest, which becomes the youngest; null if there is none.
  Ref<FolderInode> rotate();
  u64 count();

  Folder& folder_;
  const u32 kept_nodes_;
  runtime::SpinLock lock_;
  Table table_ GUARDED_BY(lock_);  // each holds a reference
  Ages ages_ GUARDED_BY(lock_);    // the same inodes, those looked up longest ago first
  u64 pages_ = 0;                  // atomic
};

/// A folder as root.
class FolderRoot final : public RootFileSystem {
 public:
  /// `folder` outlives all that is made.
  explicit FolderRoot(Folder& folder) : folder_(folder) {}
  LinuxResult<Ref<Dentry>> make_root(Vfs& vfs) const override {
    return FolderFileSystem::create(vfs, folder_);
  }
  std::string_view source() const override { return "folder"; }

 private:
  Folder& folder_;
};

}  // namespace vari::linux
