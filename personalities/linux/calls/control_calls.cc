// prctl, personality, membarrier: what a task or its process is to be like.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

enum Option : u32 {
  kSetDeathSignal = 1,
  kGetDeathSignal = 2,
  kGetDumpable = 3,
  kSetDumpable = 4,
  kGetKeepCapabilities = 7,
  kSetKeepCapabilities = 8,
  kSetName = 15,
  kGetName = 16,
  kGetFilterMode = 21,
  kSetFilterMode = 22,
  kReadCapability = 23,
  kDropCapability = 24,
  kGetTimestampCounter = 25,
  kSetTimestampCounter = 26,
  kGetSecureBits = 27,
  kSetSecureBits = 28,
  kSetTimerSlack = 29,
  kGetTimerSlack = 30,
  kSetSubreaper = 36,
  kGetSubreaper = 37,
  kSetNoNewPrivileges = 38,
  kGetNoNewPrivileges = 39,
  kGetTidAddress = 40,
  kSetHugePagesDisabled = 41,
  kGetHugePagesDisabled = 42,
  kAmbientCapabilities = 47,
};

LinuxResult<u64> set_name(Task& task, u64 address) {
  char name[16] = {};
  for (u64 i = 0; i + 1 < sizeof name; ++i) {
    name[i] = TRY(task.user().read<char>(address + i));
    if (name[i] == 0) break;
  }
  task.set_name(name);
  return 0;
}

LinuxResult<u64> get_name(Task& task, u64 address) {
  char name[16];
  task.copy_name(name);
  TRY(task.user().write(address, name));
  return 0;
}

/// As seccomp(2), where the kernel has that.
LinuxResult<u64> set_filter_mode(Task& task, u64 mode, u64 program) {
  constexpr u32 kCall = 317;
  constexpr u64 kStrict = 1, kFilter = 2;
  const auto handler = task.personality().parts().selection.calls[kCall];
  if (handler == &call_unknown || (mode != kStrict && mode != kFilter))
    return std::unexpected(Errno::Invalid);
  const i64 done = handler(task, {{mode - kStrict, 0, mode == kFilter ? program : 0}});
  if (done < 0) return std::unexpected(static_cast<Errno>(-done));
  return static_cast<u64>(done);
}

/// Whose further arguments must be 0.
bool wants_no_more(u32 option) {
  return option == kSetNoNewPrivileges || option == kGetNoNewPrivileges || option == kSetHugePagesDisabled ||
         option == kGetHugePagesDisabled;
}

}  // namespace

LinuxResult<u64> TaskInternals::control_process(Task& task, u32 option, u64 value) {
  auto& process = *task.process_;
  auto& settings = process.settings_;
  constexpr u32 kCounterEnabled = 1;
  switch (option) {
    case kGetDumpable: return settings.dumpable;
    case kSetDumpable:
      if (value > 1) return std::unexpected(Errno::Invalid);
      settings.dumpable = value != 0;
      return 0;
    case kSetSubreaper: process.child_subreaper_ = value != 0; return 0;
    case kGetSubreaper: TRY(task.user().write(value, i32{process.child_subreaper_})); return 0;
    case kGetHugePagesDisabled: return settings.huge_pages_disabled;
    case kSetHugePagesDisabled: settings.huge_pages_disabled = value != 0; return 0;
    case kGetTimestampCounter: TRY(task.user().write(value, kCounterEnabled)); return 0;
    // It can't be taken away from programs here.
    case kSetTimestampCounter:
      if (value != kCounterEnabled) return std::unexpected(Errno::Invalid);
      return 0;
    default: return std::unexpected(Errno::Invalid);
  }
}

LinuxResult<u64> TaskInternals::control(Task& task, const Arguments& arguments) {
  const auto [whole, value, u2, u3, u4, u5] = arguments.a;
  const auto option = static_cast<u32>(whole);
  if (wants_no_more(option) && (u2 || u3 || u4)) return std::unexpected(Errno::Invalid);
  switch (option) {
    case kSetDeathSignal:
      if (value > signal::kCount) return std::unexpected(Errno::Invalid);
      task.parent_death_signal_ = static_cast<i32>(value);
      return 0;
    case kGetDeathSignal: TRY(task.user().write(value, task.parent_death_signal_)); return 0;
    case kSetName: return set_name(task, value);
    case kGetName: return get_name(task, value);
    case kSetTimerSlack: {
      Guard<SpinLock> guard(task.process_->lock_);
      task.scheduling_.slack_ns = value ? value : Scheduling::kDefaultSlack;
      return 0;
    }
    case kGetTimerSlack: return scheduling(task).slack_ns;
    case kSetNoNewPrivileges:
      if (value != 1) return std::unexpected(Errno::Invalid);
      __atomic_store_n(&task.no_new_privileges_, true, __ATOMIC_RELAXED);
      return 0;
    case kGetNoNewPrivileges:
      if (value) return std::unexpected(Errno::Invalid);
      return has_no_new_privileges(task);
    case kGetFilterMode: return static_cast<u64>(task.filter_mode_);
    case kSetFilterMode: return set_filter_mode(task, value, u2);
    case kGetTidAddress: TRY(task.user().write(value, task.clear_child_tid_)); return 0;
    case kGetHugePagesDisabled:
      if (value) return std::unexpected(Errno::Invalid);
      return control_process(task, option, value);
    case kGetKeepCapabilities:
    case kSetKeepCapabilities:
    case kReadCapability:
    case kDropCapability:
    case kGetSecureBits:
    case kSetSecureBits:
    case kAmbientCapabilities: return control_capabilities(task, arguments);
    default: return control_process(task, option, value);
  }
}

ProcessSettings& TaskInternals::settings(Process& process) {
  return process.settings_;
}

i64 call_prctl(Task& task, const Arguments& arguments) {
  return to_return_value(TaskInternals::control(task, arguments));
}

/// All bits are kept and told; none changes what calls do here: addresses are the same each time anyway.
i64 call_personality(Task& task, const Arguments& arguments) {
  constexpr u32 kQuery = 0xffff'ffff;
  auto& settings = TaskInternals::settings(task.process());
  const u32 old = settings.personality;
  if (const auto wanted = static_cast<u32>(arguments.a[0]); wanted != kQuery) settings.personality = wanted;
  return old;
}

namespace {

LinuxResult<u64> barrier(Task& task, u32 command, u32 flags) {
  enum : u32 {
    kQuery = 0,
    kGlobal = 1,
    kGlobalExpedited = 2,
    kRegisterGlobal = 4,
    kPrivate = 8,
    kRegisterPrivate = 16,
    kPrivateCore = 32,
    kRegisterPrivateCore = 64,
    kGetRegistrations = 512,
  };
  constexpr u32 kKnown = kGlobal | kGlobalExpedited | kRegisterGlobal | kPrivate | kRegisterPrivate |
                         kPrivateCore | kRegisterPrivateCore | kGetRegistrations;
  if (flags) return std::unexpected(Errno::Invalid);
  auto& registered = TaskInternals::settings(task.process()).barriers;
  switch (command) {
    case kQuery: return kKnown;
    case kGetRegistrations: return registered;
    case kRegisterGlobal:
    case kRegisterPrivate:
    case kRegisterPrivateCore: __atomic_fetch_or(&registered, command, __ATOMIC_RELAXED); return 0;
    case kPrivate:
    case kPrivateCore:
      if (!(registered & (command << 1))) return std::unexpected(Errno::Perm);
      [[fallthrough]];
    case kGlobal:
    case kGlobalExpedited: task.personality().place().memory_barrier(); return 0;
    default: return std::unexpected(Errno::Invalid);
  }
}

}  // namespace

i64 call_membarrier(Task& task, const Arguments& arguments) {
  return to_return_value(barrier(task, static_cast<u32>(arguments.a[0]), static_cast<u32>(arguments.a[1])));
}

}  // namespace vari::linux
