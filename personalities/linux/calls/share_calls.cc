// unshare and setns. There are no namespaces: what would make or enter one is refused as by a kernel without
// them.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

/// Decode, then perform: the copies are made first.
LinuxResult<> TaskInternals::unshare(Task& task, u64 flags) {
  constexpr u64 kAlone = CloneRequest::kMemory | CloneRequest::kHandlers | CloneRequest::kThread;
  constexpr u64 kKnown =
      kAlone | CloneRequest::kFiles | CloneRequest::kFileSystem | CloneRequest::kSystemVSemaphores;
  auto& process = *task.process_;
  if (flags & ~kKnown) return std::unexpected(Errno::Invalid);
  // Memory and actions can't be unshared; of a process with one task they are not shared.
  if ((flags & kAlone) && process.task_count() > 1) return std::unexpected(Errno::Invalid);
  Ref<FileTable> files;
  Ref<FileSystemContext> context;
  if ((flags & CloneRequest::kFiles) && task.files_->references() > 1) files = TRY(task.files_->clone());
  if ((flags & CloneRequest::kFileSystem) && task.file_system_->references() > 1)
    context = TRY(task.file_system_->clone());
  Guard<SpinLock> guard(process.lock_);
  if (files) std::swap(task.files_, files);
  if (context) std::swap(task.file_system_, context);
  return {};
}

i64 call_unshare(Task& task, const Arguments& arguments) {
  return to_return_value(TaskInternals::unshare(task, arguments.a[0]));
}

/// No descriptor is one of a namespace.
i64 call_setns(Task& task, const Arguments& arguments) {
  const auto file = task.files().get(static_cast<i32>(arguments.a[0]));
  return failure(file.has_value() ? Errno::Invalid : Errno::BadFile);
}

}  // namespace vari::linux
