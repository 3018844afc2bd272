// All UNIX sockets of a personality, and which of them a name leads to. Paths are found by the inode that
// bind() made, abstract names by their bytes; the two kinds of socket that carry a name differ, too, so that
// a stream and a datagram socket may have the same abstract name.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "personalities/linux/files/inode.h"
#include "personalities/linux/sockets/unix_address.h"
#include "runtime/spinlock.h"

namespace vari::linux {

class UnixEndpoint;
enum class SocketType : u32;

/// What the table keeps of a socket.
struct UnixNameNode {
  boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> all_hook;
  boost::intrusive::set_member_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> name_hook;
  bool named = false;
  SocketType type{};
  Ref<UnixAddress> address;
  Ref<Inode> inode;  // of a path
};

/// Its lines are shared by all sockets that are made and closed: /proc/net/unix shows them all.
class UnixNames {
 public:
  UnixNames() = default;
  UnixNames(const UnixNames&) = delete;

  void enter(UnixEndpoint& endpoint) EXCLUDES(lock_);
  /// Out of all lists: nobody will find it. Never allocates.
  void leave(UnixEndpoint& endpoint) EXCLUDES(lock_);
  /// `inode` is null for an abstract name. AddressInUse; Invalid: it has one already.
  LinuxResult<> bind(UnixEndpoint& endpoint, Ref<UnixAddress> address, Ref<Inode> inode) EXCLUDES(lock_);
  /// A name of five digits that nobody has. NoSpace: there is none.
  LinuxResult<> bind_automatically(UnixEndpoint& endpoint) EXCLUDES(lock_);
  Ref<UnixEndpoint> find(Inode& inode) EXCLUDES(lock_);
  Ref<UnixEndpoint> find(SocketType type, std::string_view abstract_name) EXCLUDES(lock_);
  /// Nobody finds it by its name any longer; its peer still learns what that was. Never allocates.
  void unbind(UnixEndpoint& endpoint) EXCLUDES(lock_);
  /// An end that a listener's clients meet has the listener's name, though nobody finds it by that.
  void share_address(UnixEndpoint& to, UnixEndpoint& from) EXCLUDES(lock_);
  Ref<UnixAddress> address_of(UnixEndpoint& endpoint) EXCLUDES(lock_);
  /// The one behind `previous` (null: the first), for reports.
  template <class Function>
  void for_each(Function function) EXCLUDES(lock_) {
    runtime::Guard guard(lock_);
    for (auto& node : all_) function(node);
  }

 private:
  struct Key {
    const Inode* inode;
    SocketType type;
    std::string_view name;
  };
  static Key key_of(const UnixNameNode& node);
  struct Less {
    static bool less(const Key& a, const Key& b);
    bool operator()(const UnixNameNode& a, const UnixNameNode& b) const { return less(key_of(a), key_of(b)); }
    bool operator()(const Key& a, const UnixNameNode& b) const { return less(a, key_of(b)); }
    bool operator()(const UnixNameNode& a, const Key& b) const { return less(key_of(a), b); }
  };
  Ref<UnixEndpoint> find_locked(const Key& key) REQUIRES(lock_);
  LinuxResult<> bind_locked(UnixEndpoint& endpoint, Ref<UnixAddress>& address, Ref<Inode>& inode)
      REQUIRES(lock_);

  runtime::SpinLock lock_;
  boost::intrusive::list<
      UnixNameNode,
      boost::intrusive::member_hook<UnixNameNode, decltype(UnixNameNode::all_hook), &UnixNameNode::all_hook>,
      boost::intrusive::constant_time_size<false>>
      all_ GUARDED_BY(lock_);
  boost::intrusive::set<UnixNameNode,
                        boost::intrusive::member_hook<UnixNameNode, decltype(UnixNameNode::name_hook),
                                                      &UnixNameNode::name_hook>,
                        boost::intrusive::compare<Less>, boost::intrusive::constant_time_size<false>>
      named_ GUARDED_BY(lock_);
  u32 last_automatic_ GUARDED_BY(lock_) = 0;
};

}  // namespace vari::linux
