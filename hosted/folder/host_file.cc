// See host_file.h.
#include "hosted/folder/host_file.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "hosted/folder/host_calls.h"

namespace vari::hosted {

namespace {

constexpr std::size_t kMostPieces = 64;

/// Moves bytes by preadv or pwritev, again where a signal was faster.
template <class Byte, class Call>
FolderResult<u64> move(std::span<const std::span<Byte>> pieces, Call call) {
  iovec vectors[kMostPieces];
  const auto count = std::min(pieces.size(), kMostPieces);
  for (std::size_t i = 0; i < count; ++i) vectors[i] = {const_cast<u8*>(pieces[i].data()), pieces[i].size()};
  for (;;) {
    const auto moved = call(vectors, static_cast<int>(count));
    if (moved >= 0) return static_cast<u64>(moved);
    if (errno != EINTR) return failed();
  }
}

/// The kernel's struct linux_dirent64, up to the name.
struct HostEntry {
  u64 number, next;
  u16 bytes;
  u8 type;
};
constexpr std::size_t kNameOffset = 19;

std::optional<FolderKind> kind_of(u8 type) {
  switch (type) {
    case DT_REG: return FolderKind::File;
    case DT_DIR: return FolderKind::Directory;
    case DT_LNK: return FolderKind::SymbolicLink;
    case DT_CHR: return FolderKind::CharacterDevice;
    case DT_BLK: return FolderKind::BlockDevice;
    case DT_FIFO: return FolderKind::Fifo;
    case DT_SOCK: return FolderKind::Socket;
    default: return {};
  }
}

}  // namespace

FolderResult<Ref<FolderHandle>> HostHandle::create(Descriptor descriptor) {
  auto* made = new (runtime::kFallible) HostHandle(std::move(descriptor));
  if (!made) return std::unexpected(FolderError::OutOfMemory);
  return Ref<FolderHandle>::adopt(made);
}

FolderResult<u64> HostHandle::read(u64 offset, std::span<const std::span<u8>> pieces) {
  return move(pieces, [&](const iovec* vectors, int count) {
    return ::preadv(descriptor_.number(), vectors, count, static_cast<off_t>(offset));
  });
}

FolderResult<u64> HostHandle::write(u64 offset, std::span<const std::span<const u8>> pieces) {
  const auto written = move(pieces, [&](const iovec* vectors, int count) {
    return ::pwritev(descriptor_.number(), vectors, count, static_cast<off_t>(offset));
  });
  if (written && *written == 0) return std::unexpected(FolderError::Io);
  return written;
}

FolderResult<> HostHandle::truncate(u64 size) {
  if (::ftruncate(descriptor_.number(), static_cast<off_t>(size)) != 0) return failed();
  return {};
}

FolderResult<> HostHandle::sync(bool data_only) {
  if ((data_only ? ::fdatasync(descriptor_.number()) : ::fsync(descriptor_.number())) != 0) return failed();
  return {};
}

FolderResult<Ref<FolderListing>> HostListing::create(Descriptor descriptor) {
  auto* made = new (runtime::kFallible) HostListing(std::move(descriptor));
  if (!made) return std::unexpected(FolderError::OutOfMemory);
  return Ref<FolderListing>::adopt(made);
}

FolderResult<> HostListing::read(u64 position, FolderSink& sink) {
  if (position != position_) {
    if (::lseek(descriptor_.number(), static_cast<off_t>(position), SEEK_SET) < 0) return failed();
    position_ = position;
    begin_ = end_ = 0;
  }
  for (;;) {
    if (begin_ == end_) {
      const auto got = ::syscall(SYS_getdents64, descriptor_.number(), buffer_, sizeof buffer_);
      if (got < 0) return failed();
      if (got == 0) return {};
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    HostEntry entry;
    std::memcpy(&entry, buffer_ + begin_, kNameOffset);
    const std::string_view name(buffer_ + begin_ + kNameOffset);
    if (name != "." && name != ".." && !sink.on_entry(name, entry.number, kind_of(entry.type), entry.next))
      return {};
    position_ = entry.next;
    begin_ += entry.bytes;
  }
}

}  // namespace vari::hosted
