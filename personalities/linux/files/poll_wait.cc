// See poll_wait.h.
#include "personalities/linux/files/poll_wait.h"

#include <algorithm>

namespace vari::linux {

PollWait::~PollWait() {
  for (u32 i = 0; i < std::min(count_, kInline); ++i) inline_[i].queue->remove(inline_[i]);
  while (chunks_) {
    for (auto& watch : chunks_->watches)
      if (watch.queue) watch.queue->remove(watch);
    Chunk* chunk = chunks_;
    chunks_ = chunk->next;
    delete chunk;
  }
}

PollWait::Watch* PollWait::next_watch() {
  if (count_ < kInline) return &inline_[count_++];
  const u32 within = (count_ - kInline) % kChunk;
  if (within == 0) {
    auto* chunk = new (runtime::kFallible) Chunk();
    if (!chunk) return nullptr;
    chunk->next = chunks_;
    chunks_ = chunk;
  }
  ++count_;
  return &chunks_->watches[within];
}

void PollWait::watch(PollQueue& queue) {
  Watch* watch = next_watch();
  if (!watch) {
    failed_ = true;
    return;
  }
  watch->wait = &wait_;
  watch->queue = &queue;
  watch->file = Ref<File>(*file_);
  queue.add(*watch);
}

Result<> PollWait::block(Nanoseconds deadline) {
  switch (wait_.block(deadline, runtime::Cancellation::Respect)) {
    case runtime::Wait::Outcome::TimedOut: return std::unexpected(Error::TimedOut);
    case runtime::Wait::Outcome::Cancelled: return std::unexpected(Error::Interrupted);
    default: return {};
  }
}

}  // namespace vari::linux
