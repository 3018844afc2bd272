// What O_PATH gives: a place in the tree, nothing to read or write. And the same as the holder of a detached
// tree of mounts (fsmount(2), open_tree(2)), which ends with it unless it was moved to a place.
#pragma once

#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/open_file.h"
#include "personalities/linux/files/vfs.h"

namespace vari::linux {

class PathFile : public OpenFile {
 public:
  explicit PathFile(const OpenRequest& request) : OpenFile(request) {}
  LinuxResult<u64> read(Task&, Transfer&) override { return std::unexpected(Errno::BadFile); }
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::BadFile); }
  u32 poll(PollTable*) override { return poll_event::kInvalid; }
};

class DetachedTreeFile final : public PathFile {
 public:
  /// `request`'s path is the top of the tree.
  explicit DetachedTreeFile(const OpenRequest& request) : PathFile(request) {}
  ~DetachedTreeFile() override { inode().file_system().vfs().mounts().dissolve(*path()->mount); }
};

}  // namespace vari::linux
