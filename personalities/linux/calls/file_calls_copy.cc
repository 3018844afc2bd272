// Copies inside the kernel: sendfile, copy_file_range, splice, tee, vmsplice. Bytes go through a buffer;
// pages of pipes are not shared.
#include <algorithm>
#include <optional>

#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/inode.h"
#include "personalities/linux/files/pipe.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

constexpr u64 kNonBlocking = 2, kKnownFlags = 15;  // SPLICE_F_*

LinuxResult<BorrowedFile> readable(Task& task, u64 descriptor) {
  auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (!file->can_read()) return std::unexpected(Errno::BadFile);
  return file;
}

LinuxResult<BorrowedFile> writable(Task& task, u64 descriptor) {
  auto file = TRY(task.files().borrow(descriptor_of(descriptor)));
  if (!file->can_write()) return std::unexpected(Errno::BadFile);
  return file;
}

/// One side of an in-kernel copy: a file, and a position if it is not the file's own.
struct Side {
  File& file;
  std::optional<u64> offset;
  bool wait = true;  // for pipes: SPLICE_F_NONBLOCK

  LinuxResult<u64> read(Task& task, Transfer& to) {
    PipeFile* pipe = wait ? nullptr : PipeFile::from(file);
    const u64 done = TRY(pipe     ? pipe->pipe().read(to, false)
                         : offset ? file.read_at(task, to, *offset)
                                  : file.read(task, to));
    if (offset) *offset += done;
    return done;
  }
  LinuxResult<u64> write(Task& task, Transfer& from) {
    PipeFile* pipe = wait ? nullptr : PipeFile::from(file);
    if (pipe && pipe->pipe().has_readers()) return pipe->pipe().write(from, false);
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
                              bool one_read, bool wait = true) {
  auto source_file = TRY(readable(task, from));
  auto target_file = TRY(writable(task, to));
  Side source{*source_file, TRY(offset_argument(task, from_offset)), wait};
  Side target{*target_file, TRY(offset_argument(task, to_offset)), wait};
  bytes = std::min<u64>(bytes, UserTransfer::kMaximumBytes);
  const u64 done = TRY(copy(task, source, target, bytes, one_read));
  (void)noted(task, source_file->path(), watch_event::kAccess, LinuxResult<u64>(done));
  (void)noted(task, target_file->path(), watch_event::kModify, LinuxResult<u64>(done));
  if (source.offset) TRY(task.user().write(from_offset, *source.offset));
  if (target.offset) TRY(task.user().write(to_offset, *target.offset));
  return done;
}

LinuxResult<u64> splice(Task& task, const Arguments& arguments) {
  if (static_cast<u32>(arguments.a[5]) & ~kKnownFlags) return std::unexpected(Errno::Invalid);
  auto in = TRY(readable(task, arguments.a[0]));
  auto out = TRY(writable(task, arguments.a[2]));
  PipeFile *from = PipeFile::from(*in), *to = PipeFile::from(*out);
  if ((!from && !to) || (from && to && &from->pipe() == &to->pipe())) return std::unexpected(Errno::Invalid);
  if ((from && arguments.a[1]) || (to && arguments.a[3])) return std::unexpected(Errno::IllegalSeek);
  if (!to && (out->flags() & File::kAppend)) return std::unexpected(Errno::Invalid);
  return copy_between(task, arguments.a[0], arguments.a[1], arguments.a[2], arguments.a[3], arguments.a[4],
                      !in->inode().is(FileKind::Regular), !(arguments.a[5] & kNonBlocking));
}

/// Only what has contents can be sent, except into a pipe: from a terminal, the end of file that ends one
/// transfer would be lost to the next.
LinuxResult<u64> send_file(Task& task, const Arguments& arguments) {
  auto in = TRY(readable(task, arguments.a[1]));
  auto out = TRY(writable(task, arguments.a[0]));
  const bool into_pipe = PipeFile::from(*out) != nullptr;
  const bool has_contents = in->inode().is(FileKind::Regular) || in->inode().is(FileKind::Block);
  if (!has_contents && !into_pipe) return std::unexpected(Errno::Invalid);
  if (out->flags() & File::kAppend) return std::unexpected(Errno::Invalid);
  return copy_between(task, arguments.a[1], arguments.a[2], arguments.a[0], 0, arguments.a[3], !has_contents);
}

LinuxResult<u64> copy_file_range(Task& task, const Arguments& arguments) {
  if (arguments.a[5]) return std::unexpected(Errno::Invalid);
  auto in = TRY(readable(task, arguments.a[0]));
  auto out = TRY(writable(task, arguments.a[2]));
  for (File* file : {&*in, &*out}) {
    if (file->inode().is(FileKind::Directory)) return std::unexpected(Errno::IsDirectory);
    if (!file->inode().is(FileKind::Regular)) return std::unexpected(Errno::Invalid);
  }
  if (out->flags() & File::kAppend) return std::unexpected(Errno::BadFile);
  if (&in->inode() == &out->inode()) {
    const u64 from = TRY(offset_argument(task, arguments.a[1])).value_or(in->position());
    const u64 to = TRY(offset_argument(task, arguments.a[3])).value_or(out->position());
    const u64 bytes = arguments.a[4];
    if (from < to ? to - from < bytes : from - to < bytes) return std::unexpected(Errno::Invalid);
  }
  return copy_between(task, arguments.a[0], arguments.a[1], arguments.a[2], arguments.a[3], arguments.a[4],
                      false);
}

/// What is in one pipe goes into another, too, as far as there is room.
LinuxResult<u64> tee(Task& task, const Arguments& arguments) {
  constexpr u64 kBuffer = 64 * kKiB;
  if (static_cast<u32>(arguments.a[3]) & ~kKnownFlags) return std::unexpected(Errno::Invalid);
  auto in = TRY(readable(task, arguments.a[0]));
  auto out = TRY(writable(task, arguments.a[1]));
  PipeFile *from = PipeFile::from(*in), *to = PipeFile::from(*out);
  if (!from || !to || &from->pipe() == &to->pipe()) return std::unexpected(Errno::Invalid);
  const u64 bytes = std::min<u64>(arguments.a[2], kBuffer);
  if (bytes == 0) return 0;
  const bool wait = !(arguments.a[3] & kNonBlocking);
  auto* buffer = static_cast<u8*>(runtime::allocate(kBuffer));
  if (!buffer) return std::unexpected(Errno::NoMemory);
  KernelTransfer taken({buffer, bytes});
  auto result = from->pipe().peek(taken, wait && !(in->flags() & File::kNonBlock));
  if (result && *result) {
    KernelTransfer given({buffer, *result});
    result = Side{*out, {}, wait}.write(task, given);
  }
  runtime::free(buffer, kBuffer);
  return result;
}

/// Into a pipe, or out of one: by which end the descriptor is.
LinuxResult<u64> vmsplice(Task& task, const Arguments& arguments) {
  if (static_cast<u32>(arguments.a[3]) & ~kKnownFlags) return std::unexpected(Errno::Invalid);
  auto file = TRY(task.files().borrow(descriptor_of(arguments.a[0])));
  if (!PipeFile::from(*file)) return std::unexpected(Errno::BadFile);
  const bool wait = !(arguments.a[3] & kNonBlocking);
  VectorTransfer transfer(task);
  TRY(transfer.load(arguments.a[1], arguments.a[2]));
  Side side{*file, {}, wait};
  return file->can_write() ? side.write(task, transfer) : side.read(task, transfer);
}

}  // namespace

i64 call_sendfile(Task& task, const Arguments& arguments) {
  return to_return_value(send_file(task, arguments));
}
i64 call_copy_file_range(Task& task, const Arguments& arguments) {
  return to_return_value(copy_file_range(task, arguments));
}
i64 call_splice(Task& task, const Arguments& arguments) {
  return to_return_value(splice(task, arguments));
}
i64 call_tee(Task& task, const Arguments& arguments) {
  return to_return_value(tee(task, arguments));
}
i64 call_vmsplice(Task& task, const Arguments& arguments) {
  return to_return_value(vmsplice(task, arguments));
}

}  // namespace vari::linux
