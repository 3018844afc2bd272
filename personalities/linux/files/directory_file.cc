// See directory_file.h. Positions 0 and 1 are "." and ".."; the rest is the inode's.
#include "personalities/linux/files/directory_file.h"

namespace vari::linux {

LinuxResult<Ref<File>> DirectoryFile::create(const OpenRequest& request) {
  return TRY(runtime::make<DirectoryFile>(request));
}

u32 DirectoryFile::poll(PollTable*) {
  return poll_event::kIn | poll_event::kOut | poll_event::kReadNormal | poll_event::kWriteNormal;
}

LinuxResult<u64> DirectoryFile::seek(i64 offset, int whence) {
  runtime::Guard guard(mutex_);
  if (whence == 1) offset += static_cast<i64>(position_);
  if (whence > 1 || whence < 0 || offset < 0) return std::unexpected(Errno::Invalid);
  __atomic_store_n(&position_, static_cast<u64>(offset), __ATOMIC_RELAXED);
  return static_cast<u64>(offset);
}

LinuxResult<u64> DirectoryFile::read_entries(Task& task, u64 position, DirectorySink& sink) {
  return inode().read_directory(task, *path()->dentry, position, sink);
}

LinuxResult<> DirectoryFile::read_directory(Task& task, DirectorySink& sink) {
  constexpr u8 kDirectoryType = static_cast<u32>(FileKind::Directory) >> 12;
  Dentry& directory = *path()->dentry;
  runtime::Guard guard(mutex_);
  if (directory.is_gone()) return std::unexpected(Errno::NoEntry);
  if (position_ == 0) {
    if (!sink.on_entry(inode().number(), 1, kDirectoryType, ".")) return {};
    __atomic_store_n(&position_, 1, __ATOMIC_RELAXED);
  }
  if (position_ == 1) {
    if (!sink.on_entry(directory.parent()->inode().number(), 2, kDirectoryType, "..")) return {};
    __atomic_store_n(&position_, 2, __ATOMIC_RELAXED);
  }
  const u64 position = TRY(read_entries(task, position_, sink));
  __atomic_store_n(&position_, position, __ATOMIC_RELAXED);
  return {};
}

}  // namespace vari::linux
