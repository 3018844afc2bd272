// /proc/PID/mem: a process's memory as a file whose positions are addresses, as debuggers use it. Writing
// goes where ptrace's does: to what the program itself may not write to as well.
#include "personalities/linux/files/regular_file.h"
#include "personalities/linux/filesystems/procfs.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/process/access_check.h"

namespace vari::linux {

namespace {

struct Page : runtime::Allocated {
  u8 bytes[kPageBytes];
};

class ProcessMemoryFile final : public RegularFile {
 public:
  ProcessMemoryFile(const OpenRequest& request, Ref<MemoryMap> memory)
      : RegularFile(request), memory_(std::move(memory)) {}

  LinuxResult<u64> read_at(Task&, Transfer& to, u64 offset) override {
    return move(to.remaining(), offset, [&](std::span<u8> piece, u64 at) -> LinuxResult<u64> {
      const u64 count = UserMemory(*memory_).copy_in_partial(piece.data(), at, piece.size());
      if (count == 0) return std::unexpected(Errno::Io);
      return to.put(piece.first(count));
    });
  }
  LinuxResult<u64> write_from(Task&, Transfer& from, u64 offset, bool, u64& end) override {
    const u64 done = TRY(move(from.remaining(), offset, [&](std::span<u8> piece, u64 at) -> LinuxResult<u64> {
      const u64 count = TRY(from.take(piece));
      TRY(memory_->write_by_force(at, piece.first(count)));
      return count;
    }));
    end = offset + done;
    return done;
  }

 private:
  /// Page by page; how much, before the first that failed.
  template <class Step>
  LinuxResult<u64> move(u64 bytes, u64 offset, Step step) {
    runtime::Owner<Page> page(new (runtime::kFallible) Page);
    if (!page) return std::unexpected(Errno::NoMemory);
    u64 done = 0;
    while (done < bytes) {
      const u64 at = offset + done;
      const u64 wanted = std::min(bytes - done, kPageBytes - at % kPageBytes);
      const auto moved = step(std::span(page->bytes).first(wanted), at);
      if (!moved.has_value() && done == 0) return std::unexpected(moved.error());
      if (!moved.has_value()) break;
      done += *moved;
      if (*moved < wanted) break;
    }
    return done;
  }

  const Ref<MemoryMap> memory_;
};

}  // namespace

LinuxResult<Ref<File>> open_process_memory(const ProcSubject& subject, const OpenRequest& request) {
  auto process = TRY(subject.process());
  auto memory = TRY(subject.task())->memory_of_other();
  if (!may_inspect(subject.reader, *process)) return std::unexpected(Errno::Access);
  if (!memory) return std::unexpected(Errno::NoProcess);
  return TRY(runtime::make<ProcessMemoryFile>(request, std::move(memory)));
}

}  // namespace vari::linux
