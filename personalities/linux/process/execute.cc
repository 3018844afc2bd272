// execve's second half: the new program is loaded; from here on the old one is given up.
#include <algorithm>

#include "personalities/linux/files/file_table.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/program_image.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

constexpr u64 kInitialFlags = 0x202;  // interrupts on

LinuxResult<Ref<Credentials>> credentials_after(const Task& task, const ProgramImage& image, bool gains) {
  Identity identity = task.identity();
  if (gains && image.set_user) identity.effective_user = image.owner_user;
  if (gains && image.set_group) identity.effective_group = image.owner_group;
  identity.saved_user = identity.file_user = identity.effective_user;
  identity.saved_group = identity.file_group = identity.effective_group;
  identity.capabilities =
      after_execution(task.identity(), identity, gains && !TaskInternals::has_no_new_privileges(task));
  return TRY(runtime::make<Credentials>(identity));
}

}  // namespace

/// Ends all other tasks of the process, and takes the leader's number.
LinuxResult<> TaskInternals::become_only_task(Task& task) {
  auto& process = *task.process_;
  {
    Guard<SpinLock> guard(process.lock_);
    // Another's exit or exec was first; it ends this task.
    if (process.exiting_ || process.executing_) return std::unexpected(Errno::Again);
    process.executing_ = &task;
    for (auto& other : process.tasks_) {
      if (&other != &task) other.alert(Task::kEnding);
    }
    process.continued_.wake_all();
  }
  (void)process.alone_.wait_until([&] {
    Guard<SpinLock> guard(process.lock_);
    return process.task_count_ == 1 || process.exiting_;
  });
  auto& table = task.personality_.processes();
  Ref<Task> old_leader;  // its tracer has nothing left to hear of it
  Guard<SpinLock> table_guard(table.lock_);
  if (process.traced_leader_ && process.traced_leader_ != &task)
    old_leader = unlink_tracer_locked(*process.traced_leader_, 0);
  if (task.trace_.tracer) process.traced_leader_ = &task;
  Guard<SpinLock> guard(process.lock_);
  process.executing_ = nullptr;
  if (process.exiting_) return std::unexpected(Errno::Again);
  if (task.id_ != process.id_) {
    table.tasks_.erase(table.tasks_.iterator_to(task));
    __atomic_store_n(&task.id_, process.id_, __ATOMIC_RELAXED);
    Facts::set(task.facts_.task, process.id_);
    table.tasks_.insert(task);
  }
  return {};
}

/// Fails only before anything has changed, or when the task is being killed.
LinuxResult<> TaskInternals::execute(Task& task, ProgramImage& image) {
  TRY(image.load(task));
  auto& process = *task.process_;
  auto credentials = TRY(credentials_after(task, image, true)),
       plain = TRY(credentials_after(task, image, false));
  Ref<SignalHandlers> handlers;
  if (process.handlers_->references() > 1) {
    handlers = TRY(runtime::make<SignalHandlers>());
    handlers->copy_from(*process.handlers_);
  }
  Ref<FileTable> files = task.files_;
  if (files->references() > 2) files = TRY(task.files_->clone());
  if (!task.context_) {
    task.context_ = TRY(task.personality_.place().create_context(image.memory->domain()));
    task.registers_ = &task.context_->registers();
    task.context_->set_fact_calls(task.facts_.calls());
  }
  const i32 old_id = task.id();
  TRY(become_only_task(task));

  release_memory_users(task);
  {
    // Order: nobody begins to trace between this look and the change. Only a tracer that may trace any may
    // see a program gain rights.
    Guard<SpinLock> table_guard(task.personality_.processes().lock_);
    if (task.trace_.tracer && !task.trace_.privileged) {
      image.set_user = image.set_group = false;
      std::swap(credentials, plain);
    }
    Guard<SpinLock> guard(process.lock_);
    std::swap(task.memory_, image.memory);
    std::swap(task.files_, files);
    std::swap(task.credentials_, credentials);
    std::swap(process.executable_, image.file);
    if (handlers) std::swap(process.handlers_, handlers);
    task.alternate_stack_ = {};
    if (image.set_user || image.set_group) task.parent_death_signal_ = 0;
    process.settings_.dumpable = !image.set_user && !image.set_group;
    process.settings_.barriers = 0;
  }
  task.facts_.set_identity(task.identity());
  task.set_name(image.short_name());
  process.handlers_->reset_for_exec();
  // timer_create(2): not kept, as interval timers are; the task is alone, so nobody makes new ones.
  if (auto* timers = TaskInternals::timers(process)) timers->posix().clear();
  {
    Guard<SpinLock> guard(task.personality_.processes().lock_);
    process.executed_ = true;
    process.exit_signal_ = signal::kChild;
  }
  task.context_->set_domain(task.memory_->domain());
  task.context_->reset_vector_state();
  auto& registers = task.context_->all_registers();
  registers = {};
  registers.rip = image.entry;
  registers.rsp = image.stack_pointer;
  registers.rflags = kInitialFlags;
  files = {};
  task.files_->close_on_exec();
  tell_of_exec(task, old_id);
  return {};  // the old memory ends with `image`
}

}  // namespace vari::linux
