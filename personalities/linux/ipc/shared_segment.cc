// See shared_segment.h.
//
// Order: an attachment joins and leaves its segment's list under the table's lock; whoever takes the last one
// away, or removes the segment while there is none, takes it out of the table.
#include "personalities/linux/ipc/shared_segment.h"

namespace vari::linux::ipc {

using runtime::Guard;
using runtime::SpinLock;

LinuxResult<Ref<MemoryObject>> SharedSegment::attach() {
  auto made = TRY(runtime::make<SegmentAttachment>(Ref<SharedSegment>(*this)));
  Guard<SpinLock> guard(table_.attachments_lock_);
  attachments_.push_back(*made);
  return Ref<MemoryObject>(std::move(made));
}

SegmentAttachment::~SegmentAttachment() {
  auto& table = segment_->table_;
  bool last = false;
  {
    Guard<SpinLock> guard(table.attachments_lock_);
    segment_->attachments_.erase(SharedSegment::Attachments::s_iterator_to(*this));
    last = segment_->attachments_.empty() && segment_->removed();
  }
  if (last) table.remove(*segment_);
}

void SegmentTable::remove_when_unused(SharedSegment& segment) {
  hide_key(segment);
  bool unused = false;
  {
    Guard<SpinLock> guard(attachments_lock_);
    unused = segment.attachments_.empty();
  }
  if (unused) remove(segment);
}

/// A region more, by fork or by a split, is a reference more to the attachment's object.
SharedSegment::Status SharedSegment::status() {
  Guard<SpinLock> guard(table_.attachments_lock_);
  Status told = status_;
  for (const auto& attachment : attachments_) told.attachments += attachment.references();
  return told;
}

void SharedSegment::note_attach(i32 pid, i64 now) {
  Guard<SpinLock> guard(table_.attachments_lock_);
  status_.last = pid;
  status_.attached_at = now;
}
void SharedSegment::note_detach(i32 pid, i64 now) {
  Guard<SpinLock> guard(table_.attachments_lock_);
  status_.last = pid;
  status_.detached_at = now;
}
void SharedSegment::note_change(i64 now, i32 creator) {
  Guard<SpinLock> guard(table_.attachments_lock_);
  status_.changed_at = now;
  if (creator) status_.creator = creator;
}

}  // namespace vari::linux::ipc
