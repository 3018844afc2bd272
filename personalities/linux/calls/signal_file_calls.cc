// signalfd, signalfd4.
#include "personalities/linux/calls/file_call_helpers.h"
#include "personalities/linux/files/signal_file.h"

namespace vari::linux {

namespace {

LinuxResult<u64> signal_file(Task& task, const Arguments& a, u64 flags) {
  if (a.a[2] != sizeof(SignalSet)) return std::unexpected(Errno::Invalid);
  const auto wanted = TRY(task.user().read<SignalSet>(a.a[1]));
  if (flags & ~u64{File::kNonBlock | File::kCloseOnExec}) return std::unexpected(Errno::Invalid);
  if (descriptor_of(a.a[0]) != -1) {
    const auto file = TRY(task.files().get(descriptor_of(a.a[0])));
    SignalFile* existing = SignalFile::from(*file);
    if (!existing) return std::unexpected(Errno::Invalid);
    existing->set_wanted(wanted);
    return static_cast<u64>(descriptor_of(a.a[0]));
  }
  return TRY(task.files().add(TRY(SignalFile::create(task, wanted, static_cast<u32>(flags))),
                              flags & File::kCloseOnExec, descriptor_limit(task)));
}

}  // namespace

i64 call_signalfd(Task& task, const Arguments& a) {
  return to_return_value(signal_file(task, a, 0));
}
i64 call_signalfd4(Task& task, const Arguments& a) {
  return to_return_value(signal_file(task, a, static_cast<u32>(a.a[3])));
}

}  // namespace vari::linux
