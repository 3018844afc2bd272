// Pipes and FIFOs: a byte ring in page frames, and its two ends.
//
// The ring keeps its frames until the pipe goes, and starts again at its first byte whenever it runs
// empty: a pipe that carries short messages lives in one page and allocates nothing.
#pragma once

#include "personalities/linux/files/file.h"
#include "personalities/linux/files/inode.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Pipe final : public runtime::Allocated {
 public:
  /// Who is there and who has come so far; taken before one's own end is added.
  struct Attendance {
    bool readers = false, writers = false;
    u32 reader_openings = 0, writer_openings = 0;
  };
  /// Writes up to this size are not mixed with others' (PIPE_BUF).
  static constexpr u32 kAtomicBytes = 4096;
  static constexpr u32 kDefaultPages = 16, kMaximumPages = 256;

  explicit Pipe(Place& place) : place_(place) {}
  ~Pipe();
  LinuxResult<> prepare();

  LinuxResult<u64> read(Transfer& to, bool wait);
  /// What read() would give, left where it is (tee).
  LinuxResult<u64> peek(Transfer& to, bool wait);
  /// The error Pipe: nobody will ever read; the caller sends SIGPIPE.
  LinuxResult<u64> write(Transfer& from, bool wait);
  /// O_DIRECT: each write of up to kAtomicBytes is received by one read, alone.
  LinuxResult<u64> write_packets(Transfer& from, bool wait);
  u32 poll(PollTable* table, bool reading, bool writing);
  u32 used_bytes() const { return __atomic_load_n(&used_, __ATOMIC_ACQUIRE); }
  u32 capacity_bytes() const { return __atomic_load_n(&capacity_, __ATOMIC_RELAXED); }
  /// F_SETPIPE_SZ: rounded up to a power of two of pages. Busy if the contents would not fit.
  LinuxResult<u64> resize(u64 bytes);

  void add_end(bool reading, bool writing);
  void remove_end(bool reading, bool writing);
  Attendance attendance();
  /// FIFOs: open waits for the other side to come, unless it was there before us. It may have gone
  /// again by the time that we look, with all that it had to say: hence the counts.
  LinuxResult<> wait_for_writer(const Attendance& before);
  LinuxResult<> wait_for_reader(const Attendance& before);
  bool has_readers() const { return __atomic_load_n(&readers_, __ATOMIC_ACQUIRE) != 0; }
  bool unused() const { return readers_ == 0 && writers_ == 0; }

 private:
  struct Page {
    Frame frame;
    u8* bytes = nullptr;
  };
  LinuxResult<u64> read_some(Transfer& to, u32 most) REQUIRES(mutex_);
  LinuxResult<u64> peek_some(Transfer& to) REQUIRES(mutex_);
  /// As read_some(), where packets are among the bytes: one packet, or bytes up to the next one.
  LinuxResult<u64> read_stretch(Transfer& to) REQUIRES(mutex_);
  LinuxResult<u64> write_some_noted(Transfer& from, u64 wanted) REQUIRES(mutex_);
  void drop(u32 bytes) REQUIRES(mutex_);
  LinuxResult<> prepare_stretches() REQUIRES(mutex_);
  void free_stretches();
  void note_stretch(u32 bytes, bool packet) REQUIRES(mutex_);
  LinuxResult<u64> write_some(Transfer& from, u64 wanted) REQUIRES(mutex_);
  bool readable() const { return used_bytes() != 0 || __atomic_load_n(&writers_, __ATOMIC_ACQUIRE) == 0; }
  bool writable(u32 bytes) const { return room_for(bytes) || !has_readers(); }
  bool room_for(u32 bytes) const;

  Place& place_;
  runtime::Mutex mutex_;
  // Changed under mutex_; those marked atomic are read without it by waiters and poll.
  Page* pages_ = nullptr;
  u32 capacity_ = 0;  // atomic; a power of two
  u32 first_ = 0;     // offset of the oldest byte
  // Where packets are or were in the ring: the lengths of what lies in it, packets and bytes between them.
  struct Stretches;
  Stretches* stretches_ = nullptr;
  u32 used_ = 0;                                     // atomic
  u32 readers_ = 0, writers_ = 0;                    // atomic
  u32 reader_openings_ = 0, writer_openings_ = 0;    // atomic; count up
  u32 sleeping_readers_ = 0, sleeping_writers_ = 0;  // under mutex_
  runtime::WaitQueue read_queue_, write_queue_, open_queue_;
  PollQueue poll_queue_;
};

/// One open end, or both (a FIFO opened for reading and writing).
class PipeFile final : public File {
 public:
  /// `path` is null for an anonymous pipe.
  PipeFile(Ref<Inode> inode, Pipe& pipe, const Path* path, u32 flags);
  ~PipeFile() override;
  LinuxResult<u64> read(Task& task, Transfer& to) override;
  LinuxResult<u64> write(Task& task, Transfer& from) override;
  u32 poll(PollTable* table) override;
  LinuxResult<u64> ioctl(Task& task, u32 request, u64 argument) override;
  Inode& inode() override { return *inode_; }
  const Path* path() const override { return path_ ? &path_ : nullptr; }
  static constexpr char kKindName[] = "pipe";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }
  Pipe& pipe() { return pipe_; }
  /// The pipe of a file that is one; null otherwise. For F_SETPIPE_SZ and splice.
  static PipeFile* from(File& file);

 private:
  static constexpr u32 kPackets = 040000;  // O_DIRECT
  const Ref<Inode> inode_;
  Pipe& pipe_;
  const Path path_;
};

/// The FIFO side: a pipe hangs at an inode while it is open.
class Fifos {
 public:
  static LinuxResult<Ref<File>> open(Inode& inode, const OpenRequest& request);
  static void closed(Inode& inode);
};

struct PipePair {
  Ref<File> reader, writer;
};
LinuxResult<PipePair> make_pipe(Task& task, u32 flags);

}  // namespace vari::linux
