// A socket as the system calls see it, of whatever family: an open file with a name, a peer, messages,
// options. A family derives from Socket and is registered by its number (SocketFamilies); no caller knows one
// by name.
#pragma once

#include "personalities/linux/files/anonymous.h"
#include "personalities/linux/sockets/attachments.h"
#include "personalities/linux/sockets/socket_options.h"
#include "personalities/linux/sockets/socket_status.h"

namespace vari::linux {

enum class SocketType : u32 { Stream = 1, Datagram = 2, Raw = 3, SequencedPacket = 5 };

/// MSG_… of send and receive, Linux's numbers.
namespace message_flag {
inline constexpr u32 kOutOfBand = 1, kPeek = 2, kControlTruncated = 8, kTruncated = 0x20, kDontWait = 0x40,
                     kEndOfRecord = 0x80, kWaitAll = 0x100, kErrorQueue = 0x2000, kNoSignal = 0x4000,
                     kWaitForOne = 0x10000, kCloseOnExec = 0x4000'0000;
}

/// An address as programs give and get it: struct sockaddr_….
struct SocketName {
  static constexpr u32 kMaximum = 128;  // struct sockaddr_storage
  u8 bytes[kMaximum];                   // `length` of them mean something
  u32 length = 0;
  std::span<const u8> span() const { return {bytes, length}; }
  u16 family() const { return static_cast<u16>(bytes[0] | bytes[1] << 8); }
};

/// struct ucred: who sends, who is at the other end.
struct SocketCredentials {
  i32 pid = 0;
  u32 user = 65534, group = 65534;
  bool operator==(const SocketCredentials&) const = default;
};
static_assert(sizeof(SocketCredentials) == 12);

struct SendRequest {
  Transfer& from;
  u32 flags = 0;
  const SocketName* to = nullptr;
  Attachments files = {};                          // SCM_RIGHTS
  const SocketCredentials* credentials = nullptr;  // SCM_CREDENTIALS, checked
};

/// Where a received message's control data goes: a program's buffer, or nowhere.
class ControlSink {
 public:
  virtual void put(u32 level, u32 type, std::span<const u8> bytes) = 0;
  virtual void put_files(Attachments files) = 0;

 protected:
  ~ControlSink() = default;
};

struct ReceiveRequest {
  Transfer& to;
  u32 flags = 0;
  bool wants_name = false;
  ControlSink* control = nullptr;  // null: control data is dropped, and said to be truncated
  SocketName from = {};            // filled; length 0: no name
  u32 result_flags = 0;
};

class Socket : public AnonymousFile {
 public:
  virtual LinuxResult<> bind(Task& task, const SocketName& name) = 0;
  virtual LinuxResult<> connect(Task& task, const SocketName& name) = 0;
  virtual LinuxResult<> listen(Task& task, i32 backlog) = 0;
  /// `flags`: kNonBlock for the new socket. `peer` gets the other side's name.
  virtual LinuxResult<Ref<Socket>> accept(Task& task, u32 flags, SocketName& peer) = 0;
  virtual LinuxResult<> shut_down(u32 directions) = 0;
  virtual LinuxResult<> local_name(SocketName& to) = 0;
  virtual LinuxResult<> peer_name(SocketName& to) = 0;
  /// Both raise SIGPIPE where the family says so, unless kNoSignal.
  virtual LinuxResult<u64> send(Task& task, SendRequest& request) = 0;
  virtual LinuxResult<u64> receive(Task& task, ReceiveRequest& request) = 0;
  /// What SOL_SOCKET shares between families is here; a family overrides it for its own.
  virtual LinuxResult<> set_option(Task& task, i32 level, u32 name, std::span<const u8> value);
  /// How many bytes of `to` were filled.
  virtual LinuxResult<u32> get_option(Task& task, i32 level, u32 name, std::span<u8> to);
  virtual bool listens() const = 0;
  virtual int take_error() = 0;

  u32 family() const { return family_; }
  SocketType type() const { return type_; }
  u32 protocol() const { return protocol_; }
  SocketOptions& options() { return options_; }

  LinuxResult<u64> read(Task& task, Transfer& to) override;
  LinuxResult<u64> write(Task& task, Transfer& from) override;
  std::string_view kind_name() const override { return "socket"; }
  Socket* as_socket() override { return this; }

 protected:
  Socket(Ref<Inode> inode, u32 flags, u32 family, SocketType type, u32 protocol)
      : AnonymousFile(std::move(inode), kReadWrite | (flags & kNonBlock)),
        family_(family),
        type_(type),
        protocol_(protocol) {}
  Patience patience(u32 message_flags, u64 timeout_ns) const;
  Patience receiving(u32 flags) const { return patience(flags, options_.receive_timeout_ns); }
  Patience sending(u32 flags) const { return patience(flags, options_.send_timeout_ns); }

 private:
  const u32 family_;
  const SocketType type_;
  const u32 protocol_;
  SocketOptions options_;
};

/// What a family of protocols offers (AF_UNIX; a network stack's AF_INET).
class SocketFamily {
 public:
  /// ProtocolUnsupported, SocketTypeUnsupported…. `flags`: kNonBlock.
  virtual LinuxResult<Ref<Socket>> create(Task& task, u32 type, u32 protocol, u32 flags) = 0;
  struct Pair {
    Ref<Socket> first, second;
  };
  virtual LinuxResult<Pair> create_pair(Task&, u32, u32, u32) { return std::unexpected(Errno::NotSupported); }

 protected:
  ~SocketFamily() = default;
};

/// The families of one personality, by AF_ number. Registered at start, before programs run.
class SocketFamilies {
 public:
  static constexpr u32 kCount = 46;  // AF_MAX

  void add(u32 number, SocketFamily& family) { families_[number] = &family; }
  /// AddressFamily: nobody offers it.
  LinuxResult<SocketFamily*> find(u64 number) const {
    if (number >= kCount || !families_[number]) return std::unexpected(Errno::AddressFamily);
    return families_[number];
  }

 private:
  SocketFamily* families_[kCount] = {};
};

/// The nameless inode of a new socket.
LinuxResult<Ref<Inode>> make_socket_inode(Task& task);

}  // namespace vari::linux
