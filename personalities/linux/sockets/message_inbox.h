// Messages that have been sent to a datagram or seqpacket socket and not yet received: a list, one allocation
// a message. Bytes are copied from and to programs without any lock held.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/sockets/stream_inbox.h"
#include "personalities/linux/sockets/unix_address.h"

namespace vari::linux {

class UnixEndpoint;  // sockets/unix_endpoint.h

/// One message. Its bytes are charged to the sender's buffer until it is gone.
class UnixMessage final : public runtime::Managed {
 public:
  /// Room for `bytes`, charged to nobody yet. NoMemory.
  static LinuxResult<Ref<UnixMessage>> create(u64 bytes);
  ~UnixMessage() override;

  std::span<u8> bytes() { return {data_, size_}; }
  u64 charge() const { return size_ + kOverhead; }
  /// What a message costs beside its bytes, about what Linux counts.
  static constexpr u64 kOverhead = 512;

  Ref<UnixEndpoint> sender;  // set once it is charged
  Ref<UnixAddress> from;
  SocketCredentials credentials;
  Attachments files;  // once queued: under the inbox's lock

 private:
  friend class MessageInbox;
  template <class T, class... A>
  friend Result<Ref<T>> runtime::make(A&&... arguments);
  UnixMessage() = default;
  u8* data_ = nullptr;
  u64 size_ = 0;
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook_;
};

class MessageInbox {
 public:
  /// Further messages wait for the receiver beyond so many (net.unix.max_dgram_qlen).
  static constexpr u32 kMaximumWaiting = 10;

  explicit MessageInbox(FilesInFlight& flights) : flights_(flights) {}
  MessageInbox(const MessageInbox&) = delete;

  /// False: `bounded`, and it is full.
  bool push(Ref<UnixMessage>& message, bool bounded) EXCLUDES(lock_);
  /// The first message, taken out or (peek) left; waits for one. Null: nothing more will come.
  LinuxResult<Ref<UnixMessage>> receive(SocketStatus& status, const Patience& patience, bool peek)
      EXCLUDES(lock_);
  /// A message's files: of one that was taken out its own, else copies.
  LinuxResult<Attachments> files_of(UnixMessage& message, bool peek) EXCLUDES(lock_);
  LinuxResult<> wait_for_room(SocketStatus& sender, const SocketStatus& receiver, const Patience& patience);
  bool full() const { return count() > kMaximumWaiting; }
  u32 count() const { return __atomic_load_n(&count_, __ATOMIC_ACQUIRE); }
  /// Bytes of the first message, and of all.
  u64 first_bytes() EXCLUDES(lock_);
  u64 total_bytes() EXCLUDES(lock_);
  /// Statuses have changed: all that sleep look again.
  void wake_all();
  /// Drops all; true if there were some. Never allocates.
  bool empty() EXCLUDES(lock_);
  void visit_attachments(InFlightNode::Visitor& visitor) EXCLUDES(lock_);

 private:
  Ref<UnixMessage> first(bool peek) EXCLUDES(lock_);

  using Messages = boost::intrusive::list<
      UnixMessage,
      boost::intrusive::member_hook<UnixMessage, decltype(UnixMessage::hook_), &UnixMessage::hook_>,
      boost::intrusive::constant_time_size<false>>;
  runtime::SpinLock lock_;
  Messages messages_ GUARDED_BY(lock_);  // a reference each
  u32 count_ = 0;                        // atomic; changed under lock_
  runtime::WaitQueue receivers_, senders_;
  FilesInFlight& flights_;
};

}  // namespace vari::linux
