// What programs ask of the machine as a whole: its names, memory, log, power, random numbers.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

namespace {

struct SystemNames {
  char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

void set_text(char (&to)[65], std::string_view text) {
  const auto length = std::min(text.size(), sizeof to - 1);
  __builtin_memcpy(to, text.data(), length);
  to[length] = 0;
}

/// struct sysinfo.
struct SystemInformation {
  i64 uptime;
  u64 loads[3];
  u64 total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
  u16 processes, padding;
  u64 total_high, free_high;
  u32 unit;
};
static_assert(sizeof(SystemInformation) == 112);

LinuxResult<> set_name(Task& task, u64 address, u64 bytes, bool domain) {
  char name[65] = {};
  if (!task.may(Capability::Administration)) return std::unexpected(Errno::Perm);
  if (bytes >= sizeof name) return std::unexpected(Errno::Invalid);
  TRY(task.user().copy_in(name, address, bytes));
  if (domain) {
    task.personality().set_domain_name(name);
  } else {
    task.personality().set_host_name(name);
  }
  return {};
}

LinuxResult<u64> random_bytes(Task& task, u64 address, u64 bytes) {
  constexpr u64 kMost = 32 * kMiB;
  u8 piece[256];
  bytes = std::min(bytes, kMost);
  for (u64 done = 0; done < bytes;) {
    const u64 count = std::min<u64>(sizeof piece, bytes - done);
    task.personality().place().random({piece, count});
    if (!task.user().copy_out(address + done, piece, count).has_value()) {
      if (done) return done;
      return std::unexpected(Errno::Fault);
    }
    done += count;
    if (done >= 256 && signal_pending(task)) return done;
  }
  return bytes;
}

/// The last `bytes` of the log, or with `to_address` 0 only how many there are.
LinuxResult<u64> read_log(Task& task, u64 to_address, u64 bytes) {
  auto& place = task.personality().place();
  char piece[256];
  u64 position = 0, total = 0;
  while (const u64 count = place.read_log(position, piece)) {
    total += count;
    position += count;
  }
  if (to_address == 0) return total;
  position -= std::min(bytes, total);
  u64 done = 0;
  while (done < bytes) {
    const u64 count = place.read_log(position, {piece, std::min<u64>(sizeof piece, bytes - done)});
    if (count == 0) break;
    TRY(task.user().copy_out(to_address + done, piece, count));
    position += count;
    done += count;
  }
  return done;
}

/// What programs are told to bring room for, at least.
constexpr u64 kLogBytes = 128 * kKiB;

LinuxResult<u64> control_log(Task& task, int action, u64 address, i32 bytes) {
  enum {
    kClose,
    kOpen,
    kRead,
    kReadAll,
    kReadClear,
    kClear,
    kConsoleOff,
    kConsoleOn,
    kConsoleLevel,
    kUnread,
    kSize
  };
  if (action != kReadAll && action != kSize && !task.may(Capability::SystemLog))
    return std::unexpected(Errno::Perm);
  switch (action) {
    case kReadAll:
    case kReadClear:
    case kRead:
      if (address == 0 || bytes < 0) return std::unexpected(Errno::Invalid);
      return read_log(task, address, static_cast<u64>(bytes));
    case kUnread: return TRY(read_log(task, 0, 0));
    case kSize: return std::max(TRY(read_log(task, 0, 0)), kLogBytes);
    case kConsoleLevel:
      if (bytes < 1 || bytes > 8) return std::unexpected(Errno::Invalid);
      return 0;
    case kClose:
    case kOpen:
    case kClear:
    case kConsoleOff:
    case kConsoleOn: return 0;
    default: return std::unexpected(Errno::Invalid);
  }
}

}  // namespace

i64 call_uname(Task& task, const Arguments& arguments) {
  auto& personality = task.personality();
  SystemNames names{};
  set_text(names.system, "Linux");
  personality.copy_host_name(names.node);
  set_text(names.release, personality.parts().release);
  set_text(names.version, personality.parts().version);
  set_text(names.machine, "x86_64");
  personality.copy_domain_name(names.domain);
  return to_return_value(task.user().write(arguments.a[0], names));
}

i64 call_sethostname(Task& task, const Arguments& arguments) {
  return to_return_value(set_name(task, arguments.a[0], arguments.a[1], false));
}
i64 call_setdomainname(Task& task, const Arguments& arguments) {
  return to_return_value(set_name(task, arguments.a[0], arguments.a[1], true));
}

i64 call_sysinfo(Task& task, const Arguments& arguments) {
  auto& personality = task.personality();
  const auto memory = personality.place().memory_statistics();
  SystemInformation to{};
  to.uptime = static_cast<i64>((personality.place().monotonic_ns() + kSecond - 1) / kSecond);
  to.total_ram = memory.total_bytes;
  to.free_ram = memory.free_bytes;
  to.processes = static_cast<u16>(personality.processes().task_count());
  to.unit = 1;
  return to_return_value(task.user().write(arguments.a[0], to));
}

i64 call_syslog(Task& task, const Arguments& arguments) {
  return to_return_value(
      control_log(task, static_cast<int>(arguments.a[0]), arguments.a[1], static_cast<i32>(arguments.a[2])));
}

i64 call_reboot(Task& task, const Arguments& arguments) {
  constexpr u32 kMagic1 = 0xfee1dead, kMagic2[] = {0x28121969, 0x05121996, 0x16041998, 0x20112000};
  constexpr u32 kRestart = 0x01234567, kHalt = 0xcdef0123, kPowerOff = 0x4321fedc, kKeysOn = 0x89abcdef,
                kKeysOff = 0;
  if (!task.may(Capability::Boot)) return failure(Errno::Perm);
  if (static_cast<u32>(arguments.a[0]) != kMagic1 ||
      std::find(std::begin(kMagic2), std::end(kMagic2), static_cast<u32>(arguments.a[1])) ==
          std::end(kMagic2))
    return failure(Errno::Invalid);
  auto& place = task.personality().place();
  switch (static_cast<u32>(arguments.a[2])) {
    case kRestart: place.power(Place::PowerAction::Reset); break;
    case kPowerOff: place.power(Place::PowerAction::Off); break;
    case kHalt: place.power(Place::PowerAction::Halt); break;
    case kKeysOn:
    case kKeysOff: return 0;
    default: return failure(Errno::Invalid);
  }
  return failure(Errno::Io);  // the machine did not obey
}

i64 call_getrandom(Task& task, const Arguments& arguments) {
  constexpr u64 kNonBlock = 1, kRandom = 2, kInsecure = 4;
  const u64 flags = arguments.a[2];
  if (flags & ~(kNonBlock | kRandom | kInsecure) || (flags & (kRandom | kInsecure)) == (kRandom | kInsecure))
    return failure(Errno::Invalid);
  return to_return_value(random_bytes(task, arguments.a[0], arguments.a[1]));
}

}  // namespace vari::linux
