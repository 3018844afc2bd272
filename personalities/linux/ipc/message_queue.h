// System V message queues (msgop(2)): messages with a type, taken by type.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/ipc/ipc_object.h"
#include "runtime/wait.h"

namespace vari::linux::ipc {

struct Message : runtime::Allocated {
  explicit Message(i64 type_in) : type(type_in) {}
  ~Message() {
    if (text) runtime::free(text, bytes);
  }
  Message(const Message&) = delete;
  /// Room for `wanted` bytes. NoMemory.
  LinuxResult<> reserve(u64 wanted);
  i64 type;
  u64 bytes = 0;
  u8* text = nullptr;
  boost::intrusive::list_member_hook<> hook;
};

class MessageQueue final : public Object {
 public:
  static constexpr u64 kMostBytes = 16384, kMostMessageBytes = 8192;
  struct Status {
    i64 sent_at = 0, received_at = 0, changed_at = 0;
    u64 bytes = 0, messages = 0, limit_bytes = kMostBytes;
    i32 last_sender = 0, last_receiver = 0;
  };
  MessageQueue(const Identity& creator, i32 key, u32 mode) : Object(creator, key, mode) {}

  /// Blocks while it is full. Again with no_wait; IdRemoved; Interrupted.
  LinuxResult<> send(Task& task, runtime::Owner<Message> message, bool no_wait);
  struct Selection {
    i64 type = 0;
    bool except = false, no_wait = false, cut = false;
    u64 room = 0;
  };
  /// NoMessage with no_wait; TooBig: it stays, since it has no room and must not be cut.
  LinuxResult<runtime::Owner<Message>> receive(Task& task, const Selection& selection);
  Status status();
  void set_limit(u64 bytes, i64 now);
  void created(i64 now);
  /// All that wait learn that it is gone.
  void end();

 private:
  ~MessageQueue() override;
  using Messages = boost::intrusive::list<
      Message, boost::intrusive::member_hook<Message, boost::intrusive::list_member_hook<>, &Message::hook>>;
  Message* select(const Selection& selection) REQUIRES(lock_);

  runtime::SpinLock lock_;
  Messages messages_ GUARDED_BY(lock_);
  Status status_ GUARDED_BY(lock_);
  runtime::WaitQueue senders_, receivers_;
};

}  // namespace vari::linux::ipc
