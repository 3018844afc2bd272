// Init: a process without a program, whose one thread starts the first program, reaps whatever has no
// parent any more, and shuts the system down where a signal asks for that (shutdown.cc).
#include "personalities/linux/process/init.h"

#include "personalities/linux/files/dentry.h"
#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/host_stream_file.h"
#include "personalities/linux/files/vfs.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/terminal/pty.h"
#include "personalities/linux/terminal/terminal.h"
#include "personalities/linux/terminal/terminals.h"
#include "personalities/linux/text.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr i32 kNotFound = 127 << 8, kNotExecutable = 126 << 8;

LinuxResult<Ref<File>> open_stream(Task& task, ByteStream* stream, u32 flags) {
  if (stream) return make_host_stream_file(task.personality().vfs(), *stream, flags);
  return open_path(task, {}, "/dev/null", flags, 0);
}

/// Descriptors 0, 1 and 2.
LinuxResult<> open_standard_files(Task& task, const FirstProgram& program) {
  constexpr u64 kLimit = 3;
  auto& files = task.files();
  if (!program.on_console) {
    TRY(files.add(TRY(open_stream(task, program.input, File::kReadOnly)), false, kLimit));
    TRY(files.add(TRY(open_stream(task, program.output, File::kWriteOnly)), false, kLimit));
    TRY(files.add(TRY(open_stream(task, program.error, File::kWriteOnly)), false, kLimit));
    return {};
  }
  const auto console = task.personality().terminals().system_console();
  if (console) TRY(JobControl::acquire_terminal(task, *console, true));
  const auto file = TRY(open_path(task, {}, console ? "/dev/console" : "/dev/null",
                                  File::kReadWrite | File::kNoControllingTerminal, 0));
  for (u64 i = 0; i < kLimit; ++i) TRY(files.add(file, false, kLimit));
  return {};
}

}  // namespace

LinuxResult<> TaskInternals::start_init(Personality& personality) {
  auto task = TRY(create_bare(personality, "init"));
  auto session = TRY(runtime::make<Session>(1));
  auto group = TRY(runtime::make<ProcessGroup>(1, session));
  task->files_ = TRY(FileTable::create());
  task->file_system_ = TRY(FileSystemContext::create(personality.vfs().root()));
  const i32 pid = TRY(publish(*task, nullptr, nullptr, {.exit_signal = 0}));
  ASSERT(pid == 1);
  auto& table = personality.processes();
  {
    Ref<ProcessGroup> none;
    Guard<SpinLock> guard(table.lock_);
    table.init_ = task->process_.get();
    table.sessions_.insert(*session);
    table.groups_.insert(*group);
    session->groups_ = 1;
    set_group_locked(table, *task->process_, std::move(group), none);
  }
  return start_thread(*task, [](void* init) { init_main(*static_cast<Task*>(init)); });
}

void TaskInternals::init_main(Task& init) {
  adopt_thread(init);
  auto& first = *init.personality_.first_;
  if (const auto started = start_first_program(init); !started.has_value()) {
    init.personality_.log("init: no memory for the first program");
    first.observer.on_first_exit(kNotExecutable);
  }
  auto& process = *init.process_;
  const WaitRequest request{.options = WaitRequest::kExited | WaitRequest::kAll};
  const auto stopping = [&] { return __atomic_load_n(&init.personality_.stopping_, __ATOMIC_SEQ_CST); };
  while (!stopping()) {
    WaitResult result;
    bool any = false;
    int asked = 0;
    (void)process.child_events_.wait_until([&] {
      return (asked = take_shutdown(process)) || scan_children(process, request, result, any) || stopping();
    });
    if (asked) shut_down(init, asked);
    if (result.pid && result.pid == first.pid && !result.traced) first.observer.on_first_exit(result.status);
  }
  end(init);
}

void TaskInternals::stop_init(Personality& personality) {
  const auto process = personality.processes_.find(1);
  if (!process) return;
  Ref<runtime::Thread> thread;
  {
    Guard<SpinLock> guard(process->lock_);
    if (!process->tasks_.empty()) thread = process->tasks_.front().thread_;
  }
  __atomic_store_n(&personality.stopping_, true, __ATOMIC_SEQ_CST);
  process->child_events_.wake_all();
  if (thread) thread->join();
  // Tasks that have left the tables may still be releasing what they held.
  while (__atomic_load_n(&personality.threads_, __ATOMIC_SEQ_CST) != 0)
    (void)runtime::Thread::sleep_until(runtime::port::now_ns() + kMillisecond);
}

LinuxResult<> TaskInternals::start_first_program(Task& init) {
  auto& first = *init.personality_.first_;
  auto task = TRY(create_bare(init.personality_, first.image->short_name()));
  task->files_ = TRY(FileTable::create());
  task->file_system_ = TRY(init.file_system_->clone());
  first.pid = TRY(publish(*task, &init, init.process_.get(), {.exit_signal = signal::kChild}));
  if (auto started = start_thread(*task, [](void* self) { first_main(*static_cast<Task*>(self)); });
      !started.has_value()) {
    unpublish(*task);
    return started;
  }
  return {};
}

LinuxResult<> TaskInternals::prepare_first_program(Task& task) {
  TRY(JobControl::set_session(task));
  TRY(open_standard_files(task, task.personality_.first_->program));
  return execute(task, *task.personality_.first_->image);
}

void TaskInternals::first_main(Task& task) {
  adopt_thread(task);
  auto& image = task.personality_.first_->image;
  if (const auto done = prepare_first_program(task); !done.has_value()) {
    TextBuffer<256> line;
    line.add("init: cannot start ").add(image->text()).add(": error ").add(static_cast<int>(done.error()));
    task.personality_.log(line.text());
    task.personality_.first_->observer.on_start_failure(image->text(), done.error());
    begin_group_exit(*task.process_, done.error() == Errno::NoEntry ? kNotFound : kNotExecutable);
    end(task);
  }
  image = {};
  task.live();
}

}  // namespace vari::linux
