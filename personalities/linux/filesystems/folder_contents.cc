// See folder_contents.h: pages brought in, checked, given up, and written back. write() and truncate() are
// in folder_write.cc.
#include "personalities/linux/filesystems/folder_contents.h"

#include <algorithm>

#include "personalities/linux/files/vfs.h"
#include "personalities/linux/filesystems/folder_fs.h"
#include "personalities/linux/memory/frame_references.h"
#include "personalities/linux/text.h"

namespace vari::linux {

using runtime::Guard;

FolderContents::FolderContents(FolderFileSystem& file_system, Ref<FolderNode> node,
                               const FolderAttributes& now)
    : PagedContents(file_system.vfs()),
      file_system_(file_system),
      node_(std::move(node)),
      stamp_{now.size, now.modified_ns, now.changed_ns} {
  set_size(now.size);
}

/// Nobody refers to it any more, so its lock is only for the analysis. Mappings have written back before.
FolderContents::~FolderContents() {
  Guard guard(pages_mutex_);
  if (!dirty_.empty() && !write_back_locked(0, PageTree::kMaximumPages, 0)) {
    TextBuffer<96> line;
    line.add("folder: ")
        .add(dirty_count_)
        .add(" changed pages of a mapped file could not be written and are lost");
    vfs().place().log(line.text());
  }
  drop_locked(0, PageTree::kMaximumPages);
}

LinuxResult<> FolderContents::open(FolderAccess access) {
  Guard guard(pages_mutex_);
  if (access != FolderAccess::Read && !writer_) {
    auto both = node_->open(FolderAccess::ReadWrite);
    if (both) {
      reader_ = writer_ = *both;
    } else if (access == FolderAccess::Write && both.error() == FolderError::Denied) {
      writer_ = TRY(node_->open(FolderAccess::Write));
    } else {
      return std::unexpected(to_errno(both.error()));
    }
  }
  if (access != FolderAccess::Write) TRY(reader_locked());
  ++open_;
  return {};
}

void FolderContents::close() {
  Guard guard(pages_mutex_);
  // An error stays with the pages: they are still dirty, and the next fsync tells.
  if (!dirty_.empty()) (void)write_back_locked(0, PageTree::kMaximumPages, 0);
  if (--open_ != 0 || !is_idle()) return;
  reader_ = nullptr;
  writer_ = nullptr;
}

void FolderContents::adopt(Ref<FolderHandle> handle) {
  Guard guard(pages_mutex_);
  reader_ = writer_ = std::move(handle);
}

LinuxResult<FolderHandle*> FolderContents::reader_locked() {
  if (!reader_) reader_ = TRY(node_->open(FolderAccess::Read));
  return reader_.get();
}

LinuxResult<FolderAttributes> FolderContents::revalidate() {
  Guard guard(pages_mutex_);
  const auto attributes = TRY(node_->attributes());
  apply_locked(attributes);
  return attributes;
}

void FolderContents::note_own_change() {
  Guard guard(pages_mutex_);
  own_changes_ = true;
}

void FolderContents::apply_locked(const FolderAttributes& attributes) {
  const bool ours = std::exchange(own_changes_, false);
  const Stamp now{attributes.size, attributes.modified_ns, attributes.changed_ns};
  if (now == stamp_ && now.size == size()) return;
  stamp_ = now;
  if (now.size < size()) cut_locked(now.size);
  if (!ours) drop_clean_locked();
  set_size(now.size);
}

void FolderContents::drop_locked(u64 first, u64 end) {
  for (auto found = dirty_.next(first); found.frame && found.index < end;
       found = dirty_.next(found.index + 1))
    clean_locked(found.index);
  file_system_->count_pages(-static_cast<i64>(drop_pages_locked(first, end)));
}

void FolderContents::cut_locked(u64 size) {
  drop_locked(pages_of(size), PageTree::kMaximumPages);
  if (size % kPageBytes) clear_partial_locked(size, kPageBytes - size % kPageBytes);
}

void FolderContents::drop_clean_locked() {
  i64 dropped = 0;
  for (auto found = pages_.next(0); found.frame; found = pages_.next(found.index + 1)) {
    if (dirty_.find(found.index)) continue;
    drop_page_locked(found.index);
    ++dropped;
  }
  file_system_->count_pages(-dropped);
}

u64 FolderContents::reclaim() NO_THREAD_SAFETY_ANALYSIS {
  if (!pages_mutex_.try_lock()) return 0;
  const u64 dropped = reclaim_locked(PageTree::kMaximumPages);
  pages_mutex_.unlock();
  return dropped;
}

u64 FolderContents::reclaim_locked(u64 pages) {
  u64 dropped = 0;
  for (auto found = pages_.next(0); found.frame && dropped < pages; found = pages_.next(found.index + 1)) {
    if (dirty_.find(found.index) || vfs().frames().is_shared(found.frame)) continue;
    drop_page_locked(found.index);
    ++dropped;
  }
  file_system_->count_pages(-static_cast<i64>(dropped));
  return dropped;
}

/// The missing pages around one, which is missing, within an aligned batch: programs walk through memory both
/// ways.
FolderContents::Run FolderContents::missing_around(u64 index) {
  const u64 least = align_down(index, kBatch), most = std::min(least + kBatch, pages_of(size()));
  Run run{index, index + 1};
  while (run.begin > least && !pages_.find(run.begin - 1)) --run.begin;
  while (run.end < most && !pages_.find(run.end)) ++run.end;
  return run;
}

LinuxResult<> FolderContents::allocate_run(std::span<Frame> frames) {
  // A file that is larger than the memory gives way to itself.
  if (!file_system_->make_room()) (void)reclaim_locked(u64{4} * kBatch);
  // Only the page that is wanted is worth giving up others for.
  const bool alone = frames.size() == 1;
  for (u64 i = 0; i < frames.size(); ++i) {
    auto frame = alone ? vfs().allocate_frame_uncleared() : vfs().place().allocate_frame_uncleared();
    if (!frame && alone && reclaim_locked(kBatch)) frame = vfs().place().allocate_frame_uncleared();
    if (!frame) {
      free_run(frames.first(i));
      return std::unexpected(Errno::NoMemory);
    }
    frames[i] = *frame;
  }
  return {};
}

void FolderContents::free_run(std::span<const Frame> frames) {
  for (const Frame frame : frames) vfs().place().free_frame(frame);
}

LinuxResult<u64> FolderContents::read_run(u64 index, std::span<const Frame> frames) {
  auto* handle = TRY(reader_locked());
  const u64 wanted = frames.size() * kPageBytes;
  u64 done = 0;
  while (done < wanted) {
    std::span<u8> pieces[kBatch];
    std::size_t count = 0;
    for (u64 i = done / kPageBytes; i < frames.size(); ++i) {
      const u64 skip = count ? 0 : done % kPageBytes;
      pieces[count++] = {window(frames[i]) + skip, kPageBytes - skip};
    }
    const auto got = handle->read(index * kPageBytes + done, {pieces, count});
    if (!got && done < kPageBytes) return std::unexpected(to_errno(got.error()));
    if (!got) return done / kPageBytes;
    if (*got == 0) break;
    done += *got;
  }
  for (u64 at = done; at < wanted; at = align_down(at, kPageBytes) + kPageBytes)
    __builtin_memset(window(frames[at / kPageBytes]) + at % kPageBytes, 0, kPageBytes - at % kPageBytes);
  return frames.size();
}

LinuxResult<Frame> FolderContents::load_locked(u64 index) {
  const Run run = missing_around(index);
  auto loaded = load_run_locked(index, run);
  // What is wrong with its neighbours must not be its own undoing.
  if (!loaded && run.pages() > 1) loaded = load_run_locked(index, {index, index + 1});
  return loaded;
}

LinuxResult<Frame> FolderContents::load_run_locked(u64 index, const Run& run) {
  Frame storage[kBatch];
  const std::span<Frame> frames(storage, run.pages());
  TRY(allocate_run(frames));
  const auto good = read_run(run.begin, frames);
  u64 kept = 0;
  LinuxResult<> inserted;
  while (good && kept < *good && (inserted = insert_locked(run.begin + kept, frames[kept]))) ++kept;
  free_run(frames.subspan(kept));
  file_system_->count_pages(static_cast<i64>(kept));
  if (run.begin + kept > index) return frames[index - run.begin];
  return std::unexpected(!good ? good.error() : !inserted ? inserted.error() : Errno::Io);
}

LinuxResult<u32> FolderContents::fetch(u64 first, std::span<Frame> frames) {
  Guard guard(pages_mutex_);
  u32 count = 0;
  for (; count < frames.size(); ++count) {
    Frame frame = pages_.find(first + count);
    if (!frame) {
      const auto loaded = load_locked(first + count);
      if (!loaded && count == 0) return std::unexpected(loaded.error());
      if (!loaded) break;
      frame = *loaded;
    }
    if (!vfs().frames().add(frame)) break;
    frames[count] = frame;
  }
  if (count == 0) return std::unexpected(Errno::NoMemory);
  return count;
}

void FolderContents::fetched(std::span<const Frame> frames) {
  for (const Frame frame : frames) vfs().frames().drop(frame);
}

LinuxResult<Frame> FolderContents::page(u64 index, bool for_write) {
  Guard guard(pages_mutex_);
  if (index >= pages_of(size())) {
    apply_locked(TRY(node_->attributes()));
    if (index >= pages_of(size())) return std::unexpected(Errno::BadFile);
  }
  Frame frame = pages_.find(index);
  if (!frame) frame = TRY(load_locked(index));
  if (for_write) TRY(mark_dirty_locked(index, frame));
  TRY(vfs().frames().add(frame));
  return frame;
}

LinuxResult<> FolderContents::mark_dirty_locked(u64 index, Frame frame) {
  if (dirty_.find(index)) return {};
  PageTree::Reserve reserve;
  TRY(reserve.fill(dirty_.missing(index)));
  dirty_.insert(index, frame, reserve);
  __atomic_store_n(&dirty_count_, dirty_count_ + 1, __ATOMIC_RELAXED);
  return {};
}

void FolderContents::clean_locked(u64 index) {
  dirty_.remove(index);
  __atomic_store_n(&dirty_count_, dirty_count_ - 1, __ATOMIC_RELAXED);
}

LinuxResult<> FolderContents::write_back(u64 first, u64 count, u32 mine) {
  Guard guard(pages_mutex_);
  return write_back_locked(first, first + count, mine);
}

LinuxResult<> FolderContents::write_run(u64 first, std::span<const Frame> frames) {
  if (!writer_) return std::unexpected(Errno::Io);
  const u64 begin = first * kPageBytes;
  const u64 wanted = std::min(frames.size() * kPageBytes, size() - std::min(size(), begin));
  own_changes_ = true;
  for (u64 done = 0; done < wanted;) {
    std::span<const u8> pieces[kBatch];
    std::size_t count = 0;
    for (u64 at = done; at < wanted; at = align_down(at, kPageBytes) + kPageBytes) {
      const u64 bytes = std::min(kPageBytes - at % kPageBytes, wanted - at);
      pieces[count++] = {window(frames[at / kPageBytes]) + at % kPageBytes, bytes};
    }
    done += TRY(writer_->write(begin + done, {pieces, count}));
  }
  return {};
}

// Order: a mapping takes its reference, and marks the page, under pages_mutex_. So a page that is seen here
// with the cache's and the caller's references alone can be written by nobody until it is marked again.
LinuxResult<> FolderContents::write_back_locked(u64 first, u64 end, u32 mine) {
  LinuxResult<> result;
  for (auto found = dirty_.next(first); found.frame && found.index < end;) {
    first = found.index;
    Frame frames[kBatch];
    u32 count = 0;
    while (count < kBatch && found.frame && found.index == first + count && found.index < end) {
      frames[count++] = found.frame;
      found = dirty_.next(found.index + 1);
    }
    const auto done = write_run(first, {frames, count});
    if (!done && result) result = done;
    for (u32 i = 0; done && i < count; ++i) {
      if (vfs().frames().count(frames[i]) <= 1 + mine) clean_locked(first + i);
    }
  }
  return result;
}

LinuxResult<> FolderContents::synchronise(bool data_only) {
  Guard guard(pages_mutex_);
  TRY(write_back_locked(0, PageTree::kMaximumPages, 0));
  auto& handle = writer_ ? writer_ : reader_;
  if (handle) TRY(handle->sync(data_only));
  return {};
}

}  // namespace vari::linux
