// Calls that reach into other processes: process_vm_readv and its like, kcmp, process_madvise,
// process_mrelease.
#include <algorithm>

#include "personalities/linux/calls/memory_helpers.h"
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/pid_file.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/access_check.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

namespace {

constexpr u64 kMostVectors = 1024;

/// An iovec of the caller, walked piece by piece; each entry is read once.
class VectorWalk {
 public:
  VectorWalk(Task& task, u64 address, u64 count) : task_(task), next_(address), left_(count) {}
  /// Makes `current` the next piece that is not empty. False: there is none.
  LinuxResult<bool> advance() {
    while (current.bytes == 0) {
      if (left_ == 0) return false;
      current = TRY(task_.user().read<IoVector>(next_));
      next_ += sizeof(IoVector);
      --left_;
      if (static_cast<i64>(current.bytes) < 0) return std::unexpected(Errno::Invalid);
    }
    return true;
  }
  void consume(u64 bytes) {
    current.base += bytes;
    current.bytes -= bytes;
  }
  IoVector current;

 private:
  Task& task_;
  u64 next_, left_;
};

struct Page : runtime::Allocated {
  u8 bytes[kPageBytes];
};

/// How much was copied before the first address, on either side, that can't be reached.
LinuxResult<u64> copy_between(Task& task, MemoryMap& remote, VectorWalk& local, VectorWalk& foreign,
                              bool writes) {
  runtime::Owner<Page> page(new (runtime::kFallible) Page);
  if (!page) return std::unexpected(Errno::NoMemory);
  UserMemory other(remote);
  for (u64 total = 0;;) {
    const auto more = local.advance();
    const auto more_foreign = foreign.advance();
    if (!more.has_value() || !more_foreign.has_value()) {
      if (total) return total;
      return std::unexpected(more.has_value() ? more_foreign.error() : more.error());
    }
    if (!*more || !*more_foreign) return total;
    const u64 piece = std::min({local.current.bytes, foreign.current.bytes, u64{kPageBytes}});
    auto from = writes ? task.user() : other;
    auto to = writes ? other : task.user();
    const u64 source = writes ? local.current.base : foreign.current.base;
    const u64 target = writes ? foreign.current.base : local.current.base;
    const u64 got = from.copy_in_partial(page->bytes, source, piece);
    const u64 put = to.copy_out_partial(target, page->bytes, got);
    total += put;
    if (put < piece) {
      if (total) return total;
      return std::unexpected(Errno::Fault);
    }
    local.consume(piece);
    foreign.consume(piece);
    if (fatal_signal_pending(task)) return total;
  }
}

LinuxResult<u64> move_memory(Task& task, const Arguments& arguments, bool writes) {
  const auto [pid, local, local_count, foreign, foreign_count, flags] = arguments.a;
  if (flags != 0 || local_count > kMostVectors || foreign_count > kMostVectors)
    return std::unexpected(Errno::Invalid);
  const auto target = task.personality().processes().find_task(static_cast<i32>(pid));
  if (!target) return std::unexpected(Errno::NoProcess);
  const auto memory = target->memory_of_other();
  if (!may_inspect(task, target->process())) return std::unexpected(Errno::Perm);
  if (!memory) return std::unexpected(Errno::NoProcess);
  VectorWalk here(task, local, local_count), there(task, foreign, foreign_count);
  return copy_between(task, *memory, here, there, writes);
}

/// 0: the same; 1, 2: an order, the same each time.
u64 order(const void* a, const void* b) {
  return a == b ? 0 : a < b ? 1 : 2;
}

LinuxResult<u64> compare(Task& task, const Arguments& arguments) {
  enum : u32 { kFile, kMemory, kFiles, kFileSystem, kHandlers, kIo, kSemaphores };
  const auto [pid1, pid2, kind, index1, index2, u5] = arguments.a;
  auto& table = task.personality().processes();
  const auto one = table.find_task(static_cast<i32>(pid1)), two = table.find_task(static_cast<i32>(pid2));
  if (!one || !two) return std::unexpected(Errno::NoProcess);
  if (!may_inspect(task, one->process()) || !may_inspect(task, two->process()))
    return std::unexpected(Errno::Perm);
  switch (static_cast<u32>(kind)) {
    case kFile: {
      const auto files1 = one->files_of_other(), files2 = two->files_of_other();
      if (!files1 || !files2) return std::unexpected(Errno::BadFile);
      const auto file1 = TRY(files1->get(static_cast<i64>(index1)));
      const auto file2 = TRY(files2->get(static_cast<i64>(index2)));
      return order(file1.get(), file2.get());
    }
    case kMemory: return order(one->memory_of_other().get(), two->memory_of_other().get());
    case kFiles: return order(one->files_of_other().get(), two->files_of_other().get());
    case kFileSystem: return order(one->file_system_of_other().get(), two->file_system_of_other().get());
    case kHandlers: return order(&one->process().handlers(), &two->process().handlers());
    case kIo:
    case kSemaphores: return order(&one->process(), &two->process());
    default: return std::unexpected(Errno::Invalid);
  }
}

LinuxResult<Ref<Process>> process_of(Task& task, u64 descriptor) {
  const auto file = TRY(task.files().get(static_cast<i32>(descriptor)));
  auto* found = PidFile::from(*file);
  if (!found) return std::unexpected(Errno::BadFile);
  return Ref<Process>(found->process());
}

/// Cold, pageout, willneed, collapse: nothing has to be done for any of them, but the ranges must be there.
LinuxResult<u64> advise(Task& task, const Arguments& arguments) {
  constexpr u64 kWillNeed = 3, kCold = 20, kPageOut = 21, kCollapse = 25;
  const auto [descriptor, vectors, count, advice, flags, u5] = arguments.a;
  if (flags != 0 || count > kMostVectors) return std::unexpected(Errno::Invalid);
  const auto process = TRY(process_of(task, descriptor));
  const auto target = process->any_task();
  if (!target) return std::unexpected(Errno::NoProcess);
  if (!task.may(Capability::Nice) && &task.process() != process.get()) return std::unexpected(Errno::Perm);
  if (advice != kWillNeed && advice != kCold && advice != kPageOut && advice != kCollapse)
    return std::unexpected(Errno::Invalid);
  const auto memory = target->memory_of_other();
  if (!memory) return std::unexpected(Errno::NoProcess);
  VectorWalk walk(task, vectors, count);
  for (u64 done = 0;;) {
    if (!TRY(walk.advance())) return done;
    const auto [begin, bytes] = walk.current;
    if (!valid_range(begin, bytes)) return std::unexpected(Errno::Invalid);
    if (!memory->covered(begin, align_up(bytes, kPageBytes))) {
      if (done) return done;
      return std::unexpected(Errno::NoMemory);
    }
    done += bytes;
    walk.consume(bytes);
  }
}

/// The memory of a process that is being killed is released by its own tasks, which need no help.
LinuxResult<> release_memory(Task& task, u64 descriptor, u64 flags) {
  if (flags != 0) return std::unexpected(Errno::Invalid);
  const auto process = TRY(process_of(task, descriptor));
  const auto target = process->any_task();
  if (!target) return std::unexpected(Errno::NoProcess);
  if (!TaskInternals::is_exiting(*process)) return std::unexpected(Errno::Invalid);
  return {};
}

}  // namespace

i64 call_process_vm_readv(Task& task, const Arguments& arguments) {
  return to_return_value(move_memory(task, arguments, false));
}
i64 call_process_vm_writev(Task& task, const Arguments& arguments) {
  return to_return_value(move_memory(task, arguments, true));
}
i64 call_kcmp(Task& task, const Arguments& arguments) {
  return to_return_value(compare(task, arguments));
}
i64 call_process_madvise(Task& task, const Arguments& arguments) {
  return to_return_value(advise(task, arguments));
}
i64 call_process_mrelease(Task& task, const Arguments& arguments) {
  return to_return_value(release_memory(task, arguments.a[0], static_cast<u32>(arguments.a[1])));
}

}  // namespace vari::linux
