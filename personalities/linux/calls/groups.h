// The groups of calls, as types: a kernel's page names those that its programs get,
//
//     using Calls = linux::CallGroups<linux::FileCalls, linux::SocketCalls>;
//
// and the linker leaves out what only the others refer to. A call of a group that is left out fails with
// ENOSYS, and the log says which group it needs (table.cc). A group may bring a kind of file system as well.
#pragma once

#include "personalities/linux/calls/file_calls.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/calls/table.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/filesystems/queue_fs.h"
#include "personalities/linux/filesystems/sysfs.h"

// clang-format off
/// X(type, its list of calls, its name for people)
#define VARI_LINUX_CALL_GROUPS(X)                     \
  X(FileCalls, VARI_LINUX_FILE_CALLS, "files")        \
  X(CopyCalls, VARI_LINUX_COPY_CALLS, "copies")       \
  X(SocketCalls, VARI_LINUX_SOCKET_CALLS, "sockets")  \
  X(MountCalls, VARI_LINUX_MOUNT_CALLS, "mounts")     \
  X(AttributeCalls, VARI_LINUX_ATTRIBUTE_CALLS, "attributes") \
  X(EventCalls, VARI_LINUX_EVENT_CALLS, "events")     \
  X(WatchCalls, VARI_LINUX_WATCH_CALLS, "watches")    \
  X(AsynchronousCalls, VARI_LINUX_ASYNCHRONOUS_CALLS, "asynchronous") \
  X(MemoryCalls, VARI_LINUX_MEMORY_CALLS, "memory")   \
  X(ThreadCalls, VARI_LINUX_THREAD_CALLS, "threads")  \
  X(ProcessCalls, VARI_LINUX_PROCESS_CALLS, "processes") \
  X(SignalCalls, VARI_LINUX_SIGNAL_CALLS, "signals")  \
  X(ClockCalls, VARI_LINUX_CLOCK_CALLS, "clocks")     \
  X(TimerCalls, VARI_LINUX_TIMER_CALLS, "timers")     \
  X(IdentityCalls, VARI_LINUX_IDENTITY_CALLS, "identity") \
  X(SystemCalls, VARI_LINUX_SYSTEM_CALLS, "system")   \
  X(PolicyCalls, VARI_LINUX_POLICY_CALLS, "policies") \
  X(FilterCalls, VARI_LINUX_FILTER_CALLS, "filters")  \
  X(TraceCalls, VARI_LINUX_TRACE_CALLS, "traces")     \
  X(NodeCalls, VARI_LINUX_NODE_CALLS, "nodes")        \
  X(ForeignCalls, VARI_LINUX_FOREIGN_CALLS, "foreign") \
  X(SystemVCalls, VARI_LINUX_SYSTEM_V_CALLS, "system-v") \
  X(QueueCalls, VARI_LINUX_QUEUE_CALLS, "queues")
// clang-format on

namespace vari::linux {

/// The kinds of file systems that come with a group.
template <class Group>
constexpr void enter_file_systems(Selection&) {}
struct QueueCalls;
template <>
constexpr void enter_file_systems<QueueCalls>(Selection& selection) {
  selection.add({"mqueue", false, &QueueFileSystem::mount});
}

#define VARI_ENTER_CALL(name, number) selection.calls[number] = &call_##name;
#define VARI_TELL_CALL(name, number) " " #number " " #name
#define VARI_CALL_GROUP(Type, LIST, group_name)                              \
  struct Type {                                                              \
    static constexpr CallGroup kGroup{group_name, LIST(VARI_TELL_CALL) " "}; \
    static constexpr void enter(Selection& selection) {                      \
      LIST(VARI_ENTER_CALL)                                                  \
      enter_file_systems<Type>(selection);                                   \
    }                                                                        \
  };
VARI_LINUX_CALL_GROUPS(VARI_CALL_GROUP)
#undef VARI_CALL_GROUP
#undef VARI_TELL_CALL
#undef VARI_ENTER_CALL

/// /proc and /sys: without it these folders are empty.
struct SystemTrees {
  static constexpr CallGroup kGroup{"trees", ""};
  static constexpr void enter(Selection& selection) {
    selection.add({"sysfs", false, &Sysfs::mount});
    selection.add({"proc", false, &Procfs::mount, &Procfs::check_option});
  }
};

template <class... Groups>
struct CallGroups {
  static constexpr std::size_t kCount = sizeof...(Groups);
  template <class Group>
  static constexpr bool kHas = (std::is_same_v<Group, Groups> || ...);

  static constexpr void enter(Selection& selection) { (Groups::enter(selection), ...); }
  /// The groups that `Chosen` lacks.
  template <class Chosen>
  static constexpr void leave_out(Selection& selection) {
    std::size_t at = 0;
    ((Chosen::template kHas<Groups> ? void() : void(selection.left_out[at++] = &Groups::kGroup)), ...);
  }
};

#define VARI_NAME_GROUP(Type, LIST, group_name) Type,
using AllGroups = CallGroups<VARI_LINUX_CALL_GROUPS(VARI_NAME_GROUP) SystemTrees>;
#undef VARI_NAME_GROUP
static_assert(AllGroups::kCount <= kMostGroups);

/// All of `Groups` but one.
template <class... A, class... B>
CallGroups<A..., B...> operator+(CallGroups<A...>, CallGroups<B...>);
template <class Groups, class Left>
struct Without;
template <class... Groups, class Left>
struct Without<CallGroups<Groups...>, Left> {
  template <class Group>
  using Kept = std::conditional_t<std::is_same_v<Group, Left>, CallGroups<>, CallGroups<Group>>;
  using Type = decltype((CallGroups<>() + ... + Kept<Groups>()));
};

template <class Groups>
constexpr Selection select() {
  Selection selection{};
  selection.calls.fill(&call_unknown);
  AllGroups::leave_out<Groups>(selection);
  Groups::enter(selection);
  return selection;
}

/// What a kernel hands to the personality: a constant, made by the compiler.
template <class Groups>
inline constexpr Selection kSelected = select<Groups>();

}  // namespace vari::linux
