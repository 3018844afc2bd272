// Descriptors: open, close, dup, pipe, ioctl.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/pipe.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

/// Open flags that Linux knows; others are ignored by open and refused by openat2.
constexpr u64 kKnownOpenFlags = 037777703;

LinuxResult<u64> open_at(Task& task, u64 directory, u64 address, u32 flags, u32 mode,
                         WalkFlags walk_flags = WalkFlags::None) {
  UserPath path;
  const auto text = TRY(path.read(task, address));
  // RESOLVE_IN_ROOT: the directory is the root of absolute paths, too.
  const auto relative = has(walk_flags, WalkFlags::InRoot) ? "." : text;
  auto file = TRY(open_path(task, TRY(start_at(task, directory, relative)), text, flags, mode, walk_flags));
  return TRY(task.files().add(std::move(file), flags & File::kCloseOnExec, descriptor_limit(task)));
}

/// The kernel's struct open_how.
struct OpenHow {
  u64 flags = 0, mode = 0, resolve = 0;
};

LinuxResult<u64> open_by_how(Task& task, const Arguments& arguments) {
  if (arguments.a[3] < sizeof(OpenHow)) return std::unexpected(Errno::Invalid);
  if (arguments.a[3] > kPageBytes) return std::unexpected(Errno::TooBig);
  const auto how = TRY(task.user().read<OpenHow>(arguments.a[2]));
  for (u64 at = sizeof(OpenHow); at < arguments.a[3]; ++at) {
    if (TRY(task.user().read<u8>(arguments.a[2] + at)) != 0) return std::unexpected(Errno::TooBig);
  }
  struct Bit {
    u64 resolve;
    WalkFlags flag;
  };
  static constexpr Bit kBits[] = {{1, WalkFlags::NoCrossMount},
                                  {2, WalkFlags::NoMagicLinks},
                                  {4, WalkFlags::NoSymlinks},
                                  {8, WalkFlags::Beneath},
                                  {16, WalkFlags::InRoot}};
  // RESOLVE_CACHED: only what needs no waiting. Names are at hand, but making and cutting may wait.
  constexpr u64 kCached = 32, kBeneathAndInRoot = 24, kTemporary = 020000000;
  constexpr u64 kWithPath = File::kDirectory | File::kNoFollow | File::kPath | File::kCloseOnExec;
  auto flags = WalkFlags::None;
  u64 unknown = how.resolve & ~kCached;
  for (const auto& bit : kBits) {
    if (how.resolve & bit.resolve) flags = flags | bit.flag;
    unknown &= ~bit.resolve;
  }
  if (unknown || (how.flags & ~kKnownOpenFlags) || (how.mode & ~u64{07777}))
    return std::unexpected(Errno::Invalid);
  if (how.mode && !(how.flags & (File::kCreate | kTemporary))) return std::unexpected(Errno::Invalid);
  if ((how.resolve & kBeneathAndInRoot) == kBeneathAndInRoot) return std::unexpected(Errno::Invalid);
  if ((how.flags & File::kPath) && (how.flags & ~kWithPath)) return std::unexpected(Errno::Invalid);
  if ((how.resolve & kCached) && (how.flags & (File::kCreate | File::kTruncate | kTemporary)))
    return std::unexpected(Errno::Again);
  return open_at(task, arguments.a[0], arguments.a[1], static_cast<u32>(how.flags),
                 static_cast<u32>(how.mode), flags);
}

LinuxResult<u64> duplicate(Task& task, u64 from, u64 to, bool close_on_exec) {
  auto file = TRY(task.files().get(descriptor_of(from)));
  if (descriptor_of(to) < 0) return std::unexpected(Errno::BadFile);
  TRY(task.files().replace(static_cast<u32>(to), std::move(file), close_on_exec, descriptor_limit(task)));
  return static_cast<u32>(to);
}

LinuxResult<> open_pipe(Task& task, u64 address, u64 flags) {
  if (flags & ~u64{File::kCloseOnExec | File::kNonBlock | 040000}) return std::unexpected(Errno::Invalid);
  auto pipe = TRY(make_pipe(task, static_cast<u32>(flags) & (File::kNonBlock | 040000)));
  const auto pair = TRY(task.files().add_two(std::move(pipe.reader), std::move(pipe.writer),
                                             flags & File::kCloseOnExec, descriptor_limit(task)));
  const auto told = task.user().write(address, pair);
  if (!told) {
    (void)task.files().close(pair.first);
    (void)task.files().close(pair.second);
  }
  return told;
}

LinuxResult<> close_range(Task& task, const Arguments& arguments) {
  const u32 first = static_cast<u32>(arguments.a[0]), last = static_cast<u32>(arguments.a[1]);
  constexpr u32 kUnshare = 2, kCloseOnExec = 4;
  if (first > last || (arguments.a[2] & ~u64{kUnshare | kCloseOnExec}))
    return std::unexpected(Errno::Invalid);
  if (arguments.a[2] & kUnshare) TRY(TaskInternals::unshare_files(task));
  auto& files = task.files();
  for (i64 at = files.next(first); at >= 0 && at <= last; at = files.next(static_cast<u64>(at) + 1)) {
    if (arguments.a[2] & kCloseOnExec) {
      (void)files.set_close_on_exec(at, true);
    } else {
      (void)files.close(at);
    }
  }
  return {};
}

LinuxResult<u64> device_control(Task& task, const Arguments& arguments) {
  constexpr u32 kSetCloseOnExec = 0x5451, kClearCloseOnExec = 0x5450, kSetNonBlock = 0x5421;
  auto& files = task.files();
  const i64 descriptor = descriptor_of(arguments.a[0]);
  const u32 request = static_cast<u32>(arguments.a[1]);
  auto file = TRY(files.borrow(descriptor));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  switch (request) {
    case kSetCloseOnExec:
    case kClearCloseOnExec: TRY(files.set_close_on_exec(descriptor, request == kSetCloseOnExec)); return 0;
    case kSetNonBlock: {
      const bool set = TRY(task.user().read<i32>(arguments.a[2])) != 0;
      file->set_flags(set ? file->flags() | File::kNonBlock : file->flags() & ~File::kNonBlock);
      return 0;
    }
    default: return file->ioctl(task, request, arguments.a[2]);
  }
}

}  // namespace

i64 call_open(Task& task, const Arguments& a) {
  return to_return_value(open_at(task, static_cast<u64>(kCurrentDirectory), a.a[0], static_cast<u32>(a.a[1]),
                                 static_cast<u32>(a.a[2])));
}
i64 call_creat(Task& task, const Arguments& a) {
  return to_return_value(open_at(task, static_cast<u64>(kCurrentDirectory), a.a[0],
                                 File::kCreate | File::kWriteOnly | File::kTruncate,
                                 static_cast<u32>(a.a[1])));
}
i64 call_openat(Task& task, const Arguments& a) {
  return to_return_value(open_at(task, a.a[0], a.a[1], static_cast<u32>(a.a[2]), static_cast<u32>(a.a[3])));
}
i64 call_openat2(Task& task, const Arguments& a) {
  return to_return_value(open_by_how(task, a));
}
i64 call_close(Task& task, const Arguments& a) {
  return to_return_value(task.files().close(descriptor_of(a.a[0])));
}
i64 call_close_range(Task& task, const Arguments& a) {
  return to_return_value(close_range(task, a));
}

i64 call_dup(Task& task, const Arguments& a) {
  auto file = task.files().get(descriptor_of(a.a[0]));
  if (!file) return failure(file.error());
  return to_return_value(task.files().add(std::move(*file), false, descriptor_limit(task)));
}
i64 call_dup2(Task& task, const Arguments& a) {
  if (static_cast<i32>(a.a[0]) != static_cast<i32>(a.a[1])) {
    return to_return_value(duplicate(task, a.a[0], a.a[1], false));
  }
  const auto same = task.files().get_close_on_exec(descriptor_of(a.a[0]));
  return same ? descriptor_of(a.a[0]) : failure(same.error());
}
i64 call_dup3(Task& task, const Arguments& a) {
  if (static_cast<i32>(a.a[0]) == static_cast<i32>(a.a[1])) return failure(Errno::Invalid);
  if (a.a[2] & ~u64{File::kCloseOnExec}) return failure(Errno::Invalid);
  return to_return_value(duplicate(task, a.a[0], a.a[1], a.a[2] & File::kCloseOnExec));
}
i64 call_pipe(Task& task, const Arguments& a) {
  return to_return_value(open_pipe(task, a.a[0], 0));
}
i64 call_pipe2(Task& task, const Arguments& a) {
  return to_return_value(open_pipe(task, a.a[0], a.a[1]));
}
i64 call_ioctl(Task& task, const Arguments& a) {
  return to_return_value(device_control(task, a));
}

}  // namespace vari::linux
