// write() and truncate() on a served folder's file: to the folder at once, and then into the cached pages.
#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/folder_contents.h"
#include "personalities/linux/filesystems/folder_fs.h"
#include "personalities/linux/memory/frame_references.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;

namespace {

/// Frames for bytes on their way, given back unless the cache has taken them.
class Bounce {
 public:
  static constexpr u32 kMaximum = 16;
  explicit Bounce(Vfs& vfs) : vfs_(vfs) {}
  ~Bounce() {
    for (const Frame frame : frames()) {
      if (frame) vfs_.place().free_frame(frame);
    }
  }
  Bounce(const Bounce&) = delete;

  /// Takes up to `bytes` for a write at `offset`: laid out as the file's pages are. How many.
  LinuxResult<u64> fill(Transfer& from, u64 offset, u64 bytes) {
    u64 done = 0;
    while (done < bytes && count_ < kMaximum) {
      const u64 within = (offset + done) % kPageBytes, chunk = std::min(kPageBytes - within, bytes - done);
      const auto frame = vfs_.allocate_frame_uncleared();
      if (!frame) {
        if (done) break;
        return std::unexpected(Errno::NoMemory);
      }
      frames_[count_++] = *frame;
      const auto moved = from.take({vfs_.place().window(*frame) + within, chunk});
      if (!moved && done == 0) return moved;
      done += moved.value_or(0);
      if (!moved || *moved < chunk) break;
    }
    return done;
  }
  std::span<Frame> frames() { return {frames_, count_}; }

 private:
  Vfs& vfs_;
  Frame frames_[kMaximum];
  u32 count_ = 0;
};

}  // namespace

LinuxResult<u64> FolderContents::write(Transfer& from, u64 offset, bool append, u64& end, u64 limit) {
  Guard guard(contents_lock_);
  if (append) offset = TRY(revalidate()).size;
  end = offset;
  const u64 wanted = from.remaining();
  if (wanted == 0) return 0;
  const u64 maximum = std::min(limit, kMaximumSize);
  if (offset >= maximum) return std::unexpected(Errno::FileTooBig);
  const u64 bytes = std::min(wanted, maximum - offset);
  u64 done = 0;
  while (done < bytes) {
    Bounce bounce(vfs());
    const u64 at = offset + done;
    const auto taken = bounce.fill(from, at, bytes - done);
    const auto written = taken && *taken ? commit(at, *taken, bounce.frames()) : taken;
    if (!written && done == 0) return written;
    if (!written || *written == 0) break;
    done += *written;
    if (*written < *taken) break;
  }
  end = offset + done;
  return done;
}

// pages_mutex_ is held over both steps, so that nobody brings in a page, or writes one back, between them.
LinuxResult<u64> FolderContents::commit(u64 offset, u64 bytes, std::span<Frame> frames) {
  Guard guard(pages_mutex_);
  if (!writer_) return std::unexpected(Errno::BadFile);
  const u64 within = offset % kPageBytes;
  LinuxResult<> failure;
  u64 done = 0;
  own_changes_ = true;
  while (done < bytes) {
    std::span<const u8> pieces[Bounce::kMaximum];
    std::size_t count = 0;
    for (u64 at = done; at < bytes; at = align_down(within + at, kPageBytes) + kPageBytes - within) {
      const u64 start = (within + at) % kPageBytes;
      pieces[count++] = {window(frames[(within + at) / kPageBytes]) + start,
                         std::min(kPageBytes - start, bytes - at)};
    }
    const auto written = writer_->write(offset + done, {pieces, count});
    if (!written) {
      failure = std::unexpected(to_errno(written.error()));
      break;
    }
    done += *written;
  }
  if (done == 0) return std::unexpected(failure.error());
  const u64 old_size = size(), new_end = offset + done;
  if (new_end > old_size) grow_locked(new_end);
  for (u64 at = 0; at < done; at = align_down(within + at, kPageBytes) + kPageBytes - within) {
    const u64 start = (within + at) % kPageBytes, chunk = std::min(kPageBytes - start, done - at);
    const bool whole = start == 0 && (chunk == kPageBytes || offset + at + chunk >= old_size);
    update_page(offset + at, chunk, frames[(within + at) / kPageBytes], whole);
  }
  return done;
}

/// `whole`: the page holds nothing but these bytes and zeros behind them, so that the frame can become it.
void FolderContents::update_page(u64 offset, u64 bytes, Frame& frame, bool whole) {
  const u64 index = offset / kPageBytes, within = offset % kPageBytes;
  if (const Frame cached = pages_.find(index)) {
    __builtin_memcpy(window(cached) + within, window(frame) + within, bytes);
    return;
  }
  if (!whole) return;
  __builtin_memset(window(frame) + bytes, 0, kPageBytes - bytes);
  if (!insert_locked(index, frame)) return;
  frame = {};
  file_system_->count_pages(1);
}

/// What a program may have written behind the end of the last page, through a mapping, is no part of the
/// file.
void FolderContents::grow_locked(u64 size) {
  const u64 old = this->size();
  if (old % kPageBytes) clear_partial_locked(old, kPageBytes - old % kPageBytes);
  set_size(size);
}

LinuxResult<> FolderContents::truncate(u64 size) {
  if (size > kMaximumSize) return std::unexpected(Errno::FileTooBig);
  Guard guard(contents_lock_);
  {
    Guard pages(pages_mutex_);
    own_changes_ = true;
    if (writer_) {
      TRY(writer_->truncate(size));
    } else {
      TRY(node_->change({.size = size}));
    }
    if (size > this->size()) {
      grow_locked(size);
      return {};
    }
    cut_locked(size);
    set_size(size);
  }
  // Without pages_mutex_, which a fault takes with its memory map's lock held.
  vfs().personality().memory_maps().forget(*this, pages_of(size), PageTree::kMaximumPages, true);
  return {};
}

}  // namespace vari::linux
