// Open regular files of tmpfs.
#include "personalities/linux/files/mount.h"
#include "personalities/linux/files/open_file.h"
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/filesystems/tmpfs.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

class TmpfsFile final : public RegularFile {
 public:
  explicit TmpfsFile(const OpenRequest& request) : RegularFile(request) {}

  LinuxResult<u64> read_at(Task&, Transfer& to, u64 offset) override {
    const u64 done = TRY(contents().read(to, offset));
    if (done) note_access();
    return done;
  }
  LinuxResult<u64> write_from(Task& task, Transfer& from, u64 offset, bool append, u64& end) override {
    const u64 limit = task.process().soft_limit(Resource::FileBytes);
    auto done = contents().write(from, offset, append, end, limit);
    if (done && *done) inode().touch(false, true, true);
    if (!done && done.error() == Errno::FileTooBig && limit != kUnlimited)
      send_signal(task, SignalInfo::from_kernel(signal::kFileLimit));
    return done;
  }
  LinuxResult<u64> seek_data(u64 offset, bool hole) override { return contents().seek_data(offset, hole); }
  LinuxResult<> allocate(u64 offset, u64 bytes, bool keep_size) override {
    TRY(contents().allocate_range(offset, bytes, keep_size));
    inode().touch(false, !keep_size, true);
    return {};
  }
  LinuxResult<> punch_hole(u64 offset, u64 bytes) override {
    TRY(contents().punch_hole(offset, bytes));
    inode().touch(false, true, true);
    return {};
  }
  LinuxResult<u32> seals() override { return contents().seals(); }
  LinuxResult<> add_seals(u32 seals) override {
    if (!can_write()) return std::unexpected(Errno::Perm);
    return contents().add_seals(seals);
  }
  LinuxResult<Ref<MemoryObject>> memory_object() override { return Ref<MemoryObject>(contents()); }

 private:
  /// As the mount and the descriptor want it.
  void note_access() {
    constexpr u32 kNoAccessTime = 01000000;
    const u32 mount = path()->mount ? path()->mount->flags() : 0;
    if ((mount & Mount::kNoAccessTime) || (flags() & kNoAccessTime)) return;
    mount& Mount::kStrictAccessTime ? inode().touch(true, false, false) : inode().note_access();
  }
  TmpfsContents& contents() { return static_cast<TmpfsInode&>(inode()).contents(); }
};

}  // namespace

LinuxResult<Ref<File>> TmpfsInode::open(const OpenRequest& request) {
  if (is(FileKind::Regular)) return TRY(runtime::make<TmpfsFile>(request));
  return Inode::open(request);
}

LinuxResult<> TmpfsInode::truncate(Task&, u64 size) {
  if (!contents_) return std::unexpected(Errno::Invalid);
  TRY(contents_->truncate(size));
  touch(false, true, true);
  return {};
}

LinuxResult<> TmpfsInode::append(std::span<const u8> bytes) {
  // Unpacking: the source is only read, whatever Transfer's type says.
  KernelTransfer from({const_cast<u8*>(bytes.data()), bytes.size()});
  u64 end = 0;
  if (TRY(contents_->write(from, 0, true, end, kUnlimited)) != bytes.size())
    return std::unexpected(Errno::NoSpace);
  return {};
}

}  // namespace vari::linux
