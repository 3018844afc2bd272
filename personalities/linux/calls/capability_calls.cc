// capget(2), capset(2), and prctl(2)'s options on capabilities: what a task may do beyond its user's rights.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

struct CapabilityHeader {
  static constexpr u32 kVersion1 = 0x19980330, kVersion2 = 0x20071026, kVersion3 = 0x20080522;
  u32 version;
  i32 pid;
};
struct CapabilityData {
  u32 effective, permitted, inheritable;
};

/// How many CapabilityData follow; an unknown version is answered with the one that is preferred.
LinuxResult<u32> capability_words(Task& task, u64 header_address) {
  const auto version = TRY(task.user().read<u32>(header_address));
  if (version == CapabilityHeader::kVersion1) return 1;
  if (version == CapabilityHeader::kVersion2 || version == CapabilityHeader::kVersion3) return 2;
  TRY(task.user().write(header_address, u32{CapabilityHeader::kVersion3}));
  return std::unexpected(Errno::Invalid);
}

LinuxResult<i32> subject_of(Task& task, u64 header_address) {
  return task.user().read<i32>(header_address + offsetof(CapabilityHeader, pid));
}

LinuxResult<Capabilities> capabilities_of(Task& task, i32 tid) {
  if (tid < 0) return std::unexpected(Errno::Invalid);
  if (tid == 0 || tid == task.id()) return task.identity().capabilities;
  const auto other = task.personality().processes().find_task(tid);
  if (!other) return std::unexpected(Errno::NoProcess);
  if (const auto credentials = other->credentials_of_other()) return credentials->identity().capabilities;
  return other->process().identity().capabilities;
}

LinuxResult<> get_capabilities(Task& task, u64 header_address, u64 data_address) {
  const auto words = capability_words(task, header_address);
  if (data_address == 0 && (words.has_value() || words.error() == Errno::Invalid)) return {};
  if (!words.has_value()) return std::unexpected(words.error());
  const auto sets = TRY(capabilities_of(task, TRY(subject_of(task, header_address))));
  const auto half = [&](u32 shift) {
    return CapabilityData{static_cast<u32>(sets.effective >> shift),
                          static_cast<u32>(sets.permitted >> shift),
                          static_cast<u32>(sets.inheritable >> shift)};
  };
  const CapabilityData data[2] = {half(0), half(32)};
  return task.user().copy_out(data_address, data, *words * sizeof(CapabilityData));
}

/// capabilities(7), "Programmatically adjusting capability sets".
LinuxResult<> check_change(const Capabilities& before, const Capabilities& wanted) {
  const u64 may_inherit = before.inheritable | before.permitted;
  if (!before.has(Capability::SetCapabilities) && (wanted.inheritable & ~may_inherit))
    return std::unexpected(Errno::Perm);
  if (wanted.inheritable & ~(before.inheritable | before.bounding)) return std::unexpected(Errno::Perm);
  if ((wanted.permitted & ~before.permitted) || (wanted.effective & ~wanted.permitted))
    return std::unexpected(Errno::Perm);
  return {};
}

LinuxResult<> set_capabilities(Task& task, u64 header_address, u64 data_address) {
  const u32 words = TRY(capability_words(task, header_address));
  const i32 tid = TRY(subject_of(task, header_address));
  if (tid != 0 && tid != task.id()) return std::unexpected(Errno::Perm);
  CapabilityData data[2] = {};
  TRY(task.user().copy_in(data, data_address, words * sizeof(CapabilityData)));
  const auto whole = [&](u32 CapabilityData::* set) {
    return (data[0].*set | u64{data[1].*set} << 32) & Capabilities::kAll;
  };
  Identity identity = task.identity();
  auto& sets = identity.capabilities;
  sets.effective = whole(&CapabilityData::effective);
  sets.permitted = whole(&CapabilityData::permitted);
  sets.inheritable = whole(&CapabilityData::inheritable);
  TRY(check_change(task.identity().capabilities, sets));
  sets.ambient &= sets.permitted & sets.inheritable;
  return TaskInternals::set_identity(task, identity);
}

enum Option : u32 {
  kGetKeep = 7,
  kSetKeep = 8,
  kReadBound = 23,
  kDropBound = 24,
  kGetSecureBits = 27,
  kSetSecureBits = 28,
  kAmbient = 47,
};

LinuxResult<u64> publish(Task& task, const Capabilities& sets) {
  Identity identity = task.identity();
  identity.capabilities = sets;
  TRY(TaskInternals::set_identity(task, identity));
  return 0;
}

LinuxResult<u64> drop_bound(Task& task, u64 number) {
  auto sets = task.identity().capabilities;
  if (!sets.has(Capability::SetCapabilities)) return std::unexpected(Errno::Perm);
  if (number > Capabilities::kLast) return std::unexpected(Errno::Invalid);
  sets.bounding &= ~(u64{1} << number);
  return publish(task, sets);
}

LinuxResult<u64> set_keep(Task& task, u64 wanted) {
  auto sets = task.identity().capabilities;
  if (wanted > 1) return std::unexpected(Errno::Invalid);
  if (sets.secure_bits & Capabilities::kKeepLocked) return std::unexpected(Errno::Perm);
  sets.secure_bits = (sets.secure_bits & ~Capabilities::kKeep) | (wanted ? Capabilities::kKeep : 0);
  return publish(task, sets);
}

/// A locked bit stays as it is, and a lock is for good.
LinuxResult<u64> set_secure_bits(Task& task, u64 wanted) {
  auto sets = task.identity().capabilities;
  const u64 locks = sets.secure_bits & Capabilities::kSecureLocks;
  if (((locks >> 1) & (sets.secure_bits ^ wanted)) || (locks & ~wanted) ||
      (wanted & ~u64{Capabilities::kSecureBits | Capabilities::kSecureLocks}) ||
      !sets.has(Capability::SetCapabilities))
    return std::unexpected(Errno::Perm);
  sets.secure_bits = static_cast<u32>(wanted);
  return publish(task, sets);
}

LinuxResult<u64> change_ambient(Task& task, u64 what, u64 number, bool more) {
  constexpr u64 kIsSet = 1, kRaise = 2, kLower = 3, kClear = 4;
  auto sets = task.identity().capabilities;
  if (what == kClear) {
    if (number || more) return std::unexpected(Errno::Invalid);
    sets.ambient = 0;
    return publish(task, sets);
  }
  if (number > Capabilities::kLast || more) return std::unexpected(Errno::Invalid);
  const u64 bit = u64{1} << number;
  if (what == kIsSet) return (sets.ambient & bit) != 0;
  if (what != kRaise && what != kLower) return std::unexpected(Errno::Invalid);
  if (what == kRaise &&
      (!(sets.permitted & sets.inheritable & bit) || (sets.secure_bits & Capabilities::kNoAmbientRaise)))
    return std::unexpected(Errno::Perm);
  sets.ambient = what == kRaise ? sets.ambient | bit : sets.ambient & ~bit;
  return publish(task, sets);
}

}  // namespace

LinuxResult<u64> TaskInternals::control_capabilities(Task& task, const Arguments& arguments) {
  const auto [option, value, u2, u3, u4, u5] = arguments.a;
  const auto& sets = task.identity().capabilities;
  switch (static_cast<u32>(option)) {
    case kReadBound:
      if (value > Capabilities::kLast) return std::unexpected(Errno::Invalid);
      return sets.bounding >> value & 1;
    case kDropBound: return drop_bound(task, value);
    case kGetKeep: return (sets.secure_bits & Capabilities::kKeep) != 0;
    case kSetKeep: return set_keep(task, value);
    case kGetSecureBits: return sets.secure_bits;
    case kSetSecureBits: return set_secure_bits(task, value);
    case kAmbient: return change_ambient(task, value, u2, u3 || u4);
    default: return std::unexpected(Errno::Invalid);
  }
}

i64 call_capget(Task& task, const Arguments& arguments) {
  return to_return_value(get_capabilities(task, arguments.a[0], arguments.a[1]));
}
i64 call_capset(Task& task, const Arguments& arguments) {
  return to_return_value(set_capabilities(task, arguments.a[0], arguments.a[1]));
}

}  // namespace vari::linux
