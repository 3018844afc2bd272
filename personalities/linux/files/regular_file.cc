// See regular_file.h.
#include "personalities/linux/files/regular_file.h"

#include "personalities/linux/files/permissions.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

using runtime::Guard;

namespace {
constexpr i64 kMaximumOffset = 0x7fff'ffff'ffff'ffff;
constexpr u32 kBytesReadable = 0x541b;  // FIONREAD
}  // namespace

RegularFile* RegularFile::from(File& file) {
  return file.as<RegularFile>();
}

LinuxResult<u64> RegularFile::read(Task& task, Transfer& to) {
  Guard guard(mutex_);
  const u64 done = TRY(read_at(task, to, position_));
  __atomic_store_n(&position_, position_ + done, __ATOMIC_RELAXED);
  return done;
}

LinuxResult<u64> RegularFile::write(Task& task, Transfer& from) {
  TRY(drop_set_id_bits(task.identity(), inode()));
  Guard guard(mutex_);
  u64 end = position_;
  const u64 done = TRY(write_from(task, from, position_, flags() & kAppend, end));
  __atomic_store_n(&position_, end, __ATOMIC_RELAXED);
  return done;
}

LinuxResult<u64> RegularFile::append(Task& task, Transfer& from, bool moves) {
  TRY(drop_set_id_bits(task.identity(), inode()));
  Guard guard(mutex_);
  u64 end = position_;
  const u64 done = TRY(write_from(task, from, 0, true, end));
  if (moves) __atomic_store_n(&position_, end, __ATOMIC_RELAXED);
  return done;
}

LinuxResult<> RegularFile::truncate(Task& task, u64 size) {
  TRY(drop_set_id_bits(task.identity(), inode()));
  return inode().truncate(task, size);
}

LinuxResult<u64> RegularFile::write_at(Task& task, Transfer& from, u64 offset) {
  TRY(drop_set_id_bits(task.identity(), inode()));
  u64 end = 0;
  return write_from(task, from, offset, flags() & kAppend, end);
}

LinuxResult<u64> RegularFile::seek(i64 offset, int whence) {
  Guard guard(mutex_);
  i64 base = 0;
  switch (whence) {
    case 0: break;
    case 1: base = static_cast<i64>(position_); break;
    case 2: base = static_cast<i64>(current_size()); break;
    case 3:
    case 4: {
      if (offset < 0) return std::unexpected(Errno::NoDevice6);
      const u64 found = TRY(seek_data(static_cast<u64>(offset), whence == 4));
      __atomic_store_n(&position_, found, __ATOMIC_RELAXED);
      return found;
    }
    default: return std::unexpected(Errno::Invalid);
  }
  i64 result = 0;
  if (__builtin_add_overflow(base, offset, &result)) return std::unexpected(Errno::Overflow);
  if (result < 0 || result > kMaximumOffset) return std::unexpected(Errno::Invalid);
  __atomic_store_n(&position_, static_cast<u64>(result), __ATOMIC_RELAXED);
  return static_cast<u64>(result);
}

LinuxResult<u64> RegularFile::seek_data(u64 offset, bool hole) {
  if (offset >= current_size()) return std::unexpected(Errno::NoDevice6);
  return hole ? current_size() : offset;
}

u32 RegularFile::poll(PollTable*) {
  return poll_event::kIn | poll_event::kOut | poll_event::kReadNormal | poll_event::kWriteNormal;
}

LinuxResult<u64> RegularFile::ioctl(Task& task, u32 request, u64 argument) {
  if (request != kBytesReadable) return std::unexpected(Errno::NotTerminal);
  const u64 position = this->position(), size = current_size();
  TRY(task.user().write(argument, static_cast<i32>(size > position ? size - position : 0)));
  return 0;
}

}  // namespace vari::linux
