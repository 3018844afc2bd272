// AF_UNIX: makes its sockets, and holds what they share.
#pragma once

#include "personalities/linux/sockets/files_in_flight.h"
#include "personalities/linux/sockets/socket.h"
#include "personalities/linux/sockets/unix_endpoint.h"
#include "personalities/linux/sockets/unix_names.h"

namespace vari::linux {

class UnixFamily final : public SocketFamily {
 public:
  static constexpr u32 kNumber = UnixAddress::kFamily;

  UnixFamily(Place& place, FilesInFlight& flights) : place_(place), flights_(flights) {}
  UnixFamily(const UnixFamily&) = delete;

  LinuxResult<Ref<Socket>> create(Task& task, u32 type, u32 protocol, u32 flags) override;
  LinuxResult<Pair> create_pair(Task& task, u32 type, u32 protocol, u32 flags) override;

  Place& place() { return place_; }
  FilesInFlight& flights() { return flights_; }
  UnixNames& names() { return names_; }

 private:
  Place& place_;
  FilesInFlight& flights_;
  UnixNames names_;
};

/// All that sockets share in one personality.
class Sockets final : public runtime::Allocated {
 public:
  explicit Sockets(Place& place) : unix_(place, flights_) { families_.add(UnixFamily::kNumber, unix_); }
  SocketFamilies& families() { return families_; }
  FilesInFlight& flights() { return flights_; }
  UnixFamily& unix_family() { return unix_; }

 private:
  SocketFamilies families_;
  FilesInFlight flights_;
  UnixFamily unix_;
};

}  // namespace vari::linux
