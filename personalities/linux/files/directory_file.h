// An open directory: getdents and its position.
#pragma once

#include "personalities/linux/files/open_file.h"

namespace vari::linux {

class DirectoryFile : public OpenFile {
 public:
  static LinuxResult<Ref<File>> create(const OpenRequest& request);
  explicit DirectoryFile(const OpenRequest& request) : OpenFile(request) {}

  LinuxResult<u64> read(Task&, Transfer&) override { return std::unexpected(Errno::IsDirectory); }
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::BadFile); }
  LinuxResult<u64> read_at(Task&, Transfer&, u64) override { return std::unexpected(Errno::IsDirectory); }
  LinuxResult<u64> seek(i64 offset, int whence) override;
  u32 poll(PollTable*) override;
  LinuxResult<> read_directory(Task& task, DirectorySink& sink) override;
  u64 position() const override { return __atomic_load_n(&position_, __ATOMIC_RELAXED); }

 protected:
  /// Entries from `position` (>= 2) on; the new position. One call at a time.
  virtual LinuxResult<u64> read_entries(Task& task, u64 position, DirectorySink& sink);

 private:
  runtime::Mutex mutex_;
  u64 position_ = 0;  // changed under mutex_
};

}  // namespace vari::linux
