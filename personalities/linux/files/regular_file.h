// An open file with contents and a position: read, write and seek in terms of positional operations.
#pragma once

#include "personalities/linux/files/open_file.h"

namespace vari::linux {

class RegularFile : public OpenFile {
 public:
  LinuxResult<u64> read(Task& task, Transfer& to) final;
  LinuxResult<u64> write(Task& task, Transfer& from) final;
  LinuxResult<u64> write_at(Task& task, Transfer& from, u64 offset) final;
  /// RWF_APPEND: at the end. `moves`: and the position goes there, too.
  LinuxResult<u64> append(Task& task, Transfer& from, bool moves);
  LinuxResult<u64> seek(i64 offset, int whence) final;
  LinuxResult<> truncate(Task& task, u64 size) final;
  u32 poll(PollTable*) final;
  static constexpr char kKindName[] = "regular";
  std::string_view kind_name() const final { return {kKindName, sizeof kKindName - 1}; }
  u64 position() const final { return __atomic_load_n(&position_, __ATOMIC_RELAXED); }
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override;

  /// `append`: at the end, wherever that is when the write begins. `end` receives where it ended.
  virtual LinuxResult<u64> write_from(Task& task, Transfer& from, u64 offset, bool append, u64& end) = 0;
  /// lseek's SEEK_DATA and SEEK_HOLE.
  virtual LinuxResult<u64> seek_data(u64 offset, bool hole);
  /// fallocate.
  virtual LinuxResult<> allocate(u64, u64, bool) { return std::unexpected(Errno::NotSupported); }
  virtual LinuxResult<> punch_hole(u64, u64) { return std::unexpected(Errno::NotSupported); }
  /// The file as one of these; null if it is of another kind.
  static RegularFile* from(File& file);

 protected:
  explicit RegularFile(const OpenRequest& request) : OpenFile(request) {}
  virtual u64 current_size() { return inode().size(); }

 private:
  /// The position belongs to the description, which tasks may share: one operation at a time moves it.
  runtime::Mutex mutex_;
  u64 position_ = 0;  // changed under mutex_
};

}  // namespace vari::linux
