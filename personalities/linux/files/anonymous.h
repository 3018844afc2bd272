// Inodes without a name: of pipes, eventfds, epoll sets, streams of the host.
#pragma once

#include "personalities/linux/files/file_system.h"

namespace vari::linux {

class AnonymousFileSystem final : public FileSystem {
 public:
  explicit AnonymousFileSystem(Vfs& vfs) : FileSystem(vfs) {}
  std::string_view type() const override { return "anon"; }
};

class AnonymousInode : public Inode {
 public:
  AnonymousInode(FileSystem& file_system, FileKind kind, u32 mode, u32 user, u32 group)
      : Inode(file_system, file_system.new_inode_number(),
              {.mode = static_cast<u32>(kind) | mode, .user = user, .group = group}) {}
};

/// For the task's own use: owned by it, mode 0600.
LinuxResult<Ref<Inode>> make_anonymous_inode(Task& task, FileKind kind);

/// Base of files that have only such an inode.
class AnonymousFile : public File {
 public:
  Inode& inode() override { return *inode_; }

 protected:
  AnonymousFile(Ref<Inode> inode, u32 flags) : File(flags), inode_(std::move(inode)) {}

 private:
  const Ref<Inode> inode_;
};

}  // namespace vari::linux
