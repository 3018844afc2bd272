// See folder_file.h.
#include "personalities/linux/filesystems/folder_file.h"

#include "personalities/linux/filesystems/folder_fs.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

FolderAccess access_of(u32 flags) {
  switch (flags & File::kAccessMode) {
    case File::kReadOnly: return FolderAccess::Read;
    case File::kWriteOnly: return FolderAccess::Write;
    default: return FolderAccess::ReadWrite;
  }
}

// Directory positions: 0 and 1 are "." and "..", 2 is the folder's first entry. The folder's own positions
// are kept as they are, but for the few that these three take.
constexpr u64 kFirstEntry = 2, kMoved = u64{1} << 62;
constexpr u64 to_program(u64 folder_position) {
  return folder_position > kFirstEntry ? folder_position : kMoved + folder_position;
}
constexpr u64 to_folder(u64 position) {
  if (position == kFirstEntry) return 0;
  return position >= kMoved && position <= kMoved + kFirstEntry ? position - kMoved : position;
}

constexpr u8 type_of(std::optional<FolderKind> kind) {
  if (!kind) return 0;  // DT_UNKNOWN: programs ask stat
  switch (*kind) {
    case FolderKind::Fifo: return 1;
    case FolderKind::CharacterDevice: return 2;
    case FolderKind::Directory: return 4;
    case FolderKind::BlockDevice: return 6;
    case FolderKind::File: return 8;
    case FolderKind::SymbolicLink: return 10;
    case FolderKind::Socket: return 12;
  }
  return 0;
}

class Entries final : public FolderSink {
 public:
  Entries(DirectorySink& sink, u64 position) : sink_(sink), position_(position) {}
  bool on_entry(std::string_view name, u64 number, std::optional<FolderKind> kind, u64 next) override {
    if (!sink_.on_entry(number, to_program(next), type_of(kind), name)) return false;
    position_ = to_program(next);
    return true;
  }
  u64 position() const { return position_; }

 private:
  DirectorySink& sink_;
  u64 position_;
};

}  // namespace

LinuxResult<Ref<File>> FolderFile::create(const OpenRequest& request, FolderContents& contents) {
  auto file = TRY(runtime::make<FolderFile>(request, contents));
  TRY(contents.revalidate());
  TRY(contents.open(access_of(request.flags)));
  file->opened_ = true;
  return file;
}

FolderFile::~FolderFile() {
  if (opened_) contents_->close();
}

u64 FolderFile::current_size() {
  (void)contents_->revalidate();
  return contents_->size();
}

LinuxResult<u64> FolderFile::read_at(Task&, Transfer& to, u64 offset) {
  // At the end, the file may have grown meanwhile.
  if (offset >= contents_->size() && to.remaining() != 0) TRY(contents_->revalidate());
  return contents_->read(to, offset);
}

LinuxResult<u64> FolderFile::write_from(Task& task, Transfer& from, u64 offset, bool append, u64& end) {
  const u64 limit = task.process().soft_limit(Resource::FileBytes);
  auto done = contents_->write(from, offset, append, end, limit);
  if (!done && done.error() == Errno::FileTooBig && limit != kUnlimited)
    send_signal(task, SignalInfo::from_kernel(signal::kFileLimit));
  return done;
}

LinuxResult<Ref<File>> FolderDirectoryFile::create(const OpenRequest& request, FolderNode& node) {
  return TRY(runtime::make<FolderDirectoryFile>(request, TRY(node.list())));
}

LinuxResult<u64> FolderDirectoryFile::read_entries(Task&, u64 position, DirectorySink& sink) {
  Entries entries(sink, position);
  TRY(listing_->read(to_folder(position), entries));
  return entries.position();
}

}  // namespace vari::linux
