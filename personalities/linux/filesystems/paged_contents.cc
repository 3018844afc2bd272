// See paged_contents.h.
#include "personalities/linux/filesystems/paged_contents.h"

#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/memory/frame_references.h"

namespace vari::linux {

using runtime::Guard;

u8* PagedContents::window(Frame frame) const {
  return vfs_.place().window(frame);
}

LinuxResult<u64> PagedContents::read(Transfer& to, u64 offset) {
  runtime::SharedGuard shared(contents_lock_);
  u64 done = 0;
  while (to.remaining() != 0 && offset < size()) {
    const u64 first = offset / kPageBytes,
              last = (std::min(offset + to.remaining(), size()) - 1) / kPageBytes;
    Frame frames[kBatch];
    const auto known = fetch(first, {frames, std::min<u64>(kBatch, last - first + 1)});
    if (!known) {
      if (done) break;
      return std::unexpected(known.error());
    }
    bool stopped = false;
    for (u32 used = 0; used < *known && !stopped && to.remaining() != 0 && offset < size(); ++used) {
      const u64 within = offset % kPageBytes;
      const u64 chunk = std::min(kPageBytes - within, size() - offset);
      const u64 wanted = std::min(chunk, to.remaining());
      const auto moved = frames[used] ? to.put({window(frames[used]) + within, chunk}) : to.put_zeros(chunk);
      stopped = !moved || *moved < wanted;
      if (!moved && done == 0) {
        fetched({frames, *known});
        return moved;
      }
      done += moved.value_or(0);
      offset += moved.value_or(0);
    }
    fetched({frames, *known});
    if (stopped) break;
  }
  return done;
}

void PagedContents::resident(u64 first, std::span<Frame> frames) {
  Guard guard(pages_mutex_);
  for (u64 i = 0; i < frames.size(); ++i) {
    frames[i] = pages_.find(first + i);
    if (frames[i] && !vfs_.frames().add(frames[i])) frames[i] = {};
  }
}

LinuxResult<> PagedContents::insert_locked(u64 index, Frame frame) {
  PageTree::Reserve reserve;
  TRY(reserve.fill(pages_.missing(index)));
  pages_.insert(index, frame, reserve);
  __atomic_fetch_add(&page_count_, 1, __ATOMIC_RELAXED);
  return {};
}

void PagedContents::drop_page_locked(u64 index) {
  vfs_.frames().drop(pages_.remove(index));
  __atomic_fetch_sub(&page_count_, 1, __ATOMIC_RELAXED);
}

u64 PagedContents::drop_pages_locked(u64 first, u64 end) {
  u64 dropped = 0;
  for (;;) {
    const auto found = pages_.next(first);
    if (!found.frame || found.index >= end) return dropped;
    drop_page_locked(found.index);
    ++dropped;
    first = found.index + 1;
  }
}

void PagedContents::clear_partial_locked(u64 offset, u64 bytes) {
  if (const Frame frame = pages_.find(offset / kPageBytes))
    __builtin_memset(window(frame) + offset % kPageBytes, 0, bytes);
}

}  // namespace vari::linux
