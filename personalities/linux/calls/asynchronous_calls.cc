// io_setup, io_destroy, io_submit, io_cancel, io_getevents, io_pgetevents: see files/asynchronous_io.h.
#include "personalities/linux/calls/call_time.h"
#include "personalities/linux/calls/schedule_helpers.h"
#include "personalities/linux/calls/signal_helpers.h"
#include "personalities/linux/files/asynchronous_io.h"
#include "personalities/linux/files/inode.h"
#include "personalities/linux/memory/memory_map.h"

namespace vari::linux {

namespace {

/// struct iocb.
struct UserRequest {
  u64 data;
  u32 key;  // written by io_submit, wanted back by io_cancel
  u32 move_flags;
  u16 operation;
  i16 priority;
  u32 descriptor;
  u64 memory, bytes;
  i64 offset;
  u64 reserved;
  u32 flags, told;
};
static_assert(sizeof(UserRequest) == 64);
constexpr u32 kKey = 0;
constexpr u64 kKeyOffset = 8;
static_assert(offsetof(UserRequest, key) == kKeyOffset);

enum Operation : u16 { kRead = 0, kWrite = 1, kSync = 2, kDataSync = 3, kPoll = 5, kReadV = 7, kWriteV = 8 };

/// Libraries look at the start of the memory that a context is known by (struct aio_ring) and take events
/// there themselves where it bears a magic number. Ours stays zero: events are had by the call.
constexpr u64 kRingHeaderBytes = 32;
constexpr u64 ring_bytes(u64 wanted) {
  return align_up(kRingHeaderBytes + (2 * wanted + 2) * sizeof(AsynchronousEvent), kPageBytes);
}

LinuxResult<> set_up(Task& task, u64 wanted, u64 address) {
  constexpr u64 kNonsense = 0x1000'0000;
  const u64 present = TRY(task.user().read<u64>(address));
  if (present != 0 || wanted == 0 || wanted > kNonsense / sizeof(AsynchronousEvent))
    return std::unexpected(Errno::Invalid);
  if (wanted > AsynchronousContext::kMostOfAll) return std::unexpected(Errno::Again);
  const u64 bytes = ring_bytes(wanted);
  MemoryMap& memory = task.memory();
  const u64 ring = TRY(memory.map({.bytes = bytes, .access = Access::Read | Access::Write}));
  const auto set = [&]() -> LinuxResult<> {
    TRY(memory.set_fork_behaviour(ring, bytes, MemoryMap::ForkBehaviour::Drop));
    const u64 most = (bytes - kRingHeaderBytes) / sizeof(AsynchronousEvent) - 1;
    auto context = TRY(AsynchronousContext::create(task.personality(), ring, static_cast<u32>(most)));
    TRY(task.user().write(address, ring));
    memory.companions().add(std::move(context));
    return {};
  }();
  if (!set) (void)memory.unmap(ring, bytes);
  return set;
}

Ref<AsynchronousContext> context_of(Ref<MemoryCompanion> companion) {
  return companion ? Ref<AsynchronousContext>::adopt(static_cast<AsynchronousContext*>(companion.leak()))
                   : nullptr;
}
LinuxResult<Ref<AsynchronousContext>> find(Task& task, u64 address) {
  auto context = context_of(task.memory().companions().find(address));
  if (!context) return std::unexpected(Errno::Invalid);
  return context;
}

LinuxResult<> destroy(Task& task, u64 address) {
  auto& memory = task.memory();
  const auto context = context_of(memory.companions().take(address));
  if (!context) return std::unexpected(Errno::Invalid);
  context->close();
  return memory.unmap(address, kRingHeaderBytes + (context->most() + 1) * sizeof(AsynchronousEvent));
}

/// What an event tells of an error. No call is begun again on its account.
i64 result_of(const LinuxResult<u64>& done) {
  if (done) return static_cast<i64>(*done);
  const bool restart = static_cast<int>(done.error()) >= static_cast<int>(Errno::RestartIfHandlerSays);
  return failure(restart ? Errno::Interrupted : done.error());
}

/// Files without positions take what comes, whatever offset is given.
template <class Move>
i64 at_or_next(Move move, i64 offset) {
  const LinuxResult<u64> done = move(std::optional<u64>(static_cast<u64>(offset)));
  return result_of(!done && done.error() == Errno::IllegalSeek ? move(std::nullopt) : done);
}

i64 move_bytes(Task& task, File& file, Transfer& transfer, const UserRequest& request, bool write) {
  return at_or_next(
      [&](std::optional<u64> at) {
        return write ? write_with_flags(task, file, transfer, at, request.move_flags)
                     : read_with_flags(task, file, transfer, at);
      },
      request.offset);
}

/// What is found wrong before a byte moves is the call's error, and what happens later the event's.
LinuxResult<i64> transfer(Task& task, File& file, const UserRequest& request) {
  constexpr u32 kHasPriority = 2;
  const bool write = request.operation == kWrite || request.operation == kWriteV;
  TRY(check_move_flags(request.move_flags, write));
  if (request.flags & kHasPriority) TRY(check_io_priority(task, static_cast<u16>(request.priority)));
  if (!(write ? file.can_write() : file.can_read())) return std::unexpected(Errno::BadFile);
  if (file.inode().is(FileKind::Directory) || request.offset < 0) return std::unexpected(Errno::Invalid);
  if (request.operation == kRead || request.operation == kWrite) {
    UserTransfer bytes(task, request.memory, request.bytes);
    return move_bytes(task, file, bytes, request, write);
  }
  VectorTransfer bytes(task);
  TRY(bytes.load(request.memory, request.bytes));
  return move_bytes(task, file, bytes, request, write);
}

LinuxResult<i64> synchronise(File& file, const UserRequest& request) {
  if (request.memory || request.offset || request.bytes || request.move_flags || !file.path())
    return std::unexpected(Errno::Invalid);
  const auto done = file.synchronise(request.operation == kDataSync);
  return done ? 0 : failure(done.error());
}

LinuxResult<> poll(AsynchronousContext& context, const UserRequest& request,
                   AsynchronousPoll::Request wanted) {
  if (request.memory > 0xffff || request.offset || request.bytes || request.move_flags)
    return std::unexpected(Errno::Invalid);
  wanted.events = static_cast<u32>(request.memory) | poll_event::kError | poll_event::kHangUp;
  return context.add_poll(std::move(wanted));
}

/// The eventfd that is to be told; null where none is.
LinuxResult<Ref<File>> told_file(Task& task, const UserRequest& request) {
  constexpr u32 kTells = 1;  // IOCB_FLAG_RESFD
  if (!(request.flags & kTells)) return Ref<File>();
  auto file = TRY(task.files().get(descriptor_of(request.told)));
  if (!file->as<EventFile>()) return std::unexpected(Errno::Invalid);
  return file;
}

/// With a place for its event, which is given back where this fails.
LinuxResult<> carry_out(Task& task, AsynchronousContext& context, u64 address, const UserRequest& request) {
  auto file = TRY(task.files().get(descriptor_of(request.descriptor)));
  if (file->flags() & File::kPath) return std::unexpected(Errno::BadFile);
  auto told = TRY(told_file(task, request));
  TRY(task.user().write(address + kKeyOffset, kKey));
  i64 result = 0;
  switch (request.operation) {
    case kRead:
    case kWrite:
    case kReadV:
    case kWriteV: result = TRY(transfer(task, *file, request)); break;
    case kSync:
    case kDataSync: result = TRY(synchronise(*file, request)); break;
    case kPoll:
      return poll(
          context, request,
          {.data = request.data, .address = address, .file = std::move(file), .told = std::move(told)});
    default: return std::unexpected(Errno::Invalid);
  }
  context.complete({request.data, address, result}, told.get());
  return {};
}

LinuxResult<> submit_one(Task& task, AsynchronousContext& context, u64 list, u64 index) {
  const u64 address = TRY(task.user().read<u64>(list + index * sizeof(u64)));
  const auto request = TRY(task.user().read<UserRequest>(address));
  if (request.reserved || static_cast<i64>(request.bytes) < 0) return std::unexpected(Errno::Invalid);
  TRY(context.reserve());
  const auto done = carry_out(task, context, address, request);
  if (!done) context.give_back();
  return done;
}

/// How many were taken; an error only where not even the first was.
LinuxResult<u64> submit(Task& task, u64 id, i64 count, u64 list) {
  if (count < 0) return std::unexpected(Errno::Invalid);
  const auto context = TRY(find(task, id));
  for (u64 i = 0; i < static_cast<u64>(count); ++i) {
    const auto done = submit_one(task, *context, list, i);
    if (done) continue;
    if (i == 0) return std::unexpected(done.error());
    return i;
  }
  return static_cast<u64>(count);
}

LinuxResult<> cancel(Task& task, u64 id, u64 address) {
  const u32 key = TRY(task.user().read<u32>(address + kKeyOffset));
  const auto context = TRY(find(task, id));
  if (key != kKey || !context->cancel_poll(address)) return std::unexpected(Errno::Invalid);
  return std::unexpected(Errno::InProgress);  // it worked, and the event tells the rest
}

/// Unlike elsewhere, a time that is no time is not an error but over.
LinuxResult<Nanoseconds> deadline_of(Task& task, u64 address) {
  if (!address) return kForever;
  const auto time = TRY(task.user().read<TimeSpec>(address));
  return time.valid() ? deadline_in(time.seconds, time.nanoseconds) : 0;
}

LinuxResult<u64> take_events(Task& task, const Arguments& a, Nanoseconds deadline) {
  const i64 least = static_cast<i64>(a.a[1]), most = static_cast<i64>(a.a[2]);
  const auto context = TRY(find(task, a.a[0]));
  if (least < 0 || least > most) return std::unexpected(Errno::Invalid);
  u64 done = 0;
  for (;;) {
    const auto taken =
        context->take(task.user(), a.a[3] + done * sizeof(AsynchronousEvent), static_cast<u64>(most) - done);
    if (!taken) return done ? LinuxResult<u64>(done) : taken;
    done += *taken;
    if (done >= static_cast<u64>(least) || deadline == 0) return done;
    const auto waited = context->wait(deadline);
    if (waited) continue;
    if (done || waited.error() == Errno::TimedOut) return done;
    return std::unexpected(waited.error());
  }
}

LinuxResult<u64> take_events_masked(Task& task, const Arguments& a) {
  const Nanoseconds deadline = TRY(deadline_of(task, a.a[4]));
  TRY(set_temporary_mask_at(task, a.a[5]));
  return take_events(task, a, deadline);
}

}  // namespace

i64 call_io_setup(Task& task, const Arguments& a) {
  return to_return_value(set_up(task, static_cast<u32>(a.a[0]), a.a[1]));
}
i64 call_io_destroy(Task& task, const Arguments& a) {
  return to_return_value(destroy(task, a.a[0]));
}
i64 call_io_submit(Task& task, const Arguments& a) {
  return to_return_value(submit(task, a.a[0], static_cast<i64>(a.a[1]), a.a[2]));
}
i64 call_io_cancel(Task& task, const Arguments& a) {
  return to_return_value(cancel(task, a.a[0], a.a[1]));
}
i64 call_io_getevents(Task& task, const Arguments& a) {
  const auto deadline = deadline_of(task, a.a[4]);
  return deadline ? to_return_value(take_events(task, a, *deadline)) : failure(deadline.error());
}
i64 call_io_pgetevents(Task& task, const Arguments& a) {
  return to_return_value(take_events_masked(task, a));
}

}  // namespace vari::linux
