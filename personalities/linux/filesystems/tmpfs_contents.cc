// The contents of tmpfs's regular files: pages found and made, read, written, cut.
#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/tmpfs.h"
#include "personalities/linux/memory/frame_references.h"
#include "personalities/linux/personality.h"

namespace vari::linux {

using runtime::Guard;

TmpfsContents::~TmpfsContents() {
  drop_pages(0, PageTree::kMaximumPages);
}

LinuxResult<Frame> TmpfsContents::writable_page(u64 index) {
  Guard guard(pages_mutex_);
  return writable_page_locked(index);
}

LinuxResult<Frame> TmpfsContents::writable_page_locked(u64 index) {
  if (const Frame found = pages_.find(index)) return found;
  TRY(tmpfs_->charge(1));
  const auto frame = vfs().allocate_frame();
  const auto inserted = frame ? insert_locked(index, *frame) : std::unexpected(Errno::NoSpace);
  if (inserted) return *frame;
  if (frame) vfs().place().free_frame(*frame);
  tmpfs_->uncharge(1);
  return std::unexpected(inserted.error());
}

// They stay: nobody cuts the file while contents_lock_ is shared.
LinuxResult<u32> TmpfsContents::fetch(u64 first, std::span<Frame> frames) {
  Guard guard(pages_mutex_);
  for (u64 i = 0; i < frames.size(); ++i) frames[i] = pages_.find(first + i);
  return static_cast<u32>(frames.size());
}

LinuxResult<u64> TmpfsContents::write_pages(Transfer& from, u64 offset, u64 bytes) {
  u64 done = 0;
  while (done < bytes) {
    const u64 at = offset + done, within = at % kPageBytes;
    const u64 chunk = std::min(kPageBytes - within, bytes - done);
    const auto frame = writable_page(at / kPageBytes);
    const auto moved = frame ? from.take({window(*frame) + within, chunk})
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
  TRY(check_write());
  const u64 maximum = std::min(limit, kMaximumSize);
  if (offset >= maximum) return std::unexpected(Errno::FileTooBig);
  u64 bytes = std::min(wanted, maximum - offset);
  if ((seals() & kSealGrow) && offset + bytes > size()) {
    // As far as whole pages go, as in Linux.
    const u64 whole = align_down(size(), kPageBytes);
    if (offset >= whole) return std::unexpected(Errno::Perm);
    bytes = whole - offset;
  }
  const u64 done = TRY(write_pages(from, offset, bytes));
  end = offset + done;
  if (end > size()) set_size(end);
  return done;
}

void TmpfsContents::drop_pages(u64 first, u64 end) {
  Guard guard(pages_mutex_);
  if (const u64 dropped = drop_pages_locked(first, end)) tmpfs_->uncharge(dropped);
}

LinuxResult<> TmpfsContents::truncate(u64 size) {
  if (size > kMaximumSize) return std::unexpected(Errno::FileTooBig);
  Guard guard(contents_lock_);
  TRY(check_resize(size));
  const bool shrinks = size < this->size();
  // Order: the size first, so that no page fault brings back a page that is about to go.
  set_size(size);
  if (shrinks) {
    drop_pages(pages_of(size), PageTree::kMaximumPages);
    if (was_mapped())
      vfs().personality().memory_maps().forget(*this, pages_of(size), PageTree::kMaximumPages, true);
    Guard pages(pages_mutex_);
    if (size % kPageBytes) clear_partial_locked(size, kPageBytes - size % kPageBytes);
  }
  return {};
}

LinuxResult<> TmpfsContents::allocate_range(u64 offset, u64 bytes, bool keep_size) {
  if (offset > kMaximumSize || bytes > kMaximumSize - offset) return std::unexpected(Errno::FileTooBig);
  Guard guard(contents_lock_);
  if (!keep_size && offset + bytes > size()) TRY(check_resize(offset + bytes));
  for (u64 index = offset / kPageBytes; index < pages_of(offset + bytes); ++index) TRY(writable_page(index));
  if (!keep_size && offset + bytes > size()) set_size(offset + bytes);
  return {};
}

LinuxResult<> TmpfsContents::punch_hole(u64 offset, u64 bytes) {
  Guard guard(contents_lock_);
  TRY(check_write());
  u64 end = 0;
  if (__builtin_add_overflow(offset, bytes, &end) || end > kMaximumSize) end = kMaximumSize;
  const u64 first = pages_of(offset), last = end / kPageBytes;
  {
    Guard pages(pages_mutex_);
    if (first > last) {
      clear_partial_locked(offset, end - offset);
      return {};
    }
    if (offset % kPageBytes) clear_partial_locked(offset, kPageBytes - offset % kPageBytes);
    if (end % kPageBytes) clear_partial_locked(align_down(end, kPageBytes), end % kPageBytes);
  }
  drop_pages(first, last);
  if (was_mapped()) vfs().personality().memory_maps().forget(*this, first, last, false);
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

LinuxResult<> TmpfsContents::check_resize(u64 size) const {
  const bool sealed =
      (size < this->size() && (seals() & kSealShrink)) || (size > this->size() && (seals() & kSealGrow));
  return sealed ? LinuxResult<>(std::unexpected(Errno::Perm)) : LinuxResult<>();
}

LinuxResult<> TmpfsContents::check_write() const {
  const bool sealed = seals() & (kSealWrite | kSealFutureWrite);
  return sealed ? LinuxResult<>(std::unexpected(Errno::Perm)) : LinuxResult<>();
}

LinuxResult<> TmpfsContents::add_seals(u32 seals) {
  if (seals & ~kAllSeals) return std::unexpected(Errno::Invalid);
  Guard guard(contents_lock_);
  const u32 old = this->seals();
  if (old & kSealSeal) return std::unexpected(Errno::Perm);
  // Order: first no new mapping can be made, each map's lock being taken for the check and for the search.
  __atomic_store_n(&seals_, old | seals, __ATOMIC_SEQ_CST);
  if ((seals & ~old & kSealWrite) && vfs().personality().memory_maps().is_writable_somewhere(*this)) {
    __atomic_store_n(&seals_, old, __ATOMIC_SEQ_CST);
    return std::unexpected(Errno::Busy);
  }
  return {};
}

LinuxResult<> TmpfsContents::check_mapping(bool shared, bool write, bool& may_write) {
  if (!shared || !(seals() & (kSealWrite | kSealFutureWrite))) return {};
  if (write) return std::unexpected(Errno::Perm);
  may_write = false;
  return {};
}

LinuxResult<Frame> TmpfsContents::page(u64 index, bool) {
  Guard guard(pages_mutex_);
  __atomic_store_n(&was_mapped_, true, __ATOMIC_RELAXED);  // Order: pages_mutex_, which cutting takes, too
  if (index >= pages_of(size())) return std::unexpected(Errno::BadFile);
  // A read of a hole makes the page, too: a later write through another mapping must be seen here.
  const Frame frame = TRY(writable_page_locked(index));
  TRY(vfs().frames().add(frame));
  return frame;
}

}  // namespace vari::linux
