// What poll tells of a UNIX socket; the rules are Linux's unix_poll() and unix_dgram_poll().
#include "personalities/linux/sockets/unix_endpoint.h"

namespace vari::linux {

using runtime::Guard;

bool UnixEndpoint::writable(u32 send_limit) {
  if (state() == State::Listening) return false;
  if (is_stream()) {
    const auto* other = fixed_peer();
    return !other || other->stream_.has_room(send_limit) || !status_.sends();
  }
  if (charged() * 4 > send_limit) return false;
  if (has_connections()) return true;
  const auto other = peer();
  if (!other || !other->messages_.full() || other->fixed_peer() == this) return true;
  // Order: entered in the list first, so that whoever makes room either finds us there or made it before
  // this.
  await_room_at(*other);
  return !other->messages_.full();
}

u32 UnixEndpoint::poll_events(u32 send_limit) {
  using namespace poll_event;
  u32 events = 0;
  const u32 shutdown = status_.shutdown();
  if (status_.has_error()) events |= kError;
  if (shutdown == SocketStatus::kBoth) events |= kHangUp;
  if (shutdown & SocketStatus::kNoReceive) events |= kReadHangUp | kIn | kReadNormal;
  if (stream_.used() || messages_.count() || __atomic_load_n(&backlog_count_, __ATOMIC_ACQUIRE))
    events |= kIn | kReadNormal;
  if (has_connections() && state() == State::Fresh) events |= kHangUp;
  if (writable(send_limit)) events |= kOut | kWriteNormal | 0x200;  // POLLWRBAND
  return events;
}

u32 UnixEndpoint::poll(PollTable* table, u32 send_limit) {
  if (table) table->watch(poll_queue_);
  return poll_events(send_limit);
}

void UnixEndpoint::await_room_at(UnixEndpoint& receiver) {
  if (__atomic_exchange_n(&waits_for_room_, true, __ATOMIC_ACQ_REL)) return;
  acquire();
  Guard guard(receiver.lock_);
  room_next_ = receiver.room_waiters_;
  __atomic_store_n(&receiver.room_waiters_, this, __ATOMIC_SEQ_CST);
}

void UnixEndpoint::tell_senders() {
  if (!__atomic_load_n(&room_waiters_, __ATOMIC_SEQ_CST)) [[likely]]
    return;
  UnixEndpoint* waiting = nullptr;
  {
    Guard guard(lock_);
    waiting = std::exchange(room_waiters_, nullptr);
  }
  while (waiting) {
    const auto sender = Ref<UnixEndpoint>::adopt(waiting);
    waiting = std::exchange(sender->room_next_, nullptr);
    __atomic_store_n(&sender->waits_for_room_, false, __ATOMIC_RELEASE);
    sender->poll_queue_.wake(poll_event::kOut | poll_event::kWriteNormal);
  }
}

}  // namespace vari::linux
