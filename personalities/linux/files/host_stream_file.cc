// See host_stream_file.h.
#include "personalities/linux/files/host_stream_file.h"

#include <algorithm>

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/files/vfs.h"
#include "runtime/synchronization.h"
#include "runtime/thread.h"

namespace vari::linux {

using runtime::Guard;

namespace {

/// What has come from the host and was not read yet. Filled by its thread, which lives until the stream ends.
class HostInput final : public runtime::Managed {
 public:
  explicit HostInput(ByteStream& stream) : stream_(&stream) { stream.acquire(); }
  ~HostInput() override { stream_->release(); }

  void start();
  LinuxResult<u64> read(Transfer& to, bool wait);
  u32 poll(PollTable* table);

 private:
  static void pump(void* input);
  void pump();
  bool ready() const {
    return __atomic_load_n(&used_, __ATOMIC_ACQUIRE) || __atomic_load_n(&ended_, __ATOMIC_ACQUIRE);
  }

  ByteStream* stream_;
  runtime::Mutex mutex_;
  bool started_ GUARDED_BY(mutex_) = false;
  u8 buffer_[4096];
  u32 first_ = 0, used_ = 0;  // changed under mutex_; used_ atomic
  bool ended_ = false;        // atomic
  runtime::WaitQueue readers_, room_;
  PollQueue poll_queue_;
};

void HostInput::start() {
  Guard guard(mutex_);
  if (started_) return;
  acquire();
  const auto thread = runtime::Thread::start(&HostInput::pump, this, {.name = "host-input"});
  started_ = thread.has_value();
  if (!started_) release();
}

void HostInput::pump(void* input) {
  auto* self = static_cast<HostInput*>(input);
  self->pump();
  self->release();
}

void HostInput::pump() {
  for (;;) {
    (void)room_.wait_until([&] { return __atomic_load_n(&used_, __ATOMIC_ACQUIRE) == 0; });
    // Empty: nobody else looks into the buffer.
    const auto count = stream_->read(buffer_);
    {
      Guard guard(mutex_);
      first_ = 0;
      __atomic_store_n(&used_, static_cast<u32>(count), __ATOMIC_RELEASE);
      if (count == 0) __atomic_store_n(&ended_, true, __ATOMIC_RELEASE);
    }
    readers_.wake_all();
    poll_queue_.wake();
    if (count == 0) return;
  }
}

LinuxResult<u64> HostInput::read(Transfer& to, bool wait) {
  start();
  for (;;) {
    {
      Guard guard(mutex_);
      if (used_ != 0) {
        const u64 moved = TRY(to.put({buffer_ + first_, used_}));
        first_ += static_cast<u32>(moved);
        __atomic_store_n(&used_, used_ - static_cast<u32>(moved), __ATOMIC_RELEASE);
        if (used_ == 0) room_.wake_all();
        return moved;
      }
      if (__atomic_load_n(&ended_, __ATOMIC_ACQUIRE)) return 0;
    }
    if (!wait) return std::unexpected(Errno::Again);
    TRY(readers_.wait_until([&] { return ready(); }, kForever, runtime::Cancellation::Respect));
  }
}

u32 HostInput::poll(PollTable* table) {
  start();
  if (table) table->watch(poll_queue_);
  return ready() ? poll_event::kIn | poll_event::kReadNormal : 0;
}

class HostInputFile final : public AnonymousFile {
 public:
  HostInputFile(Ref<Inode> inode, HostInput& input, u32 flags)
      : AnonymousFile(std::move(inode), flags), input_(Ref<HostInput>(input)) {}
  LinuxResult<u64> read(Task&, Transfer& to) override { return input_->read(to, !(flags() & kNonBlock)); }
  LinuxResult<u64> write(Task&, Transfer&) override { return std::unexpected(Errno::BadFile); }
  u32 poll(PollTable* table) override { return input_->poll(table); }
  std::string_view kind_name() const override { return "host"; }

 private:
  const Ref<HostInput> input_;
};

class HostOutputFile final : public AnonymousFile {
 public:
  HostOutputFile(Ref<Inode> inode, ByteStream& stream, u32 flags)
      : AnonymousFile(std::move(inode), flags), stream_(stream) {}
  LinuxResult<u64> read(Task&, Transfer&) override { return std::unexpected(Errno::BadFile); }
  LinuxResult<u64> write(Task&, Transfer& from) override;
  u32 poll(PollTable*) override { return poll_event::kOut | poll_event::kWriteNormal; }
  std::string_view kind_name() const override { return "host"; }

 private:
  ByteStream& stream_;
};

LinuxResult<u64> HostOutputFile::write(Task&, Transfer& from) {
  u8 bytes[512];
  u64 done = 0;
  while (from.remaining() != 0) {
    const auto count = from.take({bytes, std::min<u64>(from.remaining(), sizeof bytes)});
    if (!count) {
      if (done) break;
      return count;
    }
    if (*count == 0) break;
    stream_.write({bytes, *count});
    done += *count;
  }
  return done;
}

/// The inode of a stream: /dev/stdout and /proc/self/fd/1 open it again.
class HostStreamInode final : public AnonymousInode {
 public:
  HostStreamInode(Vfs& vfs, ByteStream& stream, Ref<HostInput> input)
      : AnonymousInode(vfs.anonymous(), FileKind::Fifo, 0666, 0, 0),
        stream_(stream),
        input_(std::move(input)) {}
  LinuxResult<Ref<File>> open_stream(u32 flags) {
    if (input_) return TRY(runtime::make<HostInputFile>(Ref<Inode>(*this), *input_, flags));
    return TRY(runtime::make<HostOutputFile>(Ref<Inode>(*this), stream_, flags));
  }
  LinuxResult<Ref<File>> open(const OpenRequest& request) override { return open_stream(request.flags); }

 private:
  ByteStream& stream_;
  const Ref<HostInput> input_;
};

}  // namespace

LinuxResult<Ref<File>> make_host_stream_file(Vfs& vfs, ByteStream& stream, u32 flags) {
  Ref<HostInput> input;
  if ((flags & File::kAccessMode) == File::kReadOnly) input = TRY(runtime::make<HostInput>(stream));
  auto inode = TRY(runtime::make<HostStreamInode>(vfs, stream, std::move(input)));
  return inode->open_stream(flags);
}

}  // namespace vari::linux
