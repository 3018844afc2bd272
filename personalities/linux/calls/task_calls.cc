// The calls that make, change, end and await tasks.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/schedule_helpers.h"
#include "personalities/linux/calls/structures.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/pid_file.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/program_image.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/signals/frame.h"

namespace vari::linux {

i64 call_getpid(Task& task, const Arguments&) {
  return task.process().id();
}
i64 call_gettid(Task& task, const Arguments&) {
  return task.id();
}
i64 call_getppid(Task& task, const Arguments&) {
  return task.process().parent_id();
}

i64 call_clone(Task& task, const Arguments& arguments) {
  const auto [flags, stack, parent_tid, child_tid, tls, u5] = arguments.a;
  constexpr u64 kSignalMask = 0xff;
  // One pointer for both.
  if ((flags & CloneRequest::kPidDescriptor) && (flags & CloneRequest::kParentSetTid))
    return failure(Errno::Invalid);
  return to_return_value(TaskInternals::clone(task, {.flags = flags & 0xffff'ffff & ~kSignalMask,
                                                     .stack = stack,
                                                     .parent_tid = parent_tid,
                                                     .child_tid = child_tid,
                                                     .tls = tls,
                                                     .exit_signal = static_cast<int>(flags & kSignalMask),
                                                     .pid_descriptor = parent_tid}));
}

i64 call_fork(Task& task, const Arguments&) {
  return to_return_value(TaskInternals::clone(task, {.exit_signal = signal::kChild}));
}

i64 call_vfork(Task& task, const Arguments&) {
  return to_return_value(TaskInternals::clone(
      task, {.flags = CloneRequest::kMemory | CloneRequest::kVfork, .exit_signal = signal::kChild}));
}

namespace {

LinuxResult<i32> clone_by_structure(Task& task, u64 address, u64 bytes) {
  struct {
    u64 flags, pid_descriptor, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls, set_tid,
        set_tid_bytes, group;
  } given{};
  constexpr u64 kFirstVersion = 64;
  if (bytes < kFirstVersion) return std::unexpected(Errno::Invalid);
  if (bytes > kPageBytes) return std::unexpected(Errno::TooBig);
  TRY(task.user().copy_in(&given, address, std::min(bytes, sizeof given)));
  for (u64 at = sizeof given; at < bytes; ++at) {
    if (TRY(task.user().read<u8>(address + at)) != 0) return std::unexpected(Errno::TooBig);
  }
  if (given.flags & (0xff | CloneRequest::kDetached) || given.exit_signal > signal::kCount || given.set_tid ||
      given.set_tid_bytes)
    return std::unexpected(Errno::Invalid);
  // Threads and siblings tell nobody of their end, or whom the caller tells.
  if ((given.flags & (CloneRequest::kThread | CloneRequest::kParent)) && given.exit_signal)
    return std::unexpected(Errno::Invalid);
  if ((given.stack == 0) != (given.stack_bytes == 0)) return std::unexpected(Errno::Invalid);
  return TaskInternals::clone(task, {.flags = given.flags,
                                     .stack = given.stack ? given.stack + given.stack_bytes : 0,
                                     .parent_tid = given.parent_tid,
                                     .child_tid = given.child_tid,
                                     .tls = given.tls,
                                     .exit_signal = static_cast<int>(given.exit_signal),
                                     .pid_descriptor = given.pid_descriptor});
}

LinuxResult<> execute(Task& task, const WalkStart& start, u64 path, u64 arguments, u64 environment,
                      WalkFlags flags) {
  if (task.personality().memory_is_short()) return std::unexpected(Errno::NoMemory);
  auto image = TRY(runtime::make_owned<ProgramImage>(task.personality().place()));
  image->path_length = static_cast<u32>(TRY(task.user().string(path, image->path)).size());
  image->start = start;
  image->walk_flags = flags;
  // Linux: a quarter of the stack may be arguments, and 128 KiB in any case.
  const u64 limit = std::max(task.process().soft_limit(Resource::StackBytes) / 4, 128 * kKiB);
  image->arguments.set_limit(limit);
  TRY(image->arguments.add_all(task.user(), arguments));
  if (image->arguments.count() == 0) TRY(image->arguments.add(""));
  image->environment.set_limit(limit - std::min(limit, image->arguments.bytes()));
  TRY(image->environment.add_all(task.user(), environment));
  return TaskInternals::execute(task, *image);
}

LinuxResult<> execute_at(Task& task, const Arguments& arguments) {
  constexpr u64 kNoFollow = 0x100, kEmptyPath = 0x1000;
  constexpr i32 kCurrentDirectory = -100;
  const auto [descriptor, path, argument_list, environment, flags, u5] = arguments.a;
  if (flags & ~(kNoFollow | kEmptyPath)) return std::unexpected(Errno::Invalid);
  WalkStart start;
  // An absolute path needs no directory: the descriptor is not looked at.
  const bool absolute = TRY(task.user().read<char>(path)) == '/';
  if (const auto number = static_cast<i32>(descriptor); number != kCurrentDirectory && !absolute) {
    const auto file = TRY(task.files().get(number));
    if (!file->path()) return std::unexpected(Errno::Access);
    start.directory = *file->path();
  }
  auto walk = WalkFlags::None;
  if (flags & kNoFollow) walk = walk | WalkFlags::NoFollow;
  if (flags & kEmptyPath) walk = walk | WalkFlags::EmptyPath;
  return execute(task, start, path, argument_list, environment, walk);
}

}  // namespace

i64 call_clone3(Task& task, const Arguments& arguments) {
  return to_return_value(clone_by_structure(task, arguments.a[0], arguments.a[1]));
}

i64 call_execve(Task& task, const Arguments& arguments) {
  return to_return_value(execute(task, {}, arguments.a[0], arguments.a[1], arguments.a[2], WalkFlags::None));
}
i64 call_execveat(Task& task, const Arguments& arguments) {
  return to_return_value(execute_at(task, arguments));
}

i64 call_exit(Task& task, const Arguments& arguments) {
  TaskInternals::exit_one(task, static_cast<i32>((arguments.a[0] & 0xff) << 8));
  return 0;
}
i64 call_exit_group(Task& task, const Arguments& arguments) {
  TaskInternals::begin_group_exit(task.process(), static_cast<i32>((arguments.a[0] & 0xff) << 8));
  return 0;
}

namespace {

LinuxResult<i32> wait4(Task& task, i32 pid, u64 status_address, u32 options, u64 usage_address) {
  constexpr u32 kKnown = WaitRequest::kNoHang | WaitRequest::kStopped | WaitRequest::kContinued |
                         WaitRequest::kNoThread | WaitRequest::kAll | WaitRequest::kClone;
  if (options & ~kKnown) return std::unexpected(Errno::Invalid);
  if (pid == INT32_MIN) return std::unexpected(Errno::NoProcess);
  WaitRequest request{.options = options | WaitRequest::kExited};
  if (pid > 0) {
    request.of = WaitRequest::Of::Process;
    request.id = pid;
  } else if (pid != -1) {
    request.of = WaitRequest::Of::Group;
    request.id = -pid;
  }
  const auto result = TRY(TaskInternals::wait(task, request));
  if (result.pid && status_address) TRY(task.user().write(status_address, result.status));
  if (result.pid && usage_address) TRY(task.user().write(usage_address, ResourceUsage::of(result.usage)));
  return result.pid;
}

/// The siginfo of what wait4 would call `status`.
SignalInfo info_of(const WaitResult& result) {
  SignalInfo info{.number = signal::kChild, .pid = result.pid, .uid = result.user};
  if (result.status == 0xffff) {
    info.code = child_code::kContinued;
    info.status = signal::kContinue;
  } else if ((result.status & 0xff) == 0x7f) {
    info.code = result.traced ? child_code::kTrapped : child_code::kStopped;
    info.status = result.status >> 8;
  } else if (result.status & 0x7f) {
    info.code = result.status & 0x80 ? child_code::kDumped : child_code::kKilled;
    info.status = result.status & 0x7f;
  } else {
    info.code = child_code::kExited;
    info.status = result.status >> 8;
  }
  return info;
}

LinuxResult<> waitid(Task& task, u32 kind, i32 id, u64 info_address, u32 options, u64 usage_address) {
  constexpr u32 kEvents = WaitRequest::kStopped | WaitRequest::kExited | WaitRequest::kContinued;
  constexpr u32 kKnown = kEvents | WaitRequest::kNoHang | WaitRequest::kNoReap | WaitRequest::kNoThread |
                         WaitRequest::kAll | WaitRequest::kClone;
  if (options & ~kKnown || !(options & kEvents)) return std::unexpected(Errno::Invalid);
  WaitRequest request{.id = id, .options = options};
  bool would_block = false;
  switch (kind) {
    case 0: break;
    case 1:
      request.of = WaitRequest::Of::Process;
      if (id <= 0) return std::unexpected(Errno::Invalid);
      break;
    case 2:
      request.of = WaitRequest::Of::Group;
      if (id < 0) return std::unexpected(Errno::Invalid);
      break;
    case 3: {
      if (id < 0) return std::unexpected(Errno::Invalid);
      const auto file = TRY(task.files().get(id));
      auto* found = PidFile::from(*file);
      if (!found) return std::unexpected(Errno::BadFile);
      request.of = WaitRequest::Of::Process;
      request.id = found->process().id();
      if ((file->flags() & File::kNonBlock) && !(options & WaitRequest::kNoHang)) {
        request.options |= WaitRequest::kNoHang;
        would_block = true;
      }
      break;
    }
    default: return std::unexpected(Errno::Invalid);
  }
  const auto result = TRY(TaskInternals::wait(task, request));
  if (would_block && result.pid == 0) return std::unexpected(Errno::Again);
  if (info_address) {
    frame::Info info = frame::encode(result.pid ? info_of(result) : SignalInfo{});
    TRY(task.user().write(info_address, info));
  }
  if (result.pid && usage_address) TRY(task.user().write(usage_address, ResourceUsage::of(result.usage)));
  return {};
}

}  // namespace

i64 call_wait4(Task& task, const Arguments& arguments) {
  return to_return_value(wait4(task, static_cast<i32>(arguments.a[0]), arguments.a[1],
                               static_cast<u32>(arguments.a[2]), arguments.a[3]));
}
i64 call_waitid(Task& task, const Arguments& arguments) {
  return to_return_value(waitid(task, static_cast<u32>(arguments.a[0]), static_cast<i32>(arguments.a[1]),
                                arguments.a[2], static_cast<u32>(arguments.a[3]), arguments.a[4]));
}

i64 call_arch_prctl(Task& task, const Arguments& arguments) {
  constexpr u64 kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004;
  const auto [code, address, u2, u3, u4, u5] = arguments.a;
  auto& registers = task.context().all_registers();
  switch (code) {
    case kSetFs:
    case kSetGs:
      if (address >= Domain::kUserEnd.value) return failure(Errno::Perm);
      (code == kSetFs ? registers.fs_base : registers.gs_base) = address;
      return 0;
    case kGetFs: return to_return_value(task.user().write(address, registers.fs_base));
    case kGetGs: return to_return_value(task.user().write(address, registers.gs_base));
    default: return failure(Errno::Invalid);
  }
}

i64 call_set_tid_address(Task& task, const Arguments& arguments) {
  TaskInternals::set_clear_child_tid(task, arguments.a[0]);
  return task.id();
}
void TaskInternals::set_clear_child_tid(Task& task, u64 address) {
  task.clear_child_tid_ = address;
}

i64 call_set_robust_list(Task& task, const Arguments& arguments) {
  constexpr u64 kHeadBytes = 24;
  if (arguments.a[1] != kHeadBytes) return failure(Errno::Invalid);
  TaskInternals::robust_list(task) = arguments.a[0];
  return 0;
}
u64& TaskInternals::robust_list(Task& task) {
  return task.robust_list_;
}

i64 call_get_robust_list(Task& task, const Arguments& arguments) {
  const auto [tid, head_address, bytes_address, u3, u4, u5] = arguments.a;
  const auto target = scheduled_task(task, tid);
  if (!target.has_value()) return failure(Errno::NoProcess);
  // ptrace's rule: who may trace any, or the same user.
  const auto& own = task.identity();
  const auto other = (*target)->process().identity();
  if (!own.may(Capability::Trace) && (own.user != other.user || own.user != other.effective_user))
    return failure(Errno::Perm);
  if (!task.user().write(bytes_address, u64{24}).has_value()) return failure(Errno::Fault);
  return to_return_value(task.user().write(head_address, TaskInternals::robust_list(**target)));
}

}  // namespace vari::linux
