// All System V IPC objects of a personality.
#pragma once

#include "personalities/linux/ipc/message_queue.h"
#include "personalities/linux/ipc/semaphore_set.h"
#include "personalities/linux/ipc/shared_segment.h"

namespace vari::linux::ipc {

class SystemV : public runtime::Allocated {
 public:
  SegmentTable& segments() { return segments_; }
  Table<SemaphoreSet>& semaphores() { return semaphores_; }
  Table<MessageQueue>& queues() { return queues_; }

  /// A process ends: what it wanted undone is. Never allocates.
  void process_ends(Process& process) {
    if (semaphores_.count() == 0) return;
    for (u32 i = 0; i < TableBase::kMost; ++i) {
      if (const auto set = semaphores_.at(i); set && set->has_undo()) set->undo(process);
    }
  }

 private:
  SegmentTable segments_;
  Table<SemaphoreSet> semaphores_;
  Table<MessageQueue> queues_;
};

}  // namespace vari::linux::ipc
