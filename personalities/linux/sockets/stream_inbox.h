// What has been sent to a stream socket and not yet received: bytes in a ring, and marks for the stretches
// that carry more than bytes (descriptors, the sender's identity). A stream without such stretches has no
// marks.
//
// One mutex orders senders and receivers, as in a pipe; user memory is copied with it held. Marks have a
// spinlock besides, so that the collector (files_in_flight.h) can look at them while somebody sleeps on a
// page.
#pragma once

#include <boost/intrusive/list.hpp>

#include "personalities/linux/sockets/attachments.h"
#include "personalities/linux/sockets/byte_ring.h"
#include "personalities/linux/sockets/files_in_flight.h"
#include "personalities/linux/sockets/socket.h"

namespace vari::linux {

struct StreamSend {
  Transfer& from;
  SocketStatus& sender;
  Patience patience;
  u32 limit;               // bytes that may wait for the receiver: the sender's buffer
  Attachments files = {};  // go with the first byte
  const SocketCredentials* credentials = nullptr;  // null: nobody asked for them
};

struct StreamReceive {
  Transfer& to;
  SocketStatus& receiver;
  Patience patience;
  u64 minimum = 1;  // waits until so much is there (MSG_WAITALL)
  bool peek = false;
  bool begun = false;      // something has been received already
  bool by_sender = false;  // stretches of different senders are not received together
  Attachments files = {};
  SocketCredentials credentials = {};
  bool made_room = false;  // the sender may go on: it is to be told
};

class StreamInbox {
 public:
  StreamInbox(Place& place, FilesInFlight& flights) : ring_(place), flights_(flights) {}
  StreamInbox(const StreamInbox&) = delete;

  /// Pipe: the other side receives no more. Others as the patience says.
  LinuxResult<u64> send(StreamSend& request) EXCLUDES(mutex_);
  LinuxResult<u64> receive(StreamReceive& request) EXCLUDES(mutex_);
  /// The short way for bytes alone: as many as can be sent without waiting; the rest is send()'s, and its
  /// errors.
  u64 send_at_once(Transfer& from, const SocketStatus& sender, u32 limit) EXCLUDES(mutex_);
  u32 used() const { return ring_.used(); }
  /// Half of what may wait is free: time to tell a sender.
  bool has_room(u32 limit) const { return used() <= limit / 2; }
  /// Statuses have changed: all that sleep look again.
  void wake_all();
  /// Nobody will receive: gives all back. Never allocates. True if there was something.
  bool empty() EXCLUDES(mutex_, marks_lock_);
  void visit_attachments(InFlightNode::Visitor& visitor) EXCLUDES(marks_lock_);

 private:
  struct Mark : runtime::Allocated {
    u64 begin = 0, end = 0;  // positions in the stream
    Attachments files;
    SocketCredentials credentials;
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> hook;
  };
  using Marks =
      boost::intrusive::list<Mark, boost::intrusive::member_hook<Mark, decltype(Mark::hook), &Mark::hook>,
                             boost::intrusive::constant_time_size<false>>;
  LinuxResult<runtime::Owner<Mark>> make_mark(StreamSend& request);
  void add_mark(runtime::Owner<Mark> mark, u64 bytes) REQUIRES(mutex_);
  bool receive_step(StreamReceive& request, u64& done, LinuxResult<>& ended) REQUIRES(mutex_);
  LinuxResult<u64> receive_some(StreamReceive& request) REQUIRES(mutex_);
  LinuxResult<u64> receive_marked(StreamReceive& request) REQUIRES(mutex_);
  LinuxResult<> take_files(StreamReceive& request, Mark& mark) REQUIRES(mutex_);
  void drop_mark(Mark& mark) REQUIRES(mutex_);
  void after_receiving(StreamReceive& request, u32 before) REQUIRES(mutex_);

  runtime::Mutex mutex_;
  ByteRing ring_;                                      // changed under mutex_
  u32 limit_ = kPageBytes;                             // of the last sender; under mutex_
  u64 position_ = 0;                                   // of the first byte in the ring; under mutex_
  u32 sleeping_receivers_ = 0, sleeping_senders_ = 0;  // under mutex_
  runtime::WaitQueue receivers_, senders_;
  FilesInFlight& flights_;
  runtime::SpinLock marks_lock_;
  Marks marks_;  // changed under mutex_ and marks_lock_
};

}  // namespace vari::linux
