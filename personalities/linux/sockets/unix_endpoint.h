// One end of AF_UNIX communication, apart from the open file that programs hold (unix_socket.h): its peers
// keep a reference to it, so that what it needs to be told of outlives a close.
//
// No operation holds locks of two ends that could be each other's peers: data goes under the receiving
// inbox's lock alone; statuses are atomics. connect() nests: the listener's lock_, then the client's; a
// listener is never a client.
#pragma once

#include "personalities/linux/sockets/message_inbox.h"
#include "personalities/linux/sockets/socket.h"
#include "personalities/linux/sockets/stream_inbox.h"
#include "personalities/linux/sockets/unix_names.h"

namespace vari::linux {

class UnixFamily;  // sockets/unix_family.h

class UnixEndpoint final : public runtime::Managed, public UnixNameNode {
 public:
  enum class State : u8 { Fresh, Listening, Connected, Closed };

  UnixEndpoint(UnixFamily& family, SocketType kind);
  ~UnixEndpoint() override;

  SocketType kind() const { return kind_; }
  bool is_stream() const { return kind_ == SocketType::Stream; }
  bool has_connections() const { return kind_ != SocketType::Datagram; }
  State state() const { return static_cast<State>(__atomic_load_n(&state_, __ATOMIC_ACQUIRE)); }
  SocketStatus& status() { return status_; }
  StreamInbox& stream() { return stream_; }
  MessageInbox& messages() { return messages_; }
  PollQueue& poll_queue() { return poll_queue_; }

  /// Of a connected stream or seqpacket end: set once, and kept as long as this end is open.
  UnixEndpoint* fixed_peer() const { return __atomic_load_n(&peer_, __ATOMIC_ACQUIRE); }
  Ref<UnixEndpoint> peer() EXCLUDES(lock_);
  /// Datagrams: another peer, or none.
  void set_peer(Ref<UnixEndpoint> peer) EXCLUDES(lock_);
  /// A peer that has gone is no peer any longer. False: it is another one by now.
  bool drop_peer(UnixEndpoint& gone) EXCLUDES(lock_);
  SocketCredentials peer_credentials() EXCLUDES(lock_);

  /// Two fresh ends become a pair.
  static void connect_pair(UnixEndpoint& a, UnixEndpoint& b, const SocketCredentials& credentials);
  LinuxResult<> listen(u32 backlog, const SocketCredentials& credentials) EXCLUDES(lock_);
  /// connect(): `server` becomes this client's peer and waits in the listener's backlog. Again: that is full.
  LinuxResult<> join(UnixEndpoint& listener, Ref<UnixEndpoint>& server, const SocketCredentials& credentials)
      EXCLUDES(lock_);
  LinuxResult<> wait_for_backlog(const Patience& patience);
  LinuxResult<Ref<UnixEndpoint>> accept(const Patience& patience) EXCLUDES(lock_);

  LinuxResult<> shut_down(u32 directions);
  /// The open file has gone, or it never came (a connection that nobody accepted).
  void close(bool was_accepted) EXCLUDES(lock_);

  /// Reserves room in this sender's buffer, waits for it.
  LinuxResult<> charge(u64 bytes, u64 limit, const Patience& patience);
  void uncharge(u64 bytes);
  u64 charged() const { return __atomic_load_n(&charged_, __ATOMIC_ACQUIRE); }
  /// To be told (poll) when `inbox` of the peer has room again.
  void await_room_at(UnixEndpoint& receiver);
  void tell_senders();

  u32 poll(PollTable* table, u32 send_limit);
  void visit_attachments(InFlightNode::Visitor& visitor) EXCLUDES(lock_);
  /// The file's inode, for /proc/net/unix; 0 while there is none.
  void set_inode_number(u64 number) { __atomic_store_n(&inode_number_, number, __ATOMIC_RELAXED); }
  u64 inode_number() const { return __atomic_load_n(&inode_number_, __ATOMIC_RELAXED); }
  /// SO_PASSCRED: who sends to us says who they are. True, too, until somebody has accepted us.
  bool wants_credentials() const { return __atomic_load_n(&wants_credentials_, __ATOMIC_RELAXED); }
  void set_wants_credentials(bool set) { __atomic_store_n(&wants_credentials_, set, __ATOMIC_RELAXED); }
  runtime::Mutex& naming_mutex() RETURN_CAPABILITY(naming_mutex_) { return naming_mutex_; }

 private:
  void set_state_locked(State state) REQUIRES(lock_) {
    __atomic_store_n(&state_, static_cast<u8>(state), __ATOMIC_RELEASE);
  }
  u32 poll_events(u32 send_limit);
  void wake_all();
  bool writable(u32 send_limit);

  UnixFamily& family_;
  const SocketType kind_;
  u8 state_ = 0;  // atomic State, changed under lock_
  bool wants_credentials_ = false;
  SocketStatus status_;
  StreamInbox stream_;
  MessageInbox messages_;
  PollQueue poll_queue_;
  runtime::Mutex naming_mutex_;  // orders bind, listen and connect of one socket
  runtime::SpinLock lock_;
  UnixEndpoint* peer_ =
      nullptr;  // a reference; changed under lock_, read without by whoever may (fixed_peer)
  static constexpr SocketCredentials kNobody{0, ~u32{0}, ~u32{0}};
  SocketCredentials own_credentials_ GUARDED_BY(lock_) = kNobody, peer_credentials_
                                                                  GUARDED_BY(lock_) = kNobody;
  u64 charged_ = 0;          // atomic: bytes of ours that wait at receivers
  u32 charge_sleepers_ = 0;  // atomic
  runtime::WaitQueue charge_queue_;
  u64 inode_number_ = 0;

  // Of a listener: ends that wait to be accepted, a reference each.
  UnixEndpoint* backlog_first_ GUARDED_BY(lock_) = nullptr;
  UnixEndpoint* backlog_last_ GUARDED_BY(lock_) = nullptr;
  UnixEndpoint* backlog_next_ = nullptr;
  u32 backlog_count_ = 0, backlog_limit_ = 0;  // atomic
  runtime::WaitQueue accepters_, connecters_;

  // Of a receiver of datagrams: senders who poll for room, a reference each.
  UnixEndpoint* room_waiters_ = nullptr;  // changed under lock_; read without it as a hint
  UnixEndpoint* room_next_ = nullptr;
  bool waits_for_room_ = false;  // atomic: in some receiver's list
};

}  // namespace vari::linux
