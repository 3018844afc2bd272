// See pid_file.h and pidfd_open(2).
#include "personalities/linux/files/pid_file.h"

#include "personalities/linux/process/process.h"

namespace vari::linux {

PidFile::PidFile(Ref<Inode> inode, Process& process, u32 flags)
    : AnonymousFile(std::move(inode), kReadWrite | (flags & kNonBlock)), process_(process) {}

PidFile::~PidFile() = default;

LinuxResult<Ref<File>> PidFile::create(Task& task, Process& process, u32 flags) {
  return TRY(runtime::make<PidFile>(TRY(make_anonymous_inode(task, FileKind::Regular)), process, flags));
}

PidFile* PidFile::from(File& file) {
  return file.as<PidFile>();
}

u32 PidFile::poll(PollTable* table) {
  if (table) table->watch(process_->ended_);
  return process_->has_ended() ? poll_event::kIn | poll_event::kReadNormal : 0;
}

}  // namespace vari::linux
