// The life of an end: peers, listening, shutting down, closing. What is sent goes through the inboxes.
#include "personalities/linux/sockets/unix_endpoint.h"

#include <algorithm>

#include "personalities/linux/sockets/unix_family.h"

namespace vari::linux {

using runtime::Cancellation;
using runtime::Guard;

UnixEndpoint::UnixEndpoint(UnixFamily& family, SocketType kind)
    : family_(family), kind_(kind), stream_(family.place(), family.flights()), messages_(family.flights()) {
  family_.names().enter(*this);
}

UnixEndpoint::~UnixEndpoint() {
  family_.names().leave(*this);
  if (peer_) peer_->release();
}

Ref<UnixEndpoint> UnixEndpoint::peer() {
  Guard guard(lock_);
  return peer_ ? Ref<UnixEndpoint>(*peer_) : Ref<UnixEndpoint>();
}

void UnixEndpoint::set_peer(Ref<UnixEndpoint> peer) {
  UnixEndpoint* previous = nullptr;
  {
    Guard guard(lock_);
    set_state_locked(peer ? State::Connected : State::Fresh);
    previous = peer_;
    __atomic_store_n(&peer_, peer.leak(), __ATOMIC_RELEASE);
  }
  if (!previous) return;
  // What the old peer sent is not for the new conversation; and it is told, if it thinks of us as its peer.
  const auto old = Ref<UnixEndpoint>::adopt(previous);
  if (previous == fixed_peer()) return;
  const bool dropped = messages_.empty();
  if (dropped && old->peer().get() == this) {
    old->status_.set_error(Errno::ConnectionReset);
    old->wake_all();
  }
}

bool UnixEndpoint::drop_peer(UnixEndpoint& gone) {
  Ref<UnixEndpoint> released;
  Guard guard(lock_);
  if (peer_ != &gone) return false;
  released = Ref<UnixEndpoint>::adopt(peer_);
  __atomic_store_n(&peer_, nullptr, __ATOMIC_RELEASE);
  set_state_locked(State::Fresh);
  return true;
}

SocketCredentials UnixEndpoint::peer_credentials() {
  Guard guard(lock_);
  return peer_credentials_;
}

void UnixEndpoint::connect_pair(UnixEndpoint& a, UnixEndpoint& b, const SocketCredentials& credentials) {
  UnixEndpoint* const ends[] = {&a, &b};
  for (u32 i = 0; i < 2; ++i) {
    UnixEndpoint& end = *ends[i];
    Guard guard(end.lock_);
    end.own_credentials_ = end.peer_credentials_ = credentials;
    __atomic_store_n(&end.peer_, Ref<UnixEndpoint>(*ends[1 - i]).leak(), __ATOMIC_RELEASE);
    end.set_state_locked(State::Connected);
  }
}

LinuxResult<> UnixEndpoint::listen(u32 backlog, const SocketCredentials& credentials) {
  {
    Guard guard(lock_);
    if (state() != State::Fresh && state() != State::Listening) return std::unexpected(Errno::Invalid);
    set_state_locked(State::Listening);
    own_credentials_ = credentials;
    __atomic_store_n(&backlog_limit_, backlog, __ATOMIC_RELEASE);
  }
  connecters_.wake_all();
  return {};
}

LinuxResult<> UnixEndpoint::join(UnixEndpoint& listener, Ref<UnixEndpoint>& server,
                                 const SocketCredentials& credentials) {
  {
    Guard listener_guard(listener.lock_);
    if (listener.state() != State::Listening || !listener.status_.receives())
      return std::unexpected(Errno::ConnectionRefused);
    if (listener.backlog_count_ > listener.backlog_limit_) return std::unexpected(Errno::Again);
    {
      Guard server_guard(server->lock_);
      server->peer_credentials_ = credentials;
      __atomic_store_n(&server->peer_, Ref<UnixEndpoint>(*this).leak(), __ATOMIC_RELEASE);
      server->set_state_locked(State::Connected);
    }
    {
      Guard guard(lock_);
      peer_credentials_ = listener.own_credentials_;
      own_credentials_ = credentials;
      __atomic_store_n(&peer_, Ref<UnixEndpoint>(*server).leak(), __ATOMIC_RELEASE);
      set_state_locked(State::Connected);
    }
    auto* waiting = server.leak();
    (listener.backlog_last_ ? listener.backlog_last_->backlog_next_ : listener.backlog_first_) = waiting;
    listener.backlog_last_ = waiting;
    __atomic_store_n(&listener.backlog_count_, listener.backlog_count_ + 1, __ATOMIC_RELEASE);
  }
  listener.accepters_.wake_one();
  listener.poll_queue_.wake(poll_event::kIn | poll_event::kReadNormal);
  return {};
}

LinuxResult<> UnixEndpoint::wait_for_backlog(const Patience& patience) {
  if (!patience.waits) return std::unexpected(Errno::Again);
  const auto room = [&] {
    return __atomic_load_n(&backlog_count_, __ATOMIC_ACQUIRE) <=
               __atomic_load_n(&backlog_limit_, __ATOMIC_ACQUIRE) ||
           state() != State::Listening;
  };
  const auto slept = connecters_.wait_until(room, patience.deadline, Cancellation::Respect);
  if (slept) return {};
  if (room()) connecters_.wake_one();  // one meant for us
  return std::unexpected(patience.error_for(slept.error()));
}

LinuxResult<Ref<UnixEndpoint>> UnixEndpoint::accept(const Patience& patience) {
  const auto waiting = [&] { return __atomic_load_n(&backlog_count_, __ATOMIC_ACQUIRE) != 0; };
  for (;;) {
    {
      Guard guard(lock_);
      if (state() != State::Listening) return std::unexpected(Errno::Invalid);
      if (UnixEndpoint* first = backlog_first_) {
        backlog_first_ = first->backlog_next_;
        if (!backlog_first_) backlog_last_ = nullptr;
        __atomic_store_n(&backlog_count_, backlog_count_ - 1, __ATOMIC_RELEASE);
        first->backlog_next_ = nullptr;
        connecters_.wake_one();
        if (backlog_first_) accepters_.wake_one();
        return Ref<UnixEndpoint>::adopt(first);
      }
    }
    if (!status_.receives()) return std::unexpected(Errno::Invalid);
    if (!patience.waits) return std::unexpected(Errno::Again);
    const auto slept = accepters_.wait_until([&] { return waiting() || !status_.receives(); },
                                             patience.deadline, Cancellation::Respect);
    if (slept) continue;
    if (waiting()) accepters_.wake_one();
    return std::unexpected(patience.error_for(slept.error()));
  }
}

void UnixEndpoint::wake_all() {
  if (is_stream()) {
    stream_.wake_all();
  } else {
    messages_.wake_all();
    charge_queue_.wake_all();
  }
  accepters_.wake_all();
  connecters_.wake_all();
  poll_queue_.wake();
}

LinuxResult<> UnixEndpoint::shut_down(u32 directions) {
  status_.shut_down(directions);
  const auto other = peer();
  if (other && has_connections()) {
    const u32 mirrored = ((directions & SocketStatus::kNoReceive) ? SocketStatus::kNoSend : 0) |
                         ((directions & SocketStatus::kNoSend) ? SocketStatus::kNoReceive : 0);
    other->status_.shut_down(mirrored);
    other->wake_all();
  }
  wake_all();
  return {};
}

void UnixEndpoint::close(bool was_accepted) {
  UnixEndpoint* waiting = nullptr;
  {
    Guard guard(lock_);
    set_state_locked(State::Closed);
    waiting = std::exchange(backlog_first_, nullptr);
    backlog_last_ = nullptr;
    __atomic_store_n(&backlog_count_, 0, __ATOMIC_RELEASE);
  }
  status_.shut_down(SocketStatus::kBoth);
  const auto other = peer();
  if (other && has_connections()) {
    // Order: the error before the end, so that nobody sees an end without it; both before the inbox is
    // emptied, so that nothing is put there afterwards.
    if (stream_.used() || messages_.count() || !was_accepted)
      other->status_.set_error(Errno::ConnectionReset);
    other->status_.shut_down(SocketStatus::kBoth);
    other->wake_all();
  }
  (void)stream_.empty();
  (void)messages_.empty();
  wake_all();
  tell_senders();
  // Both ends hold each other: this one lets go. A connected peer keeps us for its own close. fixed_peer() is
  // not asked of a closed end.
  if (other) (void)drop_peer(*other);
  set_inode_number(0);
  while (waiting) {
    const auto end = Ref<UnixEndpoint>::adopt(waiting);
    waiting = std::exchange(end->backlog_next_, nullptr);
    end->close(false);
  }
  {
    Guard guard(lock_);
    set_state_locked(State::Closed);
  }
  family_.names().unbind(*this);
}

LinuxResult<> UnixEndpoint::charge(u64 bytes, u64 limit, const Patience& patience) {
  const auto fits = [&] { return charged() + bytes <= limit + UnixMessage::kOverhead || charged() == 0; };
  for (;;) {
    TRY(status_.check_error());
    if (!status_.sends()) return std::unexpected(Errno::Pipe);
    if (fits()) {
      __atomic_fetch_add(&charged_, bytes, __ATOMIC_ACQ_REL);
      return {};
    }
    if (!patience.waits) return std::unexpected(Errno::Again);
    __atomic_fetch_add(&charge_sleepers_, 1, __ATOMIC_SEQ_CST);
    const auto slept =
        charge_queue_.wait_until([&] { return fits() || status_.has_error() || !status_.sends(); },
                                 patience.deadline, Cancellation::Respect);
    __atomic_fetch_sub(&charge_sleepers_, 1, __ATOMIC_SEQ_CST);
    if (!slept) return std::unexpected(patience.error_for(slept.error()));
  }
}

void UnixEndpoint::uncharge(u64 bytes) {
  __atomic_fetch_sub(&charged_, bytes, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&charge_sleepers_, __ATOMIC_SEQ_CST)) charge_queue_.wake_all();
  poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
}

void UnixEndpoint::visit_attachments(InFlightNode::Visitor& visitor) {
  stream_.visit_attachments(visitor);
  messages_.visit_attachments(visitor);
  Guard guard(lock_);
  for (UnixEndpoint* waiting = backlog_first_; waiting; waiting = waiting->backlog_next_) {
    waiting->stream_.visit_attachments(visitor);
    waiting->messages_.visit_attachments(visitor);
  }
}

}  // namespace vari::linux
