// pidfd_open, pidfd_send_signal, pidfd_getfd.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/signal_helpers.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/pid_file.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/access_check.h"

namespace vari::linux {

namespace {

LinuxResult<u64> open(Task& task, i32 pid, u32 flags) {
  if (flags & ~File::kNonBlock || pid <= 0) return std::unexpected(Errno::Invalid);
  auto& table = task.personality().processes();
  const auto process = table.find(pid);
  // A thread that leads nothing has no such file.
  if (!process) return std::unexpected(table.find_task(pid) ? Errno::Invalid : Errno::NoProcess);
  auto file = TRY(PidFile::create(task, *process, flags));
  return TRY(task.files().add(std::move(file), true, task.process().soft_limit(Resource::OpenFiles)));
}

LinuxResult<Ref<Process>> process_of(Task& task, u64 descriptor) {
  const auto file = TRY(task.files().get(static_cast<i32>(descriptor)));
  auto* found = PidFile::from(*file);
  if (!found) return std::unexpected(Errno::BadFile);
  return Ref<Process>(found->process());
}

LinuxResult<> send(Task& task, const Arguments& arguments) {
  const auto [descriptor, signal_number, info_address, flags, u4, u5] = arguments.a;
  const auto number = static_cast<int>(signal_number);
  if (flags != 0) return std::unexpected(Errno::Invalid);
  const auto process = TRY(process_of(task, descriptor));
  if (number < 0 || number > signal::kCount) return std::unexpected(Errno::Invalid);
  SignalInfo info = signal_info_from(task, number, SignalInfo::kUser);
  if (info_address) {
    const auto given = TRY(task.user().read<i32>(info_address));
    if (given != number) return std::unexpected(Errno::Invalid);
    info = TRY(signal_info_of_user(task, number, info_address, process.get() == &task.process()));
  }
  if (process->is_reaped()) return std::unexpected(Errno::NoProcess);
  if (!may_signal(task, *process, number)) return std::unexpected(Errno::Perm);
  return number ? queue_signal(*process, info) : LinuxResult<>();
}

LinuxResult<u64> take_file(Task& task, u64 descriptor, i32 number, u32 flags) {
  if (flags != 0) return std::unexpected(Errno::Invalid);
  const auto process = TRY(process_of(task, descriptor));
  const auto target = process->any_task();
  if (!target) return std::unexpected(Errno::NoProcess);
  const auto files = target->files_of_other();
  auto file = files ? files->get(number) : std::unexpected(Errno::NoProcess);
  if (!may_inspect(task, *process)) return std::unexpected(Errno::Perm);
  if (!file) return std::unexpected(file.error());
  return TRY(task.files().add(std::move(*file), true, task.process().soft_limit(Resource::OpenFiles)));
}

}  // namespace

i64 call_pidfd_open(Task& task, const Arguments& arguments) {
  return to_return_value(open(task, static_cast<i32>(arguments.a[0]), static_cast<u32>(arguments.a[1])));
}
i64 call_pidfd_send_signal(Task& task, const Arguments& arguments) {
  return to_return_value(send(task, arguments));
}
i64 call_pidfd_getfd(Task& task, const Arguments& arguments) {
  return to_return_value(
      take_file(task, arguments.a[0], static_cast<i32>(arguments.a[1]), static_cast<u32>(arguments.a[2])));
}

}  // namespace vari::linux
