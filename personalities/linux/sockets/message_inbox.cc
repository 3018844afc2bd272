#include "personalities/linux/sockets/message_inbox.h"

#include "personalities/linux/sockets/unix_endpoint.h"

namespace vari::linux {

using runtime::Cancellation;
using runtime::Guard;

LinuxResult<Ref<UnixMessage>> UnixMessage::create(u64 bytes) {
  auto message = TRY(runtime::make<UnixMessage>());
  if (bytes) {
    message->data_ = static_cast<u8*>(runtime::allocate(bytes));
    if (!message->data_) return std::unexpected(Errno::NoMemory);
    message->size_ = bytes;
  }
  return message;
}

UnixMessage::~UnixMessage() {
  if (data_) runtime::free(data_, size_);
  if (sender) sender->uncharge(charge());
}

bool MessageInbox::push(Ref<UnixMessage>& message, bool bounded) {
  if (message->files) flights_.launch(message->files);
  {
    Guard guard(lock_);
    if (!bounded || count_ <= kMaximumWaiting) {
      messages_.push_back(*message.leak());
      __atomic_store_n(&count_, count_ + 1, __ATOMIC_RELEASE);
    }
  }
  if (!message) {
    receivers_.wake_one();
    return true;
  }
  if (message->files) flights_.land(message->files);
  return false;
}

Ref<UnixMessage> MessageInbox::first(bool peek) {
  Ref<UnixMessage> found;
  {
    Guard guard(lock_);
    if (messages_.empty()) return found;
    if (peek) return Ref<UnixMessage>(messages_.front());
    found = Ref<UnixMessage>::adopt(&messages_.front());
    messages_.pop_front();
    __atomic_store_n(&count_, count_ - 1, __ATOMIC_RELEASE);
  }
  senders_.wake_one();
  return found;
}

LinuxResult<Ref<UnixMessage>> MessageInbox::receive(SocketStatus& status, const Patience& patience,
                                                    bool peek) {
  for (;;) {
    TRY(status.check_error());
    if (auto found = first(peek)) return found;
    if (!patience.waits) return std::unexpected(Errno::Again);
    if (!status.receives()) return Ref<UnixMessage>();
    const auto slept =
        receivers_.wait_until([&] { return count() != 0 || status.has_error() || !status.receives(); },
                              patience.deadline, Cancellation::Respect);
    if (slept) continue;
    if (count()) receivers_.wake_one();  // one meant for us
    return std::unexpected(patience.error_for(slept.error()));
  }
}

LinuxResult<Attachments> MessageInbox::files_of(UnixMessage& message, bool peek) {
  Attachments files;
  {
    Guard guard(lock_);
    if (!message.files) return files;
    if (!peek) files = std::move(message.files);
  }
  if (peek) return flights_.copy(message.files, lock_);
  flights_.land(files);
  return files;
}

LinuxResult<> MessageInbox::wait_for_room(SocketStatus& sender, const SocketStatus& receiver,
                                          const Patience& patience) {
  if (!patience.waits) return std::unexpected(Errno::Again);
  const auto slept = senders_.wait_until(
      [&] { return !full() || sender.has_error() || !sender.sends() || !receiver.receives(); },
      patience.deadline, Cancellation::Respect);
  if (slept) return {};
  if (!full()) senders_.wake_one();
  return std::unexpected(patience.error_for(slept.error()));
}

u64 MessageInbox::first_bytes() {
  Guard guard(lock_);
  return messages_.empty() ? 0 : messages_.front().size_;
}

u64 MessageInbox::total_bytes() {
  u64 total = 0;
  Guard guard(lock_);
  for (auto& message : messages_) total += message.size_;
  return total;
}

void MessageInbox::wake_all() {
  receivers_.wake_all();
  senders_.wake_all();
}

bool MessageInbox::empty() {
  bool had = false;
  while (auto message = first(false)) {
    had = true;
    flights_.dispose(std::move(message->files));
  }
  return had;
}

void MessageInbox::visit_attachments(InFlightNode::Visitor& visitor) {
  Guard guard(lock_);
  for (auto& message : messages_)
    if (message.files) visitor.visit(message.files);
}

}  // namespace vari::linux
