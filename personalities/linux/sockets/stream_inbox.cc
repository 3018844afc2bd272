// See stream_inbox.h.
//
// Wake-ups: a sender wakes one receiver, and a receiver that leaves bytes behind wakes the next. Senders
// sleep until half of what may wait is free, so that a full stream does not cost a switch a page.
#include "personalities/linux/sockets/stream_inbox.h"

#include <algorithm>

namespace vari::linux {

using runtime::Cancellation;
using runtime::Guard;

LinuxResult<runtime::Owner<StreamInbox::Mark>> StreamInbox::make_mark(StreamSend& request) {
  if (!request.files && !request.credentials) [[likely]]
    return runtime::Owner<Mark>();
  auto mark = TRY(runtime::make_owned<Mark>());
  if (request.credentials) mark->credentials = *request.credentials;
  mark->files = std::move(request.files);
  return mark;
}

void StreamInbox::add_mark(runtime::Owner<Mark> mark, u64 bytes) {
  mark->end = position_ + ring_.used();
  mark->begin = mark->end - bytes;
  if (mark->files) flights_.launch(mark->files);
  if (!marks_.empty() && !mark->files) {
    Mark& last = marks_.back();
    if (!last.files && last.end == mark->begin && last.credentials == mark->credentials) {
      last.end = mark->end;
      return;
    }
  }
  Guard guard(marks_lock_);
  marks_.push_back(*mark.leak());
}

u64 StreamInbox::send_at_once(Transfer& from, const SocketStatus& sender, u32 limit) {
  limit = std::min(limit, ByteRing::kCapacity);
  Guard guard(mutex_);
  const u32 used = ring_.used();
  if (used >= limit || sender.has_error() || !sender.sends()) [[unlikely]]
    return 0;
  limit_ = limit;
  const auto moved = ring_.put(from, limit - used);
  if (!moved) [[unlikely]]
    return 0;
  if (sleeping_receivers_) receivers_.wake_one();
  return *moved;
}

LinuxResult<u64> StreamInbox::send(StreamSend& request) {
  Transfer& from = request.from;
  const u32 limit = std::min(request.limit, ByteRing::kCapacity);
  runtime::Owner<Mark> mark;
  u64 done = 0;
  while (from.remaining() != 0) {
    if (!mark) {
      auto made = make_mark(request);
      if (!made && done) return done;
      mark = TRY(std::move(made));
    }
    {
      Guard guard(mutex_);
      if (request.sender.has_error() || !request.sender.sends()) [[unlikely]]
        break;
      const u32 used = ring_.used();
      limit_ = limit;
      if (used < limit) [[likely]] {
        const auto moved = ring_.put(from, limit - used);
        if (!moved) {
          if (done) return done;
          return moved;
        }
        if (mark) [[unlikely]]
          add_mark(std::exchange(mark, {}), *moved);
        done += *moved;
        if (sleeping_receivers_) receivers_.wake_one();
        if (from.remaining() == 0) [[likely]]
          return done;
        if (used + *moved < limit) return done;  // the caller's memory or ours ended
      }
      if (!request.patience.waits) {
        if (done) return done;
        return std::unexpected(Errno::Again);
      }
      ++sleeping_senders_;
    }
    const auto slept = senders_.wait_until(
        [&] { return has_room(limit) || request.sender.has_error() || !request.sender.sends(); },
        request.patience.deadline, Cancellation::Respect);
    Guard guard(mutex_);
    --sleeping_senders_;
    if (slept) continue;
    if (has_room(limit) && sleeping_senders_) senders_.wake_one();  // one meant for us
    if (done) return done;
    return std::unexpected(request.patience.error_for(slept.error()));
  }
  if (done || (from.remaining() == 0 && request.sender.sends())) return done;
  TRY(request.sender.check_error());
  return std::unexpected(Errno::Pipe);
}

void StreamInbox::after_receiving(StreamReceive& request, u32 before) {
  const u32 half = limit_ / 2, left = ring_.used();
  if (before > half && left <= half) {
    request.made_room = true;
    if (sleeping_senders_) senders_.wake_one();
  }
  if (left && sleeping_receivers_) [[unlikely]]
    receivers_.wake_one();
}

LinuxResult<u64> StreamInbox::receive(StreamReceive& request) {
  u64 done = 0;
  LinuxResult<> ended;
  mutex_.lock();
  while (!receive_step(request, done, ended)) {
    ++sleeping_receivers_;
    mutex_.unlock();
    const auto slept = receivers_.wait_until(
        [&] { return used() != 0 || request.receiver.has_error() || !request.receiver.receives(); },
        request.patience.deadline, Cancellation::Respect);
    mutex_.lock();
    --sleeping_receivers_;
    if (slept) [[likely]]
      continue;
    if (used() != 0 && sleeping_receivers_) receivers_.wake_one();
    ended = std::unexpected(request.patience.error_for(slept.error()));
    break;
  }
  mutex_.unlock();
  if (done || ended) return done;
  return std::unexpected(ended.error());
}

/// Takes what is there. True: the call is over, with `done` bytes or with an error.
bool StreamInbox::receive_step(StreamReceive& request, u64& done, LinuxResult<>& ended) {
  const u32 before = ring_.used();
  if (before != 0) [[likely]] {
    const auto moved = receive_some(request);
    if (!request.peek) after_receiving(request, before);
    if (!moved) {
      ended = std::unexpected(moved.error());
      return true;
    }
    done += *moved;
    request.begun = true;
    if (done >= request.minimum || request.to.remaining() == 0 || request.peek) return true;
    if (request.files || *moved < before) return true;  // what comes next is not for the same call
  }
  if (request.to.remaining() == 0) return true;
  if (!done) ended = request.receiver.check_error();
  if (!ended || request.receiver.has_error() || !request.receiver.receives()) return true;
  if (request.patience.waits) return false;
  ended = std::unexpected(Errno::Again);
  return true;
}

LinuxResult<u64> StreamInbox::receive_some(StreamReceive& request) {
  if (!marks_.empty()) [[unlikely]]
    return receive_marked(request);
  if (request.peek) return ring_.peek(request.to, 0, ring_.used());
  const auto done = ring_.take(request.to, ring_.used());
  if (done) position_ += *done;
  return done;
}

LinuxResult<> StreamInbox::take_files(StreamReceive& request, Mark& mark) {
  if (!mark.files) return {};
  if (request.peek) {
    request.files = TRY(flights_.copy(mark.files, marks_lock_));
    return {};
  }
  {
    Guard guard(marks_lock_);
    request.files = std::move(mark.files);
  }
  flights_.land(request.files);
  return {};
}

void StreamInbox::drop_mark(Mark& mark) {
  {
    Guard guard(marks_lock_);
    marks_.erase(marks_.iterator_to(mark));
  }
  flights_.dispose(std::move(mark.files));
  delete &mark;
}

/// Stretch by stretch: bytes before descriptors are received with them, bytes behind them are not.
LinuxResult<u64> StreamInbox::receive_marked(StreamReceive& request) {
  u64 done = 0;
  auto next = marks_.begin();
  u64 at = position_;
  const u64 end = position_ + ring_.used();
  while (at < end && request.to.remaining() != 0) {
    Mark* mark = next != marks_.end() && next->begin <= at ? &*next : nullptr;
    const u64 stretch_end = mark ? mark->end : next != marks_.end() ? next->begin : end;
    const auto credentials = mark ? mark->credentials : SocketCredentials();
    if ((done || request.begun) && request.by_sender && !(credentials == request.credentials)) break;
    request.credentials = credentials;
    const auto offset = static_cast<u32>(at - position_);
    const auto moved = request.peek ? ring_.peek(request.to, offset, stretch_end - at)
                                    : ring_.take(request.to, stretch_end - at);
    if (!moved) {
      if (done) break;
      return moved;
    }
    done += *moved;
    at += *moved;
    if (!request.peek) position_ = at;
    if (mark) TRY(take_files(request, *mark));
    if (at < stretch_end) break;
    if (mark) {
      ++next;
      if (!request.peek) drop_mark(*mark);
    }
    if (request.files) break;
  }
  return done;
}

void StreamInbox::wake_all() {
  receivers_.wake_all();
  senders_.wake_all();
}

bool StreamInbox::empty() {
  Marks dropped;
  bool had = false;
  {
    Guard guard(mutex_);
    had = ring_.used() != 0;
    ring_.clear();
    Guard marks_guard(marks_lock_);
    dropped.swap(marks_);
  }
  while (!dropped.empty()) {
    Mark& mark = dropped.front();
    dropped.pop_front();
    flights_.dispose(std::move(mark.files));
    delete &mark;
  }
  return had;
}

void StreamInbox::visit_attachments(InFlightNode::Visitor& visitor) {
  Guard guard(marks_lock_);
  for (auto& mark : marks_)
    if (mark.files) visitor.visit(mark.files);
}

}  // namespace vari::linux
