// A File that was opened by a name: keeps the path and, through it, the inode. Base of most files.
#pragma once

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file.h"
#include "personalities/linux/files/inode.h"

namespace vari::linux {

class OpenFile : public File {
 public:
  Inode& inode() override { return path_.inode(); }
  const Path* path() const override { return &path_; }

 protected:
  explicit OpenFile(const OpenRequest& request) : File(request.flags), path_(request.path) {}

 private:
  const Path path_;
};

}  // namespace vari::linux
