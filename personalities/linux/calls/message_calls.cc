// msgget, msgsnd, msgrcv, msgctl.
#include <algorithm>

#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/ipc/system_v.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/process.h"

namespace vari::linux {

namespace {

using ipc::Message;
using ipc::MessageQueue;

i64 now_s(Task& task) {
  return static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
}

LinuxResult<i32> get(Task& task, i32 key, u32 flags) {
  return task.personality().system_v().queues().get(
      task.identity(), key, flags, [](MessageQueue&) -> LinuxResult<> { return {}; },
      [&](u32 mode) -> LinuxResult<Ref<MessageQueue>> {
        auto made = TRY(runtime::make<MessageQueue>(task.identity(), key, mode));
        made->created(now_s(task));
        return made;
      });
}

LinuxResult<> send(Task& task, i32 id, u64 address, u64 bytes, u32 flags) {
  const i64 type = TRY(task.user().read<i64>(address));
  if (bytes > MessageQueue::kMostMessageBytes || id < 0 || type < 1) return std::unexpected(Errno::Invalid);
  runtime::Owner<Message> message(new (runtime::kFallible) Message(type));
  if (!message) return std::unexpected(Errno::NoMemory);
  TRY(message->reserve(bytes));
  TRY(task.user().copy_in(message->text, address + sizeof type, bytes));
  const auto queue = TRY(task.personality().system_v().queues().find(id));
  TRY(queue->check(task.identity(), ipc::kMayWrite));
  return queue->send(task, std::move(message), (flags & ipc::kNoWait) != 0);
}

LinuxResult<u64> receive(Task& task, i32 id, u64 address, u64 bytes, i64 type, u32 flags) {
  constexpr u32 kCut = 010000, kExcept = 020000, kCopy = 040000;
  if (id < 0 || static_cast<i64>(bytes) < 0) return std::unexpected(Errno::Invalid);
  // As a kernel without checkpoints.
  if (flags & kCopy)
    return std::unexpected(flags & kExcept || !(flags & ipc::kNoWait) ? Errno::Invalid : Errno::NoSys);
  const auto queue = TRY(task.personality().system_v().queues().find(id));
  TRY(queue->check(task.identity(), ipc::kMayRead));
  const auto message = TRY(queue->receive(task, {.type = type == INT64_MIN ? INT64_MIN + 1 : type,
                                                 .except = (flags & kExcept) != 0,
                                                 .no_wait = (flags & ipc::kNoWait) != 0,
                                                 .cut = (flags & kCut) != 0,
                                                 .room = bytes}));
  const u64 count = std::min(bytes, message->bytes);
  TRY(task.user().write(address, message->type));
  TRY(task.user().copy_out(address + sizeof(i64), message->text, count));
  return count;
}

/// struct msqid64_ds.
struct UserStatus {
  ipc::Permission permission;
  i64 sent_at, received_at, changed_at;
  u64 bytes, messages, limit_bytes;
  i32 last_sender, last_receiver;
  u64 unused[2];
};
static_assert(sizeof(UserStatus) == 120);

LinuxResult<i32> tell_limits(Task& task, u64 address, bool used) {
  auto& table = task.personality().system_v().queues();
  i32 highest = 0, queues = 0, messages = 0, bytes = 0;
  for (u32 i = 0; i < ipc::TableBase::kMost; ++i) {
    if (const auto queue = table.at(i)) {
      const auto status = queue->status();
      highest = static_cast<i32>(i);
      ++queues;
      messages += static_cast<i32>(status.messages);
      bytes += static_cast<i32>(status.bytes);
    }
  }
  struct {
    i32 pool, map, most_bytes, queue_bytes, most_queues, segment_size, headers;
    u16 segments, padding;
  } info{queues,
         messages,
         MessageQueue::kMostMessageBytes,
         MessageQueue::kMostBytes,
         ipc::TableBase::kMost,
         16,
         bytes,
         0xffff,
         0};
  if (!used) info.pool = info.map = info.headers = 0;
  TRY(task.user().write(address, info));
  return highest;
}

LinuxResult<i32> control(Task& task, i32 id, u32 command, u64 address) {
  enum : u32 { kStatIndex = 11, kInfoUsed = 12, kStatAny = 13 };
  auto& table = task.personality().system_v().queues();
  if (id < 0) return std::unexpected(Errno::Invalid);
  if (command == ipc::kInfo || command == kInfoUsed) return tell_limits(task, address, command == kInfoUsed);
  const bool by_index = command == kStatIndex || command == kStatAny;
  if (by_index && !table.at(static_cast<u32>(id))) return std::unexpected(Errno::Invalid);
  const auto queue = by_index ? table.at(static_cast<u32>(id)) : TRY(table.find(id));
  switch (command) {
    case ipc::kStat:
    case kStatIndex:
    case kStatAny: {
      if (command != kStatAny) TRY(queue->check(task.identity(), ipc::kMayRead));
      const auto s = queue->status();
      const UserStatus told{queue->permission(), s.sent_at,     s.received_at, s.changed_at,    s.bytes,
                            s.messages,          s.limit_bytes, s.last_sender, s.last_receiver, {}};
      TRY(task.user().write(address, told));
      return by_index ? queue->id() : 0;
    }
    case ipc::kSet: {
      const auto wanted = TRY(task.user().read<UserStatus>(address));
      TRY(queue->check_owner(task.identity()));
      if (wanted.limit_bytes > MessageQueue::kMostBytes && !task.may(Capability::Resources))
        return std::unexpected(Errno::Perm);
      queue->change(wanted.permission);
      queue->set_limit(wanted.limit_bytes, now_s(task));
      return 0;
    }
    case ipc::kRemove:
      TRY(queue->check_owner(task.identity()));
      table.remove(*queue);
      queue->end();
      return 0;
    default: return std::unexpected(Errno::Invalid);
  }
}

}  // namespace

i64 call_msgget(Task& task, const Arguments& arguments) {
  return to_return_value(get(task, static_cast<i32>(arguments.a[0]), static_cast<u32>(arguments.a[1])));
}
i64 call_msgsnd(Task& task, const Arguments& arguments) {
  return to_return_value(send(task, static_cast<i32>(arguments.a[0]), arguments.a[1], arguments.a[2],
                              static_cast<u32>(arguments.a[3])));
}
i64 call_msgrcv(Task& task, const Arguments& arguments) {
  return to_return_value(receive(task, static_cast<i32>(arguments.a[0]), arguments.a[1], arguments.a[2],
                                 static_cast<i64>(arguments.a[3]), static_cast<u32>(arguments.a[4])));
}
i64 call_msgctl(Task& task, const Arguments& arguments) {
  return to_return_value(
      control(task, static_cast<i32>(arguments.a[0]), static_cast<u32>(arguments.a[1]), arguments.a[2]));
}

}  // namespace vari::linux
