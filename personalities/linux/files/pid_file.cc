// See pid_file.h and pidfd_open(2).
#include "personalities/linux/files/pid_file.h"

#include "personalities/linux/process/process.h"

namespace vari::linux {

namespace {
constexpr std::string_view kName = "anon_inode:[pidfd]";
}

PidFile::PidFile(Ref<Inode> inode, Process& process, u32 flags)
    : AnonymousFile(std::move(inode), kReadWrite | (flags & kNonBlock)), process_(process) {}

PidFile::~PidFile() = default;

LinuxResult<Ref<File>> PidFile::create(Task& task, Process& process, u32 flags) {
  return TRY(runtime::make<PidFile>(TRY(make_anonymous_inode(task, FileKind::Regular)), process, flags));
}

/// No other kind of file has this name.
PidFile* PidFile::from(File& file) {
  return file.kind_name() == kName ? static_cast<PidFile*>(&file) : nullptr;
}

u32 PidFile::poll(PollTable* table) {
  if (table) table->watch(process_->ended_);
  return process_->has_ended() ? poll_event::kIn | poll_event::kReadNormal : 0;
}

}  // namespace vari::linux
