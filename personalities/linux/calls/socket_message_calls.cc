// Messages on sockets: sendto, sendmsg, sendmmsg and their receiving counterparts; control data (cmsg(3)).
#include <algorithm>

#include "personalities/linux/calls/call_time.h"
#include "personalities/linux/calls/socket_call_helpers.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/sockets/unix_family.h"

namespace vari::linux {

namespace {

using namespace message_flag;

constexpr u32 kRights = 1, kCredentials = 2;  // SCM_RIGHTS, SCM_CREDENTIALS

/// struct cmsghdr.
struct ControlHeader {
  u64 bytes = 0;
  u32 level = 0, type = 0;
};
static_assert(sizeof(ControlHeader) == 16);

/// What the control data of a message to be sent says.
struct SendControl {
  Attachments files;
  SocketCredentials credentials;
  bool has_credentials = false;
};

LinuxResult<> add_files(Task& task, SendControl& control, std::span<const u8> data) {
  const auto count = static_cast<u32>(data.size() / sizeof(i32));
  if (count > Attachments::kMaximum) return std::unexpected(Errno::Invalid);
  if (!control.files) control.files = TRY(Attachments::create(Attachments::kMaximum));
  if (control.files.files().size() + count > Attachments::kMaximum) return std::unexpected(Errno::Invalid);
  for (u32 i = 0; i < count; ++i) {
    i32 descriptor = -1;
    __builtin_memcpy(&descriptor, data.data() + i * sizeof descriptor, sizeof descriptor);
    auto file = TRY(task.files().get(descriptor));
    if (!file->may_be_sent()) return std::unexpected(Errno::Invalid);
    control.files.add(std::move(file));
  }
  return {};
}

LinuxResult<> set_credentials(Task& task, SendControl& control, std::span<const u8> data) {
  if (data.size() != sizeof control.credentials) return std::unexpected(Errno::Invalid);
  auto& claimed = control.credentials;
  __builtin_memcpy(&claimed, data.data(), sizeof claimed);
  const Identity& own = task.identity();
  const bool true_user =
      claimed.user == own.user || claimed.user == own.effective_user || claimed.user == own.saved_user;
  const bool true_group =
      claimed.group == own.group || claimed.group == own.effective_group || claimed.group == own.saved_group;
  const bool true_process = claimed.pid == task.process().id();
  if (!(true_user || own.may(Capability::SetUser)) || !(true_group || own.may(Capability::SetGroup)) ||
      !(true_process || own.may(Capability::Administration)))
    return std::unexpected(Errno::Perm);
  if (!task.personality().processes().find(claimed.pid)) return std::unexpected(Errno::NoProcess);
  control.has_credentials = true;
  return {};
}

/// Reads a message's control data once, and what it says. Level SOL_SOCKET alone is known.
LinuxResult<> read_control(Task& task, u64 address, u64 bytes, SendControl& control) {
  constexpr u64 kMost = 20480;  // net.core.optmem_max
  if (bytes > kMost) return std::unexpected(Errno::NoBuffers);
  auto* memory = static_cast<u8*>(runtime::allocate(bytes));
  if (!memory) return std::unexpected(Errno::NoMemory);
  const auto parse = [&]() -> LinuxResult<> {
    TRY(task.user().copy_in(memory, address, bytes));
    ControlHeader header;
    for (u64 at = 0; at + sizeof header <= bytes; at += align_up(header.bytes, 8)) {
      __builtin_memcpy(&header, memory + at, sizeof header);
      if (header.bytes < sizeof header || header.bytes > bytes - at) return std::unexpected(Errno::Invalid);
      const std::span<const u8> data(memory + at + sizeof header, header.bytes - sizeof header);
      if (header.level != socket_option::kLevel) continue;
      switch (header.type) {
        case kRights: TRY(add_files(task, control, data)); break;
        case kCredentials: TRY(set_credentials(task, control, data)); break;
        default: return std::unexpected(Errno::Invalid);
      }
    }
    return {};
  }();
  runtime::free(memory, bytes);
  TRY(parse);
  if (control.files && control.files.files().empty()) control.files.release();
  return {};
}

/// More descriptors on their way than the sender could have open are refused, but for who may have any
/// number.
LinuxResult<> check_flights(Task& task, const SendControl& control) {
  if (!control.files || task.may(Capability::Resources) || task.may(Capability::Administration)) return {};
  if (task.personality().sockets().flights().count() > descriptor_limit(task))
    return std::unexpected(Errno::TooManyReferences);
  return {};
}

/// The receiving program's buffer for control data.
class UserControl final : public ControlSink {
 public:
  UserControl(Task& task, u64 address, u64 bytes, bool close_on_exec)
      : task_(task), begin_(address), at_(address), left_(bytes), close_on_exec_(close_on_exec) {}

  void put(u32 level, u32 type, std::span<const u8> bytes) override {
    if (left_ < sizeof(ControlHeader)) {
      truncated_ = true;
      return;
    }
    u64 length = sizeof(ControlHeader) + bytes.size();
    if (length > left_) {
      truncated_ = true;
      length = left_;
    }
    const auto data = bytes.first(length - sizeof(ControlHeader));
    if (!task_.user().copy_out(at_ + sizeof(ControlHeader), data.data(), data.size()) ||
        !task_.user().write(at_, ControlHeader{length, level, type}))
      return;
    advance(length);
  }

  void put_files(Attachments files) override {
    const auto count = static_cast<u32>(files.files().size());
    u32 done = 0;
    const u64 room = left_ < sizeof(ControlHeader) ? 0 : (left_ - sizeof(ControlHeader)) / sizeof(i32);
    for (; done < std::min<u64>(count, room); ++done) {
      const auto added = task_.files().add(files.take(done), close_on_exec_, descriptor_limit(task_));
      if (!added) break;
      if (!task_.user().write(at_ + sizeof(ControlHeader) + done * sizeof(i32), static_cast<i32>(*added))) {
        (void)task_.files().close(*added);
        break;
      }
    }
    if (done < count) truncated_ = true;
    if (done == 0) return;
    const u64 length = sizeof(ControlHeader) + done * sizeof(i32);
    if (task_.user().write(at_, ControlHeader{length, socket_option::kLevel, kRights})) advance(length);
  }

  u64 used() const { return at_ - begin_; }
  bool truncated() const { return truncated_; }

 private:
  void advance(u64 length) {
    const u64 padded = std::min(align_up(length, 8), left_);
    at_ += padded;
    left_ -= padded;
  }

  Task& task_;
  const u64 begin_;
  u64 at_, left_;
  const bool close_on_exec_;
  bool truncated_ = false;
};

LinuxResult<u64> send_to(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  UserTransfer from(task, a.a[1], a.a[2]);
  SocketName name;
  SendRequest request{.from = from, .flags = static_cast<u32>(a.a[3])};
  if (a.a[4]) {
    TRY(read_name(task, a.a[4], a.a[5], name));
    request.to = &name;
  }
  return socket->send(task, request);
}

LinuxResult<u64> receive_from(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  UserTransfer to(task, a.a[1], a.a[2]);
  ReceiveRequest request{.to = to, .flags = static_cast<u32>(a.a[3]), .wants_name = a.a[4] != 0};
  const u64 done = TRY(socket->receive(task, request));
  if (a.a[4]) TRY(write_name(task, request.from, a.a[4], a.a[5]));
  return done;
}

/// One entry of sendmmsg's and recvmmsg's array: a header, and how much was moved.
constexpr u64 kEntryBytes = sizeof(MessageHeader) + 8;

LinuxResult<u64> send_messages(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  const u64 count = std::min<u64>(static_cast<u32>(a.a[2]), 1024);
  for (u64 i = 0; i < count; ++i) {
    const u64 entry = a.a[1] + i * kEntryBytes;
    const auto sent = send_message(task, *socket, entry, static_cast<u32>(a.a[3]));
    const auto told = sent ? task.user().write(entry + sizeof(MessageHeader), static_cast<u32>(*sent))
                           : LinuxResult<>(std::unexpected(sent.error()));
    if (told) continue;
    if (i) return i;
    return std::unexpected(told.error());
  }
  return count;
}

LinuxResult<u64> receive_messages(Task& task, const Arguments& a) {
  const auto socket = TRY(borrow_socket(task, a.a[0]));
  const auto deadline = TRY(deadline_at(task, a.a[4]));
  const u64 count = std::min<u64>(static_cast<u32>(a.a[2]), 1024);
  u32 flags = static_cast<u32>(a.a[3]);
  u64 done = 0;
  LinuxResult<> ended;
  for (; done < count; ++done) {
    const u64 entry = a.a[1] + done * kEntryBytes;
    const auto got = receive_message(task, *socket, entry, flags & ~kWaitForOne);
    if (got) ended = task.user().write(entry + sizeof(MessageHeader), static_cast<u32>(*got));
    if (!got) ended = std::unexpected(got.error());
    if (!ended) break;
    if (flags & kWaitForOne) flags |= kDontWait;
    // As in Linux: the time-out is looked at after each message, and interrupts no wait.
    if (deadline != kForever && runtime::port::now_ns() >= deadline) {
      ++done;
      break;
    }
  }
  if (a.a[4]) {
    const Nanoseconds now = runtime::port::now_ns();
    TRY(task.user().write(a.a[4], TimeSpec::of(static_cast<i64>(deadline > now ? deadline - now : 0))));
  }
  if (done || count == 0) return done;
  return std::unexpected(ended.error());
}

}  // namespace

LinuxResult<u64> send_message(Task& task, Socket& socket, u64 header_address, u32 flags) {
  const auto header = TRY(task.user().read<MessageHeader>(header_address));
  VectorTransfer from(task);
  if (header.vector_count > VectorTransfer::kMaximumVectors) return std::unexpected(Errno::MessageTooLong);
  TRY(from.load(header.vectors, header.vector_count));
  SocketName name;
  SendRequest request{.from = from, .flags = flags};
  if (header.name && header.name_bytes) {
    TRY(read_name(task, header.name, std::min(header.name_bytes, SocketName::kMaximum), name));
    request.to = &name;
  }
  SendControl control;
  if (header.control_bytes) TRY(read_control(task, header.control, header.control_bytes, control));
  TRY(check_flights(task, control));
  request.files = std::move(control.files);
  if (control.has_credentials) request.credentials = &control.credentials;
  return socket.send(task, request);
}

LinuxResult<u64> receive_message(Task& task, Socket& socket, u64 header_address, u32 flags) {
  const auto header = TRY(task.user().read<MessageHeader>(header_address));
  VectorTransfer to(task);
  if (header.vector_count > VectorTransfer::kMaximumVectors) return std::unexpected(Errno::MessageTooLong);
  TRY(to.load(header.vectors, header.vector_count));
  UserControl control(task, header.control, header.control ? header.control_bytes : 0, flags & kCloseOnExec);
  ReceiveRequest request{.to = to, .flags = flags, .wants_name = header.name != 0, .control = &control};
  const u64 done = TRY(socket.receive(task, request));
  if (header.name) {
    TRY(task.user().copy_out(header.name, request.from.bytes,
                             std::min(header.name_bytes, request.from.length)));
    TRY(task.user().write(header_address + offsetof(MessageHeader, name_bytes), request.from.length));
  }
  if (control.truncated()) request.result_flags |= kControlTruncated;
  TRY(task.user().write(header_address + offsetof(MessageHeader, control_bytes), control.used()));
  TRY(task.user().write(header_address + offsetof(MessageHeader, flags),
                        request.result_flags | (flags & kCloseOnExec)));
  return done;
}

i64 call_sendto(Task& task, const Arguments& a) {
  return to_return_value(send_to(task, a));
}
i64 call_recvfrom(Task& task, const Arguments& a) {
  return to_return_value(receive_from(task, a));
}
i64 call_sendmsg(Task& task, const Arguments& a) {
  const auto socket = borrow_socket(task, a.a[0]);
  return socket ? to_return_value(send_message(task, **socket, a.a[1], static_cast<u32>(a.a[2])))
                : failure(socket.error());
}
i64 call_recvmsg(Task& task, const Arguments& a) {
  const auto socket = borrow_socket(task, a.a[0]);
  return socket ? to_return_value(receive_message(task, **socket, a.a[1], static_cast<u32>(a.a[2])))
                : failure(socket.error());
}
i64 call_sendmmsg(Task& task, const Arguments& a) {
  return to_return_value(send_messages(task, a));
}
i64 call_recvmmsg(Task& task, const Arguments& a) {
  return to_return_value(receive_messages(task, a));
}

}  // namespace vari::linux
