// The bytes of a regular file of a served folder: a cache of its pages, shared by read, write and mmap.
//
// A clean page is a copy that can be had again. write() goes to the folder at once and puts the cached
// pages right; only what programs write through shared mappings is dirty, and is written back later. A page
// that some mapping may still write stays dirty after it was written back.
#pragma once

#include "interfaces/folder.h"
#include "personalities/linux/filesystems/paged_contents.h"

namespace vari::linux {

class FolderFileSystem;

class FolderContents final : public PagedContents {
 public:
  FolderContents(FolderFileSystem& file_system, Ref<FolderNode> node, const FolderAttributes& now);
  ~FolderContents() override;

  /// A description is opened for this; its end is told by close().
  LinuxResult<> open(FolderAccess access) EXCLUDES(pages_mutex_);
  void close() EXCLUDES(pages_mutex_);
  /// The handle that its creation gave.
  void adopt(Ref<FolderHandle> handle) EXCLUDES(pages_mutex_);

  /// Asks the folder, and forgets pages that its answer proves stale.
  LinuxResult<FolderAttributes> revalidate() EXCLUDES(pages_mutex_);
  void note_own_change() EXCLUDES(pages_mutex_);

  /// `append`: at the end. `end` receives the position behind what was written.
  LinuxResult<u64> write(Transfer& from, u64 offset, bool append, u64& end, u64 limit)
      EXCLUDES(contents_lock_, pages_mutex_);
  LinuxResult<> truncate(u64 size) EXCLUDES(contents_lock_, pages_mutex_);
  LinuxResult<> synchronise(bool data_only) EXCLUDES(pages_mutex_);

  LinuxResult<Frame> page(u64 index, bool for_write) override EXCLUDES(pages_mutex_);
  bool tracks_writes() const override { return true; }
  LinuxResult<> write_back(u64 first, u64 count, u32 mine) override EXCLUDES(pages_mutex_);

  /// Gives up clean pages that nobody maps; how many. Never waits.
  u64 reclaim() EXCLUDES(pages_mutex_);
  /// Only its inode knows it, and nothing is lost with it.
  bool is_idle() const { return references() == 1 && is_clean(); }
  bool is_clean() const { return __atomic_load_n(&dirty_count_, __ATOMIC_RELAXED) == 0; }

 private:
  struct Stamp {
    u64 size = 0;
    i64 modified_ns = 0, changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct Run {  // of pages
    u64 begin, end;
    u64 pages() const { return end - begin; }
  };
  LinuxResult<u32> fetch(u64 first, std::span<Frame> frames) override;
  void fetched(std::span<const Frame> frames) override;

  void apply_locked(const FolderAttributes& attributes) REQUIRES(pages_mutex_);
  LinuxResult<FolderHandle*> reader_locked() REQUIRES(pages_mutex_);
  /// Brings in a page that is missing, and its missing neighbours where that goes well.
  LinuxResult<Frame> load_locked(u64 index) REQUIRES(pages_mutex_);
  LinuxResult<Frame> load_run_locked(u64 index, const Run& run) REQUIRES(pages_mutex_);
  Run missing_around(u64 index) REQUIRES(pages_mutex_);
  u64 reclaim_locked(u64 pages) REQUIRES(pages_mutex_);
  LinuxResult<> allocate_run(std::span<Frame> frames) REQUIRES(pages_mutex_);
  void free_run(std::span<const Frame> frames);
  LinuxResult<u64> read_run(u64 index, std::span<const Frame> frames) REQUIRES(pages_mutex_);
  LinuxResult<> mark_dirty_locked(u64 index, Frame frame) REQUIRES(pages_mutex_);
  void clean_locked(u64 index) REQUIRES(pages_mutex_);
  LinuxResult<> write_back_locked(u64 first, u64 end, u32 mine) REQUIRES(pages_mutex_);
  LinuxResult<> write_run(u64 first, std::span<const Frame> frames) REQUIRES(pages_mutex_);
  /// Writes what lies in `frames` (the first from `offset` within its page on) and puts the cache right.
  LinuxResult<u64> commit(u64 offset, u64 bytes, std::span<Frame> frames) EXCLUDES(pages_mutex_);
  void update_page(u64 offset, u64 bytes, Frame& frame, bool whole) REQUIRES(pages_mutex_);
  void grow_locked(u64 size) REQUIRES(pages_mutex_);
  void cut_locked(u64 size) REQUIRES(pages_mutex_);
  void drop_clean_locked() REQUIRES(pages_mutex_);
  void drop_locked(u64 first, u64 end) REQUIRES(pages_mutex_);

  const Ref<FolderFileSystem> file_system_;
  const Ref<FolderNode> node_;
  Ref<FolderHandle> reader_ GUARDED_BY(pages_mutex_), writer_ GUARDED_BY(pages_mutex_);
  u32 open_ GUARDED_BY(pages_mutex_) = 0;
  Stamp stamp_ GUARDED_BY(pages_mutex_);               // of the state that the pages are copies of
  bool own_changes_ GUARDED_BY(pages_mutex_) = false;  // we have changed it since
  PageTree dirty_ GUARDED_BY(pages_mutex_);            // those of pages_ that shared mappings may write
  u64 dirty_count_ = 0;                                // atomic; changed under pages_mutex_
};

}  // namespace vari::linux
