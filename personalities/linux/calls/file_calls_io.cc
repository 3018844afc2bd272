// Moving bytes: read, write and their variants, lseek.
#include <algorithm>
#include <optional>

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/inode.h"
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

enum class Direction : u8 { Read, Write };
constexpr u32 event_of(Direction direction) {
  return direction == Direction::Read ? watch_event::kAccess : watch_event::kModify;
}

LinuxResult<BorrowedFile> file_for(Task& task, u64 descriptor, Direction direction) {
  auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (!(direction == Direction::Read ? file->can_read() : file->can_write()))
    return std::unexpected(Errno::BadFile);
  return file;
}

LinuxResult<u64> read_one(Task& task, const Arguments& arguments) {
  auto file = TRY(file_for(task, arguments.a[0], Direction::Read));
  UserTransfer to(task, arguments.a[1], arguments.a[2]);
  return noted(task, file->path(), watch_event::kAccess, file->read(task, to));
}

LinuxResult<u64> write_one(Task& task, const Arguments& arguments) {
  auto file = TRY(file_for(task, arguments.a[0], Direction::Write));
  UserTransfer from(task, arguments.a[1], arguments.a[2]);
  return noted(task, file->path(), watch_event::kModify, file->write(task, from));
}

/// pread64, pwrite64: a position that is an argument.
LinuxResult<u64> positional(Task& task, const Arguments& arguments, Direction direction) {
  const auto offset = static_cast<i64>(arguments.a[3]);
  if (offset < 0) return std::unexpected(Errno::Invalid);
  auto file = TRY(file_for(task, arguments.a[0], direction));
  UserTransfer transfer(task, arguments.a[1], arguments.a[2]);
  return noted(task, file->path(), event_of(direction),
               direction == Direction::Read ? file->read_at(task, transfer, static_cast<u64>(offset))
                                            : file->write_at(task, transfer, static_cast<u64>(offset)));
}

LinuxResult<u64> vectored(Task& task, const Arguments& arguments, Direction direction) {
  auto file = TRY(file_for(task, arguments.a[0], direction));
  VectorTransfer transfer(task);
  TRY(transfer.load(arguments.a[1], arguments.a[2]));
  return noted(task, file->path(), event_of(direction),
               direction == Direction::Read ? file->read(task, transfer) : file->write(task, transfer));
}

/// preadv, pwritev, and the second versions, where an offset of -1 means the file's position.
LinuxResult<u64> positional_vectored(Task& task, const Arguments& arguments, Direction direction,
                                     bool second) {
  const auto offset = static_cast<i64>(arguments.a[3]);
  const u32 flags = second ? static_cast<u32>(arguments.a[5]) : 0;
  const bool moves = second && offset == -1;
  if (offset < 0 && !moves) return std::unexpected(Errno::Invalid);
  auto file = TRY(file_for(task, arguments.a[0], direction));
  VectorTransfer transfer(task);
  TRY(transfer.load(arguments.a[1], arguments.a[2]));
  TRY(check_move_flags(flags, direction == Direction::Write));
  std::optional<u64> at;
  if (!moves) at = static_cast<u64>(offset);
  return direction == Direction::Read ? read_with_flags(task, *file, transfer, at)
                                      : write_with_flags(task, *file, transfer, at, flags);
}

constexpr u32 kHighPriority = 1, kDataSync = 2, kSync = 4, kAppend = 16;  // RWF_…

}  // namespace

LinuxResult<> check_move_flags(u32 flags, bool write) {
  // RWF_NOWAIT, too: tmpfs knows it no more than Linux's does.
  if (flags & ~(kHighPriority | kDataSync | kSync | (write ? kAppend : 0)))
    return std::unexpected(Errno::NotSupported);
  return {};
}

LinuxResult<u64> read_with_flags(Task& task, File& file, Transfer& to, std::optional<u64> at) {
  return noted(task, file.path(), watch_event::kAccess,
               at ? file.read_at(task, to, *at) : file.read(task, to));
}

LinuxResult<u64> write_with_flags(Task& task, File& file, Transfer& from, std::optional<u64> at, u32 flags) {
  RegularFile* regular = flags & kAppend ? RegularFile::from(file) : nullptr;
  const u64 done = TRY(regular ? regular->append(task, from, !at)
                       : at    ? file.write_at(task, from, *at)
                               : file.write(task, from));
  if (flags & (kDataSync | kSync)) TRY(file.synchronise(!(flags & kSync)));
  return noted(task, file.path(), watch_event::kModify, LinuxResult<u64>(done));
}

i64 call_read(Task& task, const Arguments& arguments) {
  return to_return_value(read_one(task, arguments));
}
i64 call_write(Task& task, const Arguments& arguments) {
  return to_return_value(write_one(task, arguments));
}
i64 call_readv(Task& task, const Arguments& arguments) {
  return to_return_value(vectored(task, arguments, Direction::Read));
}
i64 call_writev(Task& task, const Arguments& arguments) {
  return to_return_value(vectored(task, arguments, Direction::Write));
}
i64 call_pread64(Task& task, const Arguments& arguments) {
  return to_return_value(positional(task, arguments, Direction::Read));
}
i64 call_pwrite64(Task& task, const Arguments& arguments) {
  return to_return_value(positional(task, arguments, Direction::Write));
}
i64 call_preadv(Task& task, const Arguments& arguments) {
  return to_return_value(positional_vectored(task, arguments, Direction::Read, false));
}
i64 call_pwritev(Task& task, const Arguments& arguments) {
  return to_return_value(positional_vectored(task, arguments, Direction::Write, false));
}
i64 call_preadv2(Task& task, const Arguments& arguments) {
  return to_return_value(positional_vectored(task, arguments, Direction::Read, true));
}
i64 call_pwritev2(Task& task, const Arguments& arguments) {
  return to_return_value(positional_vectored(task, arguments, Direction::Write, true));
}

i64 call_lseek(Task& task, const Arguments& arguments) {
  const auto file = task.files().borrow(descriptor_of(arguments.a[0]));
  if (!file) return failure(file.error());
  if ((*file)->flags() & File::kPath) return failure(Errno::BadFile);
  return to_return_value((*file)->seek(static_cast<i64>(arguments.a[1]), static_cast<int>(arguments.a[2])));
}

}  // namespace vari::linux
