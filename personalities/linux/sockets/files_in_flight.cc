// See files_in_flight.h.
//
// Why no reachable socket is emptied: a reference that leaves a queue is counted as in flight until land(),
// so meanwhile it is one that lies in no candidate's queue; one that is copied (peek) is counted anew under
// mutex_.
#include "personalities/linux/sockets/files_in_flight.h"

namespace vari::linux {

using runtime::Guard;

void FilesInFlight::launch(Attachments& attachments) {
  Guard guard(mutex_);
  __atomic_store_n(&count_, count_ + static_cast<u32>(attachments.files().size()), __ATOMIC_RELAXED);
  for (File* file : attachments.files()) {
    InFlightNode* node = file->in_flight_node();
    if (!node) continue;
    if (node->flights_ == 0) nodes_.push_back(*node);
    __atomic_store_n(&node->flights_, node->flights_ + 1, __ATOMIC_RELAXED);
  }
}

void FilesInFlight::land(Attachments& attachments) {
  Guard guard(mutex_);
  __atomic_store_n(&count_, count_ - static_cast<u32>(attachments.files().size()), __ATOMIC_RELAXED);
  for (File* file : attachments.files()) {
    InFlightNode* node = file->in_flight_node();
    if (!node) continue;
    __atomic_store_n(&node->flights_, node->flights_ - 1, __ATOMIC_RELAXED);
    if (node->flights_ == 0) nodes_.erase(nodes_.iterator_to(*node));
  }
}

LinuxResult<Attachments> FilesInFlight::copy(const Attachments& attachments, runtime::SpinLock& lock) {
  auto copied = TRY(Attachments::create(Attachments::kMaximum));
  Guard guard(mutex_);
  Guard source_guard(lock);
  for (File* file : attachments.files()) copied.add(Ref<File>(*file));
  return copied;
}

void FilesInFlight::dispose(Attachments attachments) {
  if (!attachments) return;
  land(attachments);
  auto* record = std::exchange(attachments.record_, nullptr);
  {
    Guard guard(doomed_lock_);
    record->next = doomed_;
    doomed_ = record;
    if (releasing_) return;
    releasing_ = true;
  }
  release_doomed();
}

void FilesInFlight::release_doomed() {
  for (;;) {
    Attachments::Record* record = nullptr;
    {
      Guard guard(doomed_lock_);
      record = doomed_;
      if (record) {
        doomed_ = record->next;
      } else if (!std::exchange(collection_wanted_, false)) {
        releasing_ = false;
        return;
      }
    }
    if (record) {
      Attachments(record).release();
    } else {
      collect_now();
    }
  }
}

namespace {

template <class Function>
class EachFile final : public InFlightNode::Visitor {
 public:
  explicit EachFile(Function function) : function_(function) {}
  void visit(Attachments& attachments) override {
    for (File* file : attachments.files())
      if (InFlightNode* node = file->in_flight_node()) function_(*node);
  }

 private:
  Function function_;
};

}  // namespace

/// Takes what it is shown.
class FilesInFlight::Emptier final : public InFlightNode::Visitor {
 public:
  void visit(Attachments& attachments) override {
    auto* record = std::exchange(attachments.record_, nullptr);
    if (!record) return;
    record->next = first_;
    first_ = record;
  }
  Attachments next() {
    auto* record = first_;
    if (record) first_ = record->next;
    return Attachments(record);
  }

 private:
  Attachments::Record* first_ = nullptr;
};

void FilesInFlight::mark_live_locked() {
  InFlightNode* live = nullptr;
  for (auto& node : nodes_) {
    if (!node.candidate_ || node.found_ == node.flights_) continue;
    node.candidate_ = false;
    node.next_live_ = live;
    live = &node;
  }
  while (live) {
    InFlightNode& node = *live;
    live = node.next_live_;
    EachFile reached([&](InFlightNode& child) {
      if (!child.candidate_) return;
      child.candidate_ = false;
      child.next_live_ = live;
      live = &child;
    });
    node.visit_attachments(reached);
  }
}

void FilesInFlight::collect() {
  if (count() == 0) return;
  {
    Guard guard(doomed_lock_);
    if (releasing_) {
      collection_wanted_ = true;
      return;
    }
  }
  collect_now();
}

void FilesInFlight::collect_now() {
  Emptier garbage;
  {
    Guard guard(mutex_);
    for (auto& node : nodes_) {
      node.candidate_ = node.flying_file().references() == node.flights_;
      node.found_ = 0;
    }
    EachFile counter([](InFlightNode& child) { child.found_ += child.candidate_; });
    for (auto& node : nodes_)
      if (node.candidate_) node.visit_attachments(counter);
    mark_live_locked();
    for (auto& node : nodes_)
      if (node.candidate_) node.visit_attachments(garbage);
  }
  while (auto taken = garbage.next()) dispose(std::move(taken));
}

}  // namespace vari::linux
