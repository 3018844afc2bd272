// The ends of pipes and FIFOs as files.
#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/files/pipe.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

constexpr u32 kBytesReadable = 0x541b;  // FIONREAD

/// The inode of an anonymous pipe, with the pipe in it: one allocation for both.
class PipeInode final : public AnonymousInode {
 public:
  PipeInode(Task& task, Place& place)
      : AnonymousInode(task.personality().vfs().anonymous(), FileKind::Fifo, 0600, task.identity().file_user,
                       task.identity().file_group),
        pipe_(place) {}
  Pipe& pipe() { return pipe_; }
  /// Through /proc/PID/fd/N.
  LinuxResult<Ref<File>> open(const OpenRequest& request) override {
    return TRY(runtime::make<PipeFile>(Ref<Inode>(*this), pipe_, nullptr, request.flags));
  }

 private:
  Pipe pipe_;
};

}  // namespace

PipeFile::PipeFile(Ref<Inode> inode, Pipe& pipe, const Path* path, u32 flags)
    : File(flags), inode_(std::move(inode)), pipe_(pipe), path_(path ? *path : Path()) {
  pipe_.add_end(can_read(), can_write());
}

PipeFile::~PipeFile() {
  pipe_.remove_end(can_read(), can_write());
  if (path_) Fifos::closed(*inode_);
}

PipeFile* PipeFile::from(File& file) {
  return file.as<PipeFile>();
}

LinuxResult<u64> PipeFile::read(Task&, Transfer& to) {
  return pipe_.read(to, !(flags() & kNonBlock));
}

LinuxResult<u64> PipeFile::write(Task& task, Transfer& from) {
  const bool waits = !(flags() & kNonBlock);
  auto done = flags() & kPackets ? pipe_.write_packets(from, waits) : pipe_.write(from, waits);
  if (!done && done.error() == Errno::Pipe) raise_pipe_signal(task);
  return done;
}

u32 PipeFile::poll(PollTable* table) {
  return pipe_.poll(table, can_read(), can_write());
}

LinuxResult<u64> PipeFile::ioctl(Task& task, u32 request, u64 argument) {
  if (request != kBytesReadable) return std::unexpected(Errno::NotTerminal);
  TRY(task.user().write(argument, static_cast<i32>(pipe_.used_bytes())));
  return 0;
}

LinuxResult<Ref<File>> Fifos::open(Inode& inode, const OpenRequest& request) {
  Ref<PipeFile> file;
  Pipe::Attendance before;
  {
    runtime::Guard guard(inode.mutex());
    if (!inode.fifo_) {
      auto pipe = TRY(runtime::make_owned<Pipe>(inode.file_system().vfs().place()));
      TRY(pipe->prepare());
      inode.fifo_ = pipe.leak();
    }
    const bool only_write = (request.flags & File::kAccessMode) == File::kWriteOnly;
    if (only_write && (request.flags & File::kNonBlock) && !inode.fifo_->has_readers()) {
      if (inode.fifo_->unused()) delete std::exchange(inode.fifo_, nullptr);
      return std::unexpected(Errno::NoDevice6);
    }
    // Order: looked at before our own end is there. From then on the other side may go (a writer that
    // waited for us has written and left), or come and go, before we look again; neither is waited for.
    before = inode.fifo_->attendance();
    auto made = runtime::make<PipeFile>(Ref<Inode>(inode), *inode.fifo_, &request.path, request.flags);
    if (!made) {
      if (inode.fifo_->unused()) delete std::exchange(inode.fifo_, nullptr);
      return std::unexpected(Errno::NoMemory);
    }
    file = std::move(*made);
  }
  const u32 access = request.flags & File::kAccessMode;
  if (access == File::kReadOnly && !(request.flags & File::kNonBlock))
    TRY(file->pipe().wait_for_writer(before));
  if (access == File::kWriteOnly) TRY(file->pipe().wait_for_reader(before));
  return file;
}

void Fifos::closed(Inode& inode) {
  runtime::Guard guard(inode.mutex());
  if (inode.fifo_ && inode.fifo_->unused()) delete std::exchange(inode.fifo_, nullptr);
}

LinuxResult<PipePair> make_pipe(Task& task, u32 flags) {
  auto inode = TRY(runtime::make<PipeInode>(task, task.personality().place()));
  TRY(inode->pipe().prepare());
  PipePair pair;
  pair.reader = TRY(runtime::make<PipeFile>(inode, inode->pipe(), nullptr, flags | File::kReadOnly));
  pair.writer = TRY(runtime::make<PipeFile>(inode, inode->pipe(), nullptr, flags | File::kWriteOnly));
  return pair;
}

LinuxResult<Ref<Inode>> make_anonymous_inode(Task& task, FileKind kind) {
  return TRY(runtime::make<AnonymousInode>(task.personality().vfs().anonymous(), kind, u32{0600},
                                           task.identity().file_user, task.identity().file_group));
}

}  // namespace vari::linux
