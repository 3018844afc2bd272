#include "personalities/linux/process/facts.h"

#include <array>
#include <cstddef>

#include "personalities/linux/process/credentials.h"

namespace vari::linux {
namespace {

constexpr u64 kCount = 187;  // the highest number among them, and one

constexpr std::array<u16, kCount> make_offsets() {
  std::array<u16, kCount> offsets{};
  offsets[39] = offsetof(Facts, process);           // getpid
  offsets[102] = offsetof(Facts, user);             // getuid
  offsets[104] = offsetof(Facts, group);            // getgid
  offsets[107] = offsetof(Facts, effective_user);   // geteuid
  offsets[108] = offsetof(Facts, effective_group);  // getegid
  offsets[110] = offsetof(Facts, parent);           // getppid
  offsets[186] = offsetof(Facts, task);             // gettid
  return offsets;
}
constexpr auto kOffsets = make_offsets();

}  // namespace

void Facts::set_identity(const Identity& identity) {
  set(user, identity.user);
  set(group, identity.group);
  set(effective_user, identity.effective_user);
  set(effective_group, identity.effective_group);
}

FactCalls Facts::calls() const {
  return {.offsets = kOffsets.data(), .count = kCount, .facts = this};
}

}  // namespace vari::linux
