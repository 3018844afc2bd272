// See signal_file.h and signalfd(2).
#include "personalities/linux/files/signal_file.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

/// struct signalfd_siginfo.
struct SignalRecord {
  u32 number = 0;
  i32 error = 0, code = 0;
  u32 pid = 0, uid = 0;
  i32 descriptor = 0;
  u32 timer = 0, band = 0, overrun = 0, trap = 0;
  i32 status = 0, integer = 0;
  u64 pointer = 0, user_time = 0, system_time = 0, address = 0;
  u8 reserved[48] = {};
};
static_assert(sizeof(SignalRecord) == 128);

/// What siginfo_t's union holds depends on the signal and who sent it.
SignalRecord record_of(const SignalInfo& info) {
  SignalRecord record;
  record.number = static_cast<u32>(info.number);
  record.error = info.error;
  record.code = info.code;
  if (info.code == SignalInfo::kTimer) {
    record.timer = static_cast<u32>(info.pid);
    record.overrun = info.uid;
  } else {
    record.pid = static_cast<u32>(info.pid);
    record.uid = info.uid;
  }
  const bool of_child = info.number == signal::kChild && info.code > 0;
  if (of_child) {
    record.status = info.status;
    record.user_time = info.value >> 32;
    record.system_time = info.value & 0xffff'ffff;
  } else if (info.code > 0 && (kSynchronous & set_of(info.number))) {
    record.address = info.value;
  } else {
    record.pointer = info.value;
    record.integer = static_cast<i32>(info.value);
  }
  return record;
}

}  // namespace

SignalFile::SignalFile(Ref<Inode> inode, SignalArrivals& arrivals, SignalSet wanted, u32 flags)
    : AnonymousFile(std::move(inode), kReadWrite | (flags & kNonBlock)),
      arrivals_(arrivals),
      wanted_(wanted & ~kUnblockable) {
  __atomic_fetch_add(&arrivals_.files_, 1, __ATOMIC_SEQ_CST);
}

SignalFile::~SignalFile() {
  __atomic_fetch_sub(&arrivals_.files_, 1, __ATOMIC_SEQ_CST);
}

LinuxResult<Ref<File>> SignalFile::create(Task& task, SignalSet wanted, u32 flags) {
  return TRY(runtime::make<SignalFile>(TRY(make_anonymous_inode(task, FileKind::Regular)),
                                       task.personality().signal_arrivals(), wanted, flags));
}

SignalFile* SignalFile::from(File& file) {
  return file.as<SignalFile>();
}

void SignalFile::set_wanted(SignalSet wanted) {
  __atomic_store_n(&wanted_, wanted & ~kUnblockable, __ATOMIC_RELEASE);
  arrivals_.note();
}

LinuxResult<u64> SignalFile::read(Task& task, Transfer& to) {
  if (to.remaining() < sizeof(SignalRecord)) return std::unexpected(Errno::Invalid);
  u64 done = 0;
  while (to.remaining() >= sizeof(SignalRecord)) {
    SignalInfo info;
    if (TaskInternals::take_signal(task, wanted(), info)) {
      const auto record = record_of(info);
      const auto put = to.put({reinterpret_cast<const u8*>(&record), sizeof record});
      if (!put && !done) return put;
      if (!put || *put < sizeof record) break;
      done += sizeof record;
      continue;
    }
    if (done) break;
    if (flags() & kNonBlock) return std::unexpected(Errno::Again);
    TRY(arrivals_.readers_.wait_until([&] { return (TaskInternals::pending(task) & wanted()) != 0; },
                                      kForever, runtime::Cancellation::Respect));
  }
  return done;
}

u32 SignalFile::poll(PollTable* table) {
  if (table) table->watch(arrivals_.poll_queue_);
  const bool ready = (TaskInternals::pending(Task::current()) & wanted()) != 0;
  return ready ? poll_event::kIn | poll_event::kReadNormal : 0;
}

}  // namespace vari::linux
