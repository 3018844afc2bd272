// Memory policies of ranges: mbind(2). See region.h.
#include "personalities/linux/memory/memory_map.h"

namespace vari::linux {

using runtime::Guard;
using runtime::Mutex;

LinuxResult<> MemoryMap::set_policy(u64 begin, u64 bytes, const MemoryPolicy& policy) {
  const u64 end = begin + align_up(bytes, kPageBytes);
  Guard<Mutex> guard(lock_);
  for (u64 at = begin; at < end;) {
    const auto* region = find(at);
    if (!region) return std::unexpected(Errno::Fault);
    at = region->end;
  }
  TRY(split_at(begin));
  TRY(split_at(end));
  for (auto at = regions_.upper_bound(begin); at != regions_.end() && at->begin < end; ++at)
    at->policy = policy;
  merge_around(begin, end);
  return {};
}

LinuxResult<MemoryPolicy> MemoryMap::policy_at(u64 address) {
  Guard<Mutex> guard(lock_);
  const auto* region = find(address);
  if (!region) return std::unexpected(Errno::Fault);
  return region->policy;
}

LinuxResult<MemoryMap::PolicyRange> MemoryMap::next_policy(u64 begin, u64 end) {
  Guard<Mutex> guard(lock_);
  for (auto at = regions_.upper_bound(begin); at != regions_.end() && at->begin < end; ++at) {
    if (at->policy.mode != 0) return PolicyRange{at->policy, at->end};
  }
  return std::unexpected(Errno::NoEntry);
}

}  // namespace vari::linux
