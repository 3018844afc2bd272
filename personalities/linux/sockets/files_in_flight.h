// All files in flight, and the collection of those that nobody can ever receive.
//
// A socket whose last descriptors lie in messages that are queued at sockets in the same case is garbage,
// though its count is not zero. As in Linux's collector of old: a socket of which all references are in
// flight is a candidate; a candidate with a reference that does not lie in a candidate's queue lives, and so
// does all that can be received from it; from the others the messages are taken, and the counts do the rest.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/sockets/attachments.h"
#include "runtime/synchronization.h"

namespace vari::linux {

/// What the collector knows of a file that holds attachments in queues of its own.
class InFlightNode {
 public:
  InFlightNode() = default;
  InFlightNode(const InFlightNode&) = delete;

  class Visitor {
   public:
    virtual void visit(Attachments& attachments) = 0;

   protected:
    ~Visitor() = default;
  };
  /// Shows all attachments that can be received from it; the visitor may take them. Spinlocks only.
  virtual void visit_attachments(Visitor& visitor) = 0;
  virtual File& flying_file() = 0;
  bool in_flight() const { return __atomic_load_n(&flights_, __ATOMIC_RELAXED) != 0; }

 protected:
  virtual ~InFlightNode() = default;

 private:
  friend class FilesInFlight;
  // Under FilesInFlight::mutex_.
  u32 flights_ = 0;  // its references that are in flight; also read without the mutex, as a hint
  u32 found_ = 0;    // those of them that lie in candidates' queues
  bool candidate_ = false;
  InFlightNode* next_live_ = nullptr;
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook_;
};

/// Lock order: a queue's mutex, mutex_, queues' spinlocks.
class FilesInFlight {
 public:
  FilesInFlight() = default;
  FilesInFlight(const FilesInFlight&) = delete;

  /// They are about to be queued.
  void launch(Attachments& attachments) EXCLUDES(mutex_);
  /// They have left their queue: from now on they are ordinary references.
  void land(Attachments& attachments) EXCLUDES(mutex_);
  /// A copy for a receiver that only peeks; `lock` keeps others from taking the original. NoMemory.
  LinuxResult<Attachments> copy(const Attachments& attachments, runtime::SpinLock& lock) EXCLUDES(mutex_);
  /// Lands and releases them. What is closed by that may have queues of its own, and so on without end: it is
  /// done in a loop, by whoever began.
  void dispose(Attachments attachments) EXCLUDES(mutex_);
  /// Finds and empties what nobody can reach. Never allocates. Of closes that follow from one another the
  /// last one looks for all.
  void collect() EXCLUDES(mutex_);
  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_RELAXED); }

 private:
  class Emptier;
  void mark_live_locked() REQUIRES(mutex_);
  void collect_now() EXCLUDES(mutex_);
  void release_doomed();

  using Nodes = boost::intrusive::list<
      InFlightNode,
      boost::intrusive::member_hook<InFlightNode, decltype(InFlightNode::hook_), &InFlightNode::hook_>,
      boost::intrusive::constant_time_size<false>>;
  runtime::Mutex mutex_;
  Nodes nodes_ GUARDED_BY(mutex_);
  u32 count_ = 0;  // atomic; files in flight, changed under mutex_
  runtime::SpinLock doomed_lock_;
  Attachments::Record* doomed_ GUARDED_BY(doomed_lock_) = nullptr;
  bool releasing_ GUARDED_BY(doomed_lock_) = false;
  bool collection_wanted_ GUARDED_BY(doomed_lock_) = false;
};

}  // namespace vari::linux
