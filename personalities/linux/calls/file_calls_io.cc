// Moving bytes: read, write and their variants, lseek, sendfile, copy_file_range, splice.
#include <algorithm>
#include <optional>

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/inode.h"
#include "personalities/linux/files/pipe.h"
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

enum class Direction : u8 { Read, Write };

LinuxResult<BorrowedFile> file_for(Task& task, u64 descriptor, Direction direction) {
  auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (!(direction == Direction::Read ? file->can_read() : file->can_write()))
    return std::unexpected(Errno::BadFile);
  return file;
}

LinuxResult<u64> read_one(Task& task, const Arguments& arguments) {
  auto file = TRY(file_for(task, arguments.a[0], Direction::Read));
  UserTransfer to(task, arguments.a[1], arguments.a[2]);
  return file->read(task, to);
}

LinuxResult<u64> write_one(Task& task, const Arguments& arguments) {
  auto file = TRY(file_for(task, arguments.a[0], Direction::Write));
  UserTransfer from(task, arguments.a[1], arguments.a[2]);
  return file->write(task, from);
}

/// pread64, pwrite64: a position that is an argument.
LinuxResult<u64> positional(Task& task, const Arguments& arguments, Direction direction) {
  const auto offset = static_cast<i64>(arguments.a[3]);
  if (offset < 0) return std::unexpected(Errno::Invalid);
  auto file = TRY(file_for(task, arguments.a[0], direction));
  UserTransfer transfer(task, arguments.a[1], arguments.a[2]);
  return direction == Direction::Read ? file->read_at(task, transfer, static_cast<u64>(offset))
                                      : file->write_at(task, transfer, static_cast<u64>(offset));
}

LinuxResult<u64> vectored(Task& task, const Arguments& arguments, Direction direction) {
  auto file = TRY(file_for(task, arguments.a[0], direction));
  VectorTransfer transfer(task);
  TRY(transfer.load(arguments.a[1], arguments.a[2]));
  return direction == Direction::Read ? file->read(task, transfer) : file->write(task, transfer);
}

/// preadv, pwritev, and the second versions, where an offset of -1 means the file's position.
LinuxResult<u64> positional_vectored(Task& task, const Arguments& arguments, Direction direction,
                                     bool second) {
  constexpr u32 kHighPriority = 1, kDataSync = 2, kSync = 4, kAppend = 16;
  const auto offset = static_cast<i64>(arguments.a[3]);
  const u32 flags = second ? static_cast<u32>(arguments.a[5]) : 0;
  const bool moves = second && offset == -1;
  if (offset < 0 && !moves) return std::unexpected(Errno::Invalid);
  auto file = TRY(file_for(task, arguments.a[0], direction));
  VectorTransfer transfer(task);
  TRY(transfer.load(arguments.a[1], arguments.a[2]));
  // RWF_NOWAIT, too: tmpfs knows it no more than Linux's does.
  if (flags & ~(kHighPriority | kDataSync | kSync | (direction == Direction::Write ? kAppend : 0)))
    return std::unexpected(Errno::NotSupported);
  if (direction == Direction::Read) {
    return moves ? file->read(task, transfer) : file->read_at(task, transfer, static_cast<u64>(offset));
  }
  RegularFile* regular = flags & kAppend ? RegularFile::from(*file) : nullptr;
  const u64 done = TRY(regular ? regular->append(task, transfer, moves)
                       : moves ? file->write(task, transfer)
                               : file->write_at(task, transfer, static_cast<u64>(offset)));
  if (flags & (kDataSync | kSync)) TRY(file->synchronise(!(flags & kSync)));
  return done;
}

/// One side of an in-kernel copy: a file, and a position if it is not the file's own.
struct Side {
  File& file;
  std::optional<u64> offset;

  LinuxResult<u64> read(Task& task, Transfer& to) {
    const u64 done = TRY(offset ? file.read_at(task, to, *offset) : file.read(task, to));
    if (offset) *offset += done;
    return done;
  }
  LinuxResult<u64> write(Task& task, Transfer& from) {
    const u64 done = TRY(offset ? file.write_at(task, from, *offset) : file.write(task, from));
    if (offset) *offset += done;
    return done;
  }
};

/// Through a buffer of a page. What was read but could not be written is put back by seeking, where the
/// source has positions; pipes are asked for no more than the other side just took.
LinuxResult<u64> copy(Task& task, Side& source, Side& target, u64 bytes, bool one_read) {
  constexpr u64 kBuffer = kPageBytes;
  auto* buffer = static_cast<u8*>(runtime::allocate(kBuffer));
  if (!buffer) return std::unexpected(Errno::NoMemory);
  LinuxResult<u64> result = u64{0};
  while (*result < bytes && !fatal_signal_pending(task)) {
    KernelTransfer in({buffer, std::min(bytes - *result, kBuffer)});
    const auto got = source.read(task, in);
    if (!got || *got == 0) {
      if (!got && *result == 0) result = got;
      break;
    }
    KernelTransfer out({buffer, *got});
    const auto put = target.write(task, out);
    const u64 lost = *got - put.value_or(0);
    if (lost && source.offset) *source.offset -= lost;
    if (lost && !source.offset) (void)source.file.seek(-static_cast<i64>(lost), 1);
    if (!put) {
      if (*result == 0) result = put;
      break;
    }
    *result += *put;
    if (lost || one_read) break;
  }
  runtime::free(buffer, kBuffer);
  return result;
}

LinuxResult<std::optional<u64>> offset_argument(Task& task, u64 address) {
  if (!address) return std::optional<u64>();
  const auto offset = TRY(task.user().read<i64>(address));
  if (offset < 0) return std::unexpected(Errno::Invalid);
  return std::optional<u64>(static_cast<u64>(offset));
}

/// sendfile, copy_file_range and splice differ only in where their arguments are.
LinuxResult<u64> copy_between(Task& task, u64 from, u64 from_offset, u64 to, u64 to_offset, u64 bytes,
                              bool one_read) {
  auto source_file = TRY(file_for(task, from, Direction::Read));
  auto target_file = TRY(file_for(task, to, Direction::Write));
  Side source{*source_file, TRY(offset_argument(task, from_offset))};
  Side target{*target_file, TRY(offset_argument(task, to_offset))};
  bytes = std::min<u64>(bytes, UserTransfer::kMaximumBytes);
  const u64 done = TRY(copy(task, source, target, bytes, one_read));
  if (source.offset) TRY(task.user().write(from_offset, *source.offset));
  if (target.offset) TRY(task.user().write(to_offset, *target.offset));
  return done;
}

LinuxResult<u64> splice(Task& task, const Arguments& arguments) {
  auto in = TRY(file_for(task, arguments.a[0], Direction::Read));
  auto out = TRY(file_for(task, arguments.a[2], Direction::Write));
  if (!PipeFile::from(*in) && !PipeFile::from(*out)) return std::unexpected(Errno::Invalid);
  if ((PipeFile::from(*in) && arguments.a[1]) || (PipeFile::from(*out) && arguments.a[3]))
    return std::unexpected(Errno::IllegalSeek);
  return copy_between(task, arguments.a[0], arguments.a[1], arguments.a[2], arguments.a[3], arguments.a[4],
                      !in->inode().is(FileKind::Regular));
}

/// Only what has contents can be sent, except into a pipe: from a terminal, the end of file that ends one
/// transfer would be lost to the next.
LinuxResult<u64> send_file(Task& task, const Arguments& arguments) {
  auto in = TRY(file_for(task, arguments.a[1], Direction::Read));
  auto out = TRY(file_for(task, arguments.a[0], Direction::Write));
  const bool into_pipe = PipeFile::from(*out) != nullptr;
  const bool has_contents = in->inode().is(FileKind::Regular) || in->inode().is(FileKind::Block);
  if (!has_contents && !into_pipe) return std::unexpected(Errno::Invalid);
  return copy_between(task, arguments.a[1], arguments.a[2], arguments.a[0], 0, arguments.a[3], !has_contents);
}

LinuxResult<u64> copy_file_range(Task& task, const Arguments& arguments) {
  if (arguments.a[5]) return std::unexpected(Errno::Invalid);
  auto in = TRY(file_for(task, arguments.a[0], Direction::Read));
  auto out = TRY(file_for(task, arguments.a[2], Direction::Write));
  for (File* file : {&*in, &*out}) {
    if (file->inode().is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
    if (!file->inode().is(FileKind::Regular)) return std::unexpected(Errno::Invalid);
  }
  if (out->flags() & File::kAppend) return std::unexpected(Errno::BadFile);
  return copy_between(task, arguments.a[0], arguments.a[1], arguments.a[2], arguments.a[3], arguments.a[4],
                      false);
}

}  // namespace

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

i64 call_sendfile(Task& task, const Arguments& arguments) {
  return to_return_value(send_file(task, arguments));
}
i64 call_copy_file_range(Task& task, const Arguments& arguments) {
  return to_return_value(copy_file_range(task, arguments));
}
i64 call_splice(Task& task, const Arguments& arguments) {
  return to_return_value(splice(task, arguments));
}
// Pages of pipes are not shared here: programs fall back to read and write.
i64 call_tee(Task&, const Arguments&) {
  return failure(Errno::Invalid);
}
i64 call_vmsplice(Task& task, const Arguments& arguments) {
  return call_writev(task, arguments);
}

}  // namespace vari::linux
