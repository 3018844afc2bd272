// /proc/net: the sockets of the UNIX family.
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/sockets/unix_family.h"

namespace vari::linux {

namespace {

void unix_line(UnixEndpoint& end, TextBuffer& to) {
  using State = UnixEndpoint::State;
  const auto state = end.state();
  if (state == State::Closed) return;
  // SS_UNCONNECTED and SS_CONNECTED; __SO_ACCEPTCON.
  to.print("0000000000000000: ", Hex{end.references(), 8}, " 00000000 ",
           state == State::Listening ? "00010000 " : "00000000 ", Hex{static_cast<u64>(end.kind()), 4}, " ",
           state == State::Connected ? "03 " : "01 ", Padded{end.inode_number(), 5});
  if (end.address) {
    to.put(' ');
    for (const char character : end.address->name()) to.put(character ? character : '@');
  }
  to.put('\n');
}

LinuxResult<> unix_sockets(const ProcSubject& subject, TextBuffer& to) {
  to.put("Num               RefCount Protocol Flags    Type St Inode Path\n");
  subject.personality.sockets().unix_family().names().for_each(
      [&](UnixNameNode& node) { unix_line(static_cast<UnixEndpoint&>(node), to); });
  return {};
}

constexpr ProcNode kNetwork[] = {{.name = "unix", .text = &unix_sockets}};

}  // namespace

std::span<const ProcNode> proc_network_nodes() {
  return kNetwork;
}

}  // namespace vari::linux
