// The contents of tmpfs's regular files: pages found and made, read, written, cut.
#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/tmpfs.h"
#include "personalities/linux/memory/frame_references.h"

namespace vari::linux {

using runtime::Guard;

namespace {
constexpr u64 kMaximumSize = u64{PageTree::kMaximumPages} * kPageBytes - kPageBytes;
constexpr u64 pages_of(u64 bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes;
}
}  // namespace

TmpfsContents::~TmpfsContents() {
  drop_pages(0, PageTree::kMaximumPages);
}

LinuxResult<Frame> TmpfsContents::writable_page(u64 index) {
  Guard guard(pages_mutex_);
  return writable_page_locked(index);
}

LinuxResult<Frame> TmpfsContents::writable_page_locked(u64 index) {
  if (const Frame found = pages_.find(index)) return found;
  PageTree::Reserve reserve;
  TRY(reserve.fill(pages_.missing(index)));
  TRY(tmpfs_->charge(1));
  const auto frame = tmpfs_->vfs().place().allocate_frame();
  if (!frame) {
    tmpfs_->uncharge(1);
    return std::unexpected(Errno::NoSpace);
  }
  pages_.insert(index, *frame, reserve);
  __atomic_fetch_add(&page_count_, 1, __ATOMIC_RELAXED);
  return *frame;
}

LinuxResult<u64> TmpfsContents::read(Transfer& to, u64 offset) {
  runtime::SharedGuard shared(contents_lock_);
  auto& place = tmpfs_->vfs().place();
  u64 done = 0;
  Frame frames[kBatch];
  u32 known = 0, used = 0;
  while (to.remaining() != 0 && offset < size()) {
    if (used == known) {
      // Looked up in batches. They stay: nobody cuts the file while contents_lock_ is shared.
      const u64 first = offset / kPageBytes,
                last = (std::min(offset + to.remaining(), size()) - 1) / kPageBytes;
      known = static_cast<u32>(std::min<u64>(kBatch, last - first + 1));
      used = 0;
      Guard guard(pages_mutex_);
      for (u32 i = 0; i < known; ++i) frames[i] = pages_.find(first + i);
    }
    const Frame frame = frames[used++];
    const u64 within = offset % kPageBytes;
    const u64 chunk = std::min(kPageBytes - within, size() - offset);
    const u64 wanted = std::min(chunk, to.remaining());
    const auto moved = frame ? to.put({place.window(frame) + within, chunk}) : to.put_zeros(chunk);
    if (!moved) {
      if (done) break;
      return moved;
    }
    done += *moved;
    offset += *moved;
    if (*moved < wanted) break;
  }
  return done;
}

LinuxResult<u64> TmpfsContents::write_pages(Transfer& from, u64 offset, u64 bytes) {
  auto& place = tmpfs_->vfs().place();
  u64 done = 0;
  while (done < bytes) {
    const u64 at = offset + done, within = at % kPageBytes;
    const u64 chunk = std::min(kPageBytes - within, bytes - done);
    const auto frame = writable_page(at / kPageBytes);
    const auto moved = frame ? from.take({place.window(*frame) + within, chunk})
                             : LinuxResult<u64>(std::unexpected(frame.error()));
    if (!moved) {
      if (done) break;
      return moved;
    }
    done += *moved;
    if (*moved < chunk) break;
  }
  return done;
}

LinuxResult<u64> TmpfsContents::write(Transfer& from, u64 offset, bool append, u64& end, u64 limit) {
  Guard guard(contents_lock_);
  if (append) offset = size();
  end = offset;
  const u64 wanted = from.remaining();
  if (wanted == 0) return 0;
  const u64 maximum = std::min(limit, kMaximumSize);
  if (offset >= maximum) return std::unexpected(Errno::FileTooBig);
  const u64 done = TRY(write_pages(from, offset, std::min(wanted, maximum - offset)));
  end = offset + done;
  if (end > size()) set_size(end);
  return done;
}

void TmpfsContents::drop_pages(u64 first, u64 end) {
  auto& references = tmpfs_->vfs().frames();
  Guard guard(pages_mutex_);
  u64 dropped = 0;
  for (;;) {
    const auto found = pages_.next(first);
    if (!found.frame || found.index >= end) break;
    references.drop(pages_.remove(found.index));
    ++dropped;
    first = found.index + 1;
  }
  if (!dropped) return;
  tmpfs_->uncharge(dropped);
  __atomic_fetch_sub(&page_count_, dropped, __ATOMIC_RELAXED);
}

void TmpfsContents::clear_partial(u64 offset, u64 bytes) {
  Guard guard(pages_mutex_);
  if (const Frame frame = pages_.find(offset / kPageBytes))
    __builtin_memset(tmpfs_->vfs().place().window(frame) + offset % kPageBytes, 0, bytes);
}

LinuxResult<> TmpfsContents::truncate(u64 size) {
  if (size > kMaximumSize) return std::unexpected(Errno::FileTooBig);
  Guard guard(contents_lock_);
  const bool shrinks = size < this->size();
  // Order: the size first, so that no page fault brings back a page that is about to go.
  set_size(size);
  if (shrinks) {
    drop_pages(pages_of(size), PageTree::kMaximumPages);
    if (size % kPageBytes) clear_partial(size, kPageBytes - size % kPageBytes);
  }
  return {};
}

LinuxResult<> TmpfsContents::allocate_range(u64 offset, u64 bytes, bool keep_size) {
  if (offset > kMaximumSize || bytes > kMaximumSize - offset) return std::unexpected(Errno::FileTooBig);
  Guard guard(contents_lock_);
  for (u64 index = offset / kPageBytes; index < pages_of(offset + bytes); ++index) TRY(writable_page(index));
  if (!keep_size && offset + bytes > size()) set_size(offset + bytes);
  return {};
}

LinuxResult<> TmpfsContents::punch_hole(u64 offset, u64 bytes) {
  Guard guard(contents_lock_);
  u64 end = 0;
  if (__builtin_add_overflow(offset, bytes, &end) || end > kMaximumSize) end = kMaximumSize;
  const u64 first = pages_of(offset), last = end / kPageBytes;
  if (first > last) {
    clear_partial(offset, end - offset);
    return {};
  }
  if (offset % kPageBytes) clear_partial(offset, kPageBytes - offset % kPageBytes);
  if (end % kPageBytes) clear_partial(align_down(end, kPageBytes), end % kPageBytes);
  drop_pages(first, last);
  return {};
}

LinuxResult<u64> TmpfsContents::seek_data(u64 offset, bool hole) {
  runtime::SharedGuard shared(contents_lock_);
  if (offset >= size()) return std::unexpected(Errno::NoDevice6);
  Guard guard(pages_mutex_);
  u64 index = offset / kPageBytes;
  if (!hole) {
    const auto found = pages_.next(index);
    if (!found.frame || found.index * kPageBytes >= size()) return std::unexpected(Errno::NoDevice6);
    return std::max(offset, found.index * kPageBytes);
  }
  while (index * kPageBytes < size() && pages_.find(index)) ++index;
  return std::clamp(index * kPageBytes, offset, size());
}

LinuxResult<Frame> TmpfsContents::page(u64 index, bool) {
  Guard guard(pages_mutex_);
  if (index >= pages_of(size())) return std::unexpected(Errno::BadFile);
  // A read of a hole makes the page, too: a later write through another mapping must be seen here.
  const Frame frame = TRY(writable_page_locked(index));
  TRY(tmpfs_->vfs().frames().add(frame));
  return frame;
}

}  // namespace vari::linux
