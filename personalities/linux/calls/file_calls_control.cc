// fcntl(2) and flock(2): what a descriptor and its description can be told and asked.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/file_locks.h"
#include "personalities/linux/files/permissions.h"
#include "personalities/linux/files/pipe.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/job_control.h"

namespace vari::linux {

namespace {

/// The kernel's struct flock.
struct UserLock {
  i16 type = 0, whence = 0;
  i64 start = 0, length = 0;
  i32 pid = 0;
};
constexpr i16 kReadLock = 0, kWriteLock = 1, kUnlock = 2;

LinuxResult<LockRange> range_of(Task& task, File& file, const UserLock& lock) {
  i64 base = 0;
  if (lock.whence == 1) base = static_cast<i64>(file.position());
  if (lock.whence == 2) base = static_cast<i64>(file.inode().size());
  if (lock.whence < 0 || lock.whence > 2) return std::unexpected(Errno::Invalid);
  i64 begin = 0, end = 0;
  if (__builtin_add_overflow(base, lock.start, &begin)) return std::unexpected(Errno::Overflow);
  if (lock.length < 0) {
    end = begin - 1;
    begin += lock.length;
  } else if (lock.length == 0) {
    end = static_cast<i64>(~u64{0} >> 1);
  } else if (__builtin_add_overflow(begin, lock.length - 1, &end)) {
    return std::unexpected(Errno::Overflow);
  }
  if (begin < 0 || end < begin) return std::unexpected(Errno::Invalid);
  return LockRange{static_cast<u64>(begin), static_cast<u64>(end), lock.type == kWriteLock,
                   task.process().id()};
}

/// `command` is F_GETLK, F_SETLK or F_SETLKW; `description`: of the F_OFD kind.
LinuxResult<> record_lock(Task& task, File& file, u64 command, u64 address, bool description) {
  constexpr u64 kGet = 5, kSetWait = 7;
  auto lock = TRY(task.user().read<UserLock>(address));
  const bool known = lock.type == kReadLock || lock.type == kWriteLock || lock.type == kUnlock;
  if (!known || (command == kGet && lock.type == kUnlock)) return std::unexpected(Errno::Invalid);
  if (description && lock.pid != 0) return std::unexpected(Errno::Invalid);
  auto range = TRY(range_of(task, file, lock));
  const void* owner = &task.files();
  if (description) {
    owner = &file;
    range.pid = -1;
  }
  if (command == kGet) {
    const auto other = FileLocks::conflict(file.inode(), owner, range);
    lock.type = kUnlock;
    if (other) {
      const auto length = other->end >= (~u64{0} >> 1) ? 0 : other->end - other->begin + 1;
      lock = {other->exclusive ? kWriteLock : kReadLock, 0, static_cast<i64>(other->begin),
              static_cast<i64>(length), other->pid};
    }
    return task.user().write(address, lock);
  }
  if (lock.type == kUnlock) return FileLocks::unlock_range(file.inode(), owner, range.begin, range.end);
  if (lock.type == kReadLock ? !file.can_read() : !file.can_write()) return std::unexpected(Errno::BadFile);
  return FileLocks::lock_range(file.inode(), owner, range, command == kSetWait);
}

LinuxResult<u64> pipe_size(File& file, bool set, u64 bytes) {
  PipeFile* pipe = PipeFile::from(file);
  if (!pipe) return std::unexpected(Errno::BadFile);
  if (set) return pipe->pipe().resize(bytes);
  return pipe->pipe().capacity_bytes();
}

LinuxResult<> set_status_flags(Task& task, File& file, u32 wanted) {
  constexpr u32 kAsync = 020000, kDirect = 040000, kNoAccessTime = 01000000;
  constexpr u32 kChangeable = File::kAppend | File::kNonBlock | kAsync | kDirect | kNoAccessTime;
  if ((wanted & ~file.flags()) & kNoAccessTime) TRY(check_owner(task.identity(), file.inode()));
  file.set_flags((file.flags() & ~kChangeable) | (wanted & kChangeable));
  return {};
}

/// A lease needs a file that nobody else has open; that nobody does is never said here.
LinuxResult<u64> set_lease(Task& task, File& file, u64 argument) {
  const auto type = static_cast<i32>(argument);
  if (type != kReadLock && type != kWriteLock && type != kUnlock) return std::unexpected(Errno::Invalid);
  if (!task.may(Capability::Lease) && task.identity().file_user != file.inode().user())
    return std::unexpected(Errno::Access);
  if (!file.inode().is(FileKind::Regular)) return std::unexpected(Errno::Invalid);
  return std::unexpected(Errno::Again);
}

/// F_SETOWN and the like: who is to hear of O_ASYNC.
struct UserOwner {
  i32 type = 0, id = 0;
};
constexpr i32 kOwnerTask = 0, kOwnerProcess = 1, kOwnerGroup = 2;

LinuxResult<> set_owner(Task& task, File& file, UserOwner owner) {
  if (owner.type < kOwnerTask || owner.type > kOwnerGroup || owner.id < 0)
    return std::unexpected(Errno::Invalid);
  auto& processes = task.personality().processes();
  bool there = owner.id == 0 || processes.find(owner.id) || processes.find_task(owner.id);
  for (auto process = processes.next(0); process && !there && owner.type == kOwnerGroup;
       process = processes.next(process->id()))
    there = JobControl::group_of(task, process->id()) == owner.id;
  if (!there) return std::unexpected(Errno::NoProcess);
  file.set_owner({owner.type, owner.id});
  return {};
}

LinuxResult<u64> lock_command(Task& task, File& file, u64 command, u64 argument) {
  constexpr u64 kFirst = 5, kFirstOfDescriptions = 36;
  const bool description = command >= kFirstOfDescriptions;
  TRY(record_lock(task, file, description ? command - kFirstOfDescriptions + kFirst : command, argument,
                  description));
  return 0;
}

LinuxResult<u64> owner_command(Task& task, File& file, u64 command, u64 argument) {
  constexpr u64 kSetOwner = 8, kGetOwner = 9, kSetSignal = 10, kGetSignal = 11, kSetOwnerEx = 15;
  const auto owner = file.owner();
  switch (command) {
    case kSetOwner: {
      const auto id = static_cast<i32>(argument);
      if (id == static_cast<i32>(0x8000'0000)) return std::unexpected(Errno::Invalid);
      TRY(set_owner(task, file, {id < 0 ? kOwnerGroup : kOwnerProcess, id < 0 ? -id : id}));
      return 0;
    }
    case kGetOwner:
      // A group's number is negative, as the call's result is, too (fcntl(2), BUGS).
      return static_cast<u64>(i64{owner.type == kOwnerGroup ? -owner.id : owner.id});
    case kSetSignal:
      if (argument > static_cast<u64>(signal::kCount)) return std::unexpected(Errno::Invalid);
      file.set_owner_signal(static_cast<u8>(argument));
      return 0;
    case kGetSignal: return file.owner_signal();
    case kSetOwnerEx: TRY(set_owner(task, file, TRY(task.user().read<UserOwner>(argument)))); return 0;
    default: TRY(task.user().write(argument, UserOwner{owner.type, owner.id})); return 0;
  }
}

LinuxResult<u64> descriptor_command(Task& task, i64 descriptor, Ref<File> file, u64 command, u64 argument) {
  constexpr u64 kGetFlags = 1, kSetFlags = 2, kDupCloseOnExec = 1030;
  auto& files = task.files();
  switch (command) {
    case kGetFlags: return TRY(files.get_close_on_exec(descriptor)) ? 1 : 0;
    case kSetFlags: TRY(files.set_close_on_exec(descriptor, argument & 1)); return 0;
    default:
      if (static_cast<u32>(argument) >= descriptor_limit(task)) return std::unexpected(Errno::Invalid);
      return TRY(files.add(std::move(file), command == kDupCloseOnExec, descriptor_limit(task),
                           static_cast<u32>(argument)));
  }
}

LinuxResult<u64> control(Task& task, const Arguments& arguments) {
  const i64 descriptor = descriptor_of(arguments.a[0]);
  const u64 command = static_cast<u32>(arguments.a[1]), argument = arguments.a[2];
  auto file = TRY(task.files().get(descriptor));
  constexpr u64 kGetStatus = 3, kSetStatus = 4;
  if (command <= 2 || command == 1030)
    return descriptor_command(task, descriptor, std::move(file), command, argument);
  if (command == kGetStatus) return file->flags() | (file->path() ? 0100000 : 0);
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  switch (command) {
    case kSetStatus: TRY(set_status_flags(task, *file, static_cast<u32>(argument))); return 0;
    case 5:  // F_GETLK, F_SETLK, F_SETLKW, and the same of descriptions
    case 6:
    case 7:
    case 36:
    case 37:
    case 38: return lock_command(task, *file, command, argument);
    case 8:  // F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX
    case 9:
    case 10:
    case 11:
    case 15:
    case 16: return owner_command(task, *file, command, argument);
    case 1024: return set_lease(task, *file, argument);
    case 1025: return kUnlock;  // F_GETLEASE
    case 1031:
    case 1032: return pipe_size(*file, command == 1031, argument);
    case 1033: TRY(file->add_seals(static_cast<u32>(argument))); return 0;
    case 1034: return TRY(file->seals());
    default: return std::unexpected(Errno::Invalid);
  }
}

LinuxResult<> lock_file(Task& task, const Arguments& arguments) {
  constexpr u64 kShared = 1, kExclusive = 2, kNonBlocking = 4, kRelease = 8;
  auto file = TRY(task.files().get(descriptor_of(arguments.a[0])));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  const u64 operation = arguments.a[1] & ~kNonBlocking;
  if (operation == kRelease) {
    FileLocks::unlock_file(*file);
    return {};
  }
  if (operation != kShared && operation != kExclusive) return std::unexpected(Errno::Invalid);
  return FileLocks::lock_file(*file, operation == kExclusive, !(arguments.a[1] & kNonBlocking));
}

}  // namespace

i64 call_fcntl(Task& task, const Arguments& a) {
  return to_return_value(control(task, a));
}
i64 call_flock(Task& task, const Arguments& a) {
  return to_return_value(lock_file(task, a));
}

}  // namespace vari::linux
