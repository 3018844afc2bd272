// Memory policies (set_mempolicy(2) and its family) on a machine whose memory is one node: what programs ask
// is checked and kept, and all of it comes to the same.
#include <algorithm>

#include "personalities/linux/calls/memory_helpers.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/schedule_helpers.h"
#include "personalities/linux/process/access_check.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

enum Mode : u32 { kDefault, kPreferred, kBind, kInterleave, kLocal, kPreferredMany };
constexpr u32 kStaticNodes = 1 << 15, kRelativeNodes = 1 << 14, kModeFlags = kStaticNodes | kRelativeNodes;
constexpr u64 kMostNodes = 32 * kKiB;  // bits of a mask

/// True: node 0 is in the mask. Invalid: a node is that does not exist.
LinuxResult<bool> read_mask(Task& task, u64 address, u64 bits) {
  if (address == 0 || bits <= 1) return false;
  --bits;  // Linux counts one more than it reads
  if (bits > kMostNodes) return std::unexpected(Errno::Invalid);
  bool first = false;
  for (u64 at = 0; at < bits; at += 64) {
    u64 word = TRY(task.user().read<u64>(address + at / 8));
    if (bits - at < 64) word &= (u64{1} << (bits - at)) - 1;
    if (at == 0) first = word & 1;
    if (word & (at == 0 ? ~u64{1} : ~u64{0})) return std::unexpected(Errno::Invalid);
  }
  return first;
}

LinuxResult<> check_mode(u32 mode, bool has_node) {
  const u32 flags = mode & kModeFlags;
  if (flags == kModeFlags) return std::unexpected(Errno::Invalid);
  switch (mode & ~kModeFlags) {
    case kDefault:
    case kLocal:
      if (has_node || flags) return std::unexpected(Errno::Invalid);
      return {};
    case kPreferred:
      if (!has_node && flags) return std::unexpected(Errno::Invalid);
      return {};
    case kBind:
    case kInterleave:
    case kPreferredMany:
      if (!has_node) return std::unexpected(Errno::Invalid);
      return {};
    default: return std::unexpected(Errno::Invalid);
  }
}

/// One that prefers no node is one for the local node.
MemoryPolicy policy_of(u32 mode, bool has_node) {
  return {static_cast<u16>(mode == kPreferred && !has_node ? u32{kLocal} : mode), has_node};
}

LinuxResult<> set_policy(Task& task, u32 mode, u64 mask, u64 bits) {
  const bool has_node = TRY(read_mask(task, mask, bits));
  TRY(check_mode(mode, has_node));
  auto scheduling = TaskInternals::scheduling(task);
  scheduling.memory_policy = policy_of(mode, has_node).mode;
  scheduling.names_node = has_node;
  TaskInternals::set_scheduling(task, scheduling);
  return {};
}

LinuxResult<> write_mask(Task& task, u64 address, u64 bits, bool has_node) {
  if (address == 0 || bits <= 1) return {};
  const u64 bytes = std::min(align_up(bits - 1, 64) / 8, kMostNodes / 8);
  TRY(task.user().clear(address, bytes));
  return has_node ? task.user().write(address, u64{1}) : LinuxResult<>();
}

LinuxResult<> get_policy(Task& task, const Arguments& arguments) {
  constexpr u64 kNode = 1, kAddress = 2, kAllowed = 4;
  const auto [mode, mask, bits, address, flags, u5] = arguments.a;
  if (flags & ~(kNode | kAddress | kAllowed)) return std::unexpected(Errno::Invalid);
  if (mask && bits < 1) return std::unexpected(Errno::Invalid);
  if (flags & kAllowed) {
    if (flags & (kNode | kAddress)) return std::unexpected(Errno::Invalid);
    if (mode) TRY(task.user().write(mode, i32{0}));
    return write_mask(task, mask, bits, true);
  }
  const auto scheduling = TaskInternals::scheduling(task);
  i32 told = scheduling.memory_policy;
  bool has_node = scheduling.names_node;
  if (flags & kAddress) {
    const auto policy = TRY(task.memory().policy_at(address));
    if (flags & kNode) {
      if (!task.memory().resolve_fault(address, Access::Read).has_value())
        return std::unexpected(Errno::Fault);
      told = 0;  // the node of that page
    } else {
      told = policy.mode;
      has_node = policy.names_node;
    }
  } else {
    if (address) return std::unexpected(Errno::Invalid);
    if (flags & kNode) {
      if (scheduling.memory_policy != kInterleave) return std::unexpected(Errno::Invalid);
      told = 0;
    }
  }
  if (mode) TRY(task.user().write(mode, told));
  return write_mask(task, mask, bits, has_node);
}

LinuxResult<> bind(Task& task, const Arguments& arguments) {
  constexpr u64 kStrict = 1, kMove = 2, kMoveAll = 4;
  const auto [begin, bytes, mode, mask, bits, flags] = arguments.a;
  const bool has_node = TRY(read_mask(task, mask, bits));
  if (flags & ~(kStrict | kMove | kMoveAll)) return std::unexpected(Errno::Invalid);
  if ((flags & kMoveAll) && !task.may(Capability::Nice)) return std::unexpected(Errno::Perm);
  if (begin & (kPageBytes - 1) || !valid_range(begin, bytes)) return std::unexpected(Errno::Invalid);
  TRY(check_mode(static_cast<u32>(mode), has_node));
  if (bytes == 0) return {};
  return task.memory().set_policy(begin, bytes, policy_of(static_cast<u32>(mode), has_node));
}

/// There is one node, so a home among several changes nothing: what is asked is checked.
LinuxResult<> set_home_node(Task& task, const Arguments& arguments) {
  const auto [begin, bytes, node, flags, u4, u5] = arguments.a;
  if (begin & (kPageBytes - 1) || flags != 0 || node != 0) return std::unexpected(Errno::Invalid);
  const u64 rounded = align_up(bytes, kPageBytes), end = begin + rounded;
  if (end < begin || rounded < bytes) return std::unexpected(Errno::Invalid);
  if (end == begin) return {};
  bool any = false;
  for (u64 at = begin; at < end; any = true) {
    const auto found = task.memory().next_policy(at, end);
    if (!found) return any ? LinuxResult<>() : std::unexpected(found.error());
    const u32 mode = found->policy.mode & ~kModeFlags;
    if (mode != kBind && mode != kPreferredMany) return std::unexpected(Errno::NotSupported);
    at = found->end;
  }
  return {};
}

LinuxResult<Ref<MemoryMap>> memory_of(Task& task, u64 pid) {
  const auto target = TRY(scheduled_task(task, static_cast<u32>(pid)));
  auto memory = target->memory_of_other();
  if (!may_inspect(task, target->process())) return std::unexpected(Errno::Perm);
  if (!memory) return std::unexpected(Errno::NoProcess);
  return memory;
}

LinuxResult<u64> migrate(Task& task, u64 pid, u64 bits, u64 from, u64 to) {
  (void)TRY(read_mask(task, from, bits));
  const bool has_node = TRY(read_mask(task, to, bits));
  (void)TRY(memory_of(task, pid));
  if (!has_node) return std::unexpected(Errno::Invalid);
  return 0;  // pages that could not be moved
}

LinuxResult<u64> move_pages(Task& task, const Arguments& arguments) {
  constexpr u64 kMove = 2, kMoveAll = 4;
  const auto [pid, count, pages, nodes, states, flags] = arguments.a;
  if (flags & ~(kMove | kMoveAll)) return std::unexpected(Errno::Invalid);
  if ((flags & kMoveAll) && !task.may(Capability::Nice)) return std::unexpected(Errno::Perm);
  const auto memory = TRY(memory_of(task, pid));
  for (u64 i = 0; i < count && !fatal_signal_pending(task); ++i) {
    const u64 page = align_down(TRY(task.user().read<u64>(pages + i * sizeof(u64))), kPageBytes);
    if (nodes && TRY(task.user().read<i32>(nodes + i * sizeof(i32))) != 0)
      return std::unexpected(Errno::NoDevice);
    i32 state = 0;
    if (page >= Domain::kUserEnd.value || !memory->covered(page, kPageBytes)) {
      state = -static_cast<i32>(Errno::Fault);
    } else if (!memory->present(page)) {
      state = -static_cast<i32>(Errno::NoEntry);
    }
    TRY(task.user().write(states + i * sizeof(i32), state));
  }
  return 0;
}

}  // namespace

i64 call_set_mempolicy(Task& task, const Arguments& arguments) {
  return to_return_value(set_policy(task, static_cast<u32>(arguments.a[0]), arguments.a[1], arguments.a[2]));
}
i64 call_get_mempolicy(Task& task, const Arguments& arguments) {
  return to_return_value(get_policy(task, arguments));
}
i64 call_mbind(Task& task, const Arguments& arguments) {
  return to_return_value(bind(task, arguments));
}
i64 call_set_mempolicy_home_node(Task& task, const Arguments& arguments) {
  return to_return_value(set_home_node(task, arguments));
}
i64 call_migrate_pages(Task& task, const Arguments& arguments) {
  return to_return_value(migrate(task, arguments.a[0], arguments.a[1], arguments.a[2], arguments.a[3]));
}
i64 call_move_pages(Task& task, const Arguments& arguments) {
  return to_return_value(move_pages(task, arguments));
}

}  // namespace vari::linux
