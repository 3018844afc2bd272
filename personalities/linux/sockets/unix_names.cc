#include "personalities/linux/sockets/unix_names.h"

#include "personalities/linux/sockets/unix_endpoint.h"

namespace vari::linux {

using runtime::Guard;

UnixNames::Key UnixNames::key_of(const UnixNameNode& node) {
  if (node.inode) return {node.inode.get(), {}, {}};
  return {nullptr, node.type, node.address->name()};
}

bool UnixNames::Less::less(const Key& a, const Key& b) {
  if (a.inode != b.inode) return a.inode < b.inode;
  if (a.type != b.type) return a.type < b.type;
  return a.name < b.name;
}

void UnixNames::enter(UnixEndpoint& endpoint) {
  Guard guard(lock_);
  endpoint.type = endpoint.kind();
  all_.push_back(endpoint);
}

void UnixNames::unbind(UnixEndpoint& endpoint) {
  Ref<Inode> released;
  Guard guard(lock_);
  if (endpoint.named) named_.erase(named_.iterator_to(endpoint));
  endpoint.named = false;
  released = std::move(endpoint.inode);
}

void UnixNames::leave(UnixEndpoint& endpoint) {
  unbind(endpoint);
  Guard guard(lock_);
  all_.erase(all_.iterator_to(endpoint));
}

LinuxResult<> UnixNames::bind_locked(UnixEndpoint& endpoint, Ref<UnixAddress>& address, Ref<Inode>& inode) {
  if (endpoint.address) return std::unexpected(Errno::Invalid);
  if (find_locked({inode.get(), inode ? SocketType{} : endpoint.kind(),
                   inode ? std::string_view() : address->name()}))
    return std::unexpected(Errno::AddressInUse);
  endpoint.address = address;
  endpoint.inode = inode;
  endpoint.named = true;
  named_.insert(endpoint);
  return {};
}

LinuxResult<> UnixNames::bind(UnixEndpoint& endpoint, Ref<UnixAddress> address, Ref<Inode> inode) {
  Guard guard(lock_);
  return bind_locked(endpoint, address, inode);
}

LinuxResult<> UnixNames::bind_automatically(UnixEndpoint& endpoint) {
  constexpr u32 kNames = 0x100000;
  for (u32 tries = 0; tries < kNames; ++tries) {
    u32 number = 0;
    {
      Guard guard(lock_);
      if (endpoint.address) return {};
      number = last_automatic_ = (last_automatic_ + 1) % kNames;
    }
    char name[6] = {};
    for (u32 digit = 0; digit < 5; ++digit) name[5 - digit] = "0123456789abcdef"[number >> 4 * digit & 15];
    const auto bound =
        bind(endpoint, TRY(runtime::make<UnixAddress>(std::string_view(name, sizeof name))), {});
    if (bound || bound.error() == Errno::Invalid) return {};  // or another thread was faster
    if (bound.error() != Errno::AddressInUse) return bound;
  }
  return std::unexpected(Errno::NoSpace);
}

Ref<UnixEndpoint> UnixNames::find_locked(const Key& key) {
  const auto found = named_.find(key, Less());
  if (found == named_.end()) return {};
  return Ref<UnixEndpoint>(static_cast<UnixEndpoint&>(*found));
}

Ref<UnixEndpoint> UnixNames::find(Inode& inode) {
  Guard guard(lock_);
  return find_locked({&inode, {}, {}});
}

Ref<UnixEndpoint> UnixNames::find(SocketType type, std::string_view abstract_name) {
  Guard guard(lock_);
  return find_locked({nullptr, type, abstract_name});
}

void UnixNames::share_address(UnixEndpoint& to, UnixEndpoint& from) {
  Ref<UnixAddress> previous;
  Guard guard(lock_);
  previous = std::move(to.address);
  to.address = from.address;
}

Ref<UnixAddress> UnixNames::address_of(UnixEndpoint& endpoint) {
  Guard guard(lock_);
  return endpoint.address;
}

}  // namespace vari::linux
