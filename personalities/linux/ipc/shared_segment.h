// System V shared memory (shmop(2)). A segment's pages are an anonymous object; each attachment maps an
// object of its own that leads to them and tells, by its end, that nobody is attached by it any more.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/files/file.h"
#include "personalities/linux/ipc/ipc_object.h"

namespace vari::linux::ipc {

class SharedSegment;
class SegmentAttachment;

class SegmentTable final : public Table<SharedSegment> {
 public:
  static constexpr u64 kLeastBytes = 1;
  /// IPC_RMID: gone at once, or when the last attachment ends.
  void remove_when_unused(SharedSegment& segment);

 private:
  friend class SegmentAttachment;
  friend class SharedSegment;
  runtime::SpinLock attachments_lock_;  // guards all segments' lists of attachments
};

class SharedSegment final : public Object {
 public:
  struct Status {
    i64 attached_at = 0, detached_at = 0, changed_at = 0;
    i32 creator = 0, last = 0;
    u64 attachments = 0;
  };
  SharedSegment(SegmentTable& table, const Identity& creator, i32 key, u32 mode, u64 bytes,
                Ref<MemoryObject> pages)
      : Object(creator, key, mode), table_(table), bytes_(bytes), pages_(std::move(pages)) {}

  u64 bytes() const { return bytes_; }
  MemoryObject& pages() { return *pages_; }
  /// What mmap is to map. NoMemory.
  LinuxResult<Ref<MemoryObject>> attach();
  Status status();
  /// Notes who did what, when.
  void note_attach(i32 pid, i64 now);
  void note_detach(i32 pid, i64 now);
  void note_change(i64 now, i32 creator = 0);

 private:
  friend class SegmentAttachment;
  friend class SegmentTable;
  using Attachments = boost::intrusive::list<SegmentAttachment,
                                             boost::intrusive::base_hook<boost::intrusive::list_base_hook<>>>;
  SegmentTable& table_;
  const u64 bytes_;
  const Ref<MemoryObject> pages_;
  Attachments attachments_;  // guarded by the table's attachments_lock_, as the rest
  Status status_;
};

class SegmentAttachment final : public MemoryObject, public boost::intrusive::list_base_hook<> {
 public:
  explicit SegmentAttachment(Ref<SharedSegment> segment) : segment_(std::move(segment)) {}
  LinuxResult<Frame> page(u64 index, bool for_write) override {
    return segment_->pages_->page(index, for_write);
  }
  void resident(u64 first, std::span<Frame> frames) override { segment_->pages_->resident(first, frames); }
  const MemoryObject* identity() const override { return segment_->pages_.get(); }
  u64 attached_bytes() const override { return segment_->bytes_; }
  std::string_view name() const override { return "/SYSV00000000 (deleted)"; }
  u64 inode_number() const override { return static_cast<u64>(segment_->id()); }
  SharedSegment& segment() { return *segment_; }

 private:
  ~SegmentAttachment() override;
  const Ref<SharedSegment> segment_;
};

}  // namespace vari::linux::ipc
