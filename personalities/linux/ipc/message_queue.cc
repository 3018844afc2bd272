// See message_queue.h.
#include "personalities/linux/ipc/message_queue.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux::ipc {

using runtime::Guard;
using runtime::SpinLock;

LinuxResult<> Message::reserve(u64 wanted) {
  if (wanted) text = static_cast<u8*>(runtime::allocate(wanted));
  if (wanted && !text) return std::unexpected(Errno::NoMemory);
  bytes = wanted;
  return {};
}

/// Nobody knows it any more; the lock is for the analysis.
MessageQueue::~MessageQueue() {
  Guard<SpinLock> guard(lock_);
  while (!messages_.empty()) {
    auto* message = &messages_.front();
    messages_.pop_front();
    delete message;
  }
}

LinuxResult<> MessageQueue::send(Task& task, runtime::Owner<Message> message, bool no_wait) {
  auto& place = task.personality().place();
  const i64 now = static_cast<i64>(place.realtime_ns() / kSecond);
  const auto attempt = [&] {
    Guard<SpinLock> guard(lock_);
    if (removed()) return true;
    // Empty messages count as one byte each, so that they can't fill the memory.
    const u64 used = status_.bytes, more = message->bytes;
    if (used + more > status_.limit_bytes || status_.messages + 1 > status_.limit_bytes) return false;
    status_.bytes += more;
    ++status_.messages;
    status_.sent_at = now;
    status_.last_sender = task.process().id();
    messages_.push_back(*message.leak());
    return true;
  };
  if (!attempt()) {
    if (no_wait) return std::unexpected(Errno::Again);
    if (!senders_.wait_until(attempt, kForever, runtime::Cancellation::Respect).has_value())
      return std::unexpected(Errno::Interrupted);
  }
  if (message) return std::unexpected(Errno::IdRemoved);
  receivers_.wake_all();
  return {};
}

Message* MessageQueue::select(const Selection& selection) {
  Message* best = nullptr;
  for (auto& message : messages_) {
    if (selection.type == 0) return &message;
    if (selection.type > 0) {
      if ((message.type == selection.type) != selection.except) return &message;
    } else if (message.type <= -selection.type && (!best || message.type < best->type)) {
      best = &message;
    }
  }
  return best;
}

LinuxResult<runtime::Owner<Message>> MessageQueue::receive(Task& task, const Selection& selection) {
  const i64 now = static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
  runtime::Owner<Message> taken;
  bool too_big = false;
  const auto attempt = [&] {
    Guard<SpinLock> guard(lock_);
    if (removed()) return true;
    auto* message = select(selection);
    if (!message) return false;
    if (message->bytes > selection.room && !selection.cut) return too_big = true;
    messages_.erase(messages_.iterator_to(*message));
    taken = runtime::Owner<Message>(message);
    status_.bytes -= message->bytes;
    --status_.messages;
    status_.received_at = now;
    status_.last_receiver = task.process().id();
    return true;
  };
  if (!attempt()) {
    if (selection.no_wait) return std::unexpected(Errno::NoMessage);
    if (!receivers_.wait_until(attempt, kForever, runtime::Cancellation::Respect).has_value())
      return std::unexpected(Errno::Interrupted);
  }
  if (too_big) return std::unexpected(Errno::TooBig);
  if (!taken) return std::unexpected(Errno::IdRemoved);
  senders_.wake_all();
  return taken;
}

MessageQueue::Status MessageQueue::status() {
  Guard<SpinLock> guard(lock_);
  return status_;
}

void MessageQueue::set_limit(u64 bytes, i64 now) {
  {
    Guard<SpinLock> guard(lock_);
    status_.limit_bytes = bytes;
    status_.changed_at = now;
  }
  senders_.wake_all();
}

void MessageQueue::created(i64 now) {
  Guard<SpinLock> guard(lock_);
  status_.changed_at = now;
}

void MessageQueue::end() {
  senders_.wake_all();
  receivers_.wake_all();
}

}  // namespace vari::linux::ipc
