// clone: a further task, in the caller's process or in a new one. All that can fail comes before the
// child is published; from then on it exists.
#include <algorithm>

#include "personalities/linux/files/file_system_context.h"
#include "personalities/linux/files/file_table.h"
#include "personalities/linux/files/pid_file.h"
#include "personalities/linux/memory/memory_map.h"
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"
#include "personalities/linux/time/process_timers.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

LinuxResult<> check(const CloneRequest& request) {
  const u64 flags = request.flags;
  const auto has = [flags](u64 flag) { return (flags & flag) != 0; };
  if (has(CloneRequest::kThread) && !has(CloneRequest::kHandlers)) return std::unexpected(Errno::Invalid);
  if (has(CloneRequest::kHandlers) && !has(CloneRequest::kMemory)) return std::unexpected(Errno::Invalid);
  if (has(CloneRequest::kHandlers) && has(CloneRequest::kClearHandlers))
    return std::unexpected(Errno::Invalid);
  if (has(CloneRequest::kFileSystem) && has(CloneRequest::kNewMounts)) return std::unexpected(Errno::Invalid);
  if (has(CloneRequest::kNamespaces)) return std::unexpected(Errno::Invalid);
  if (has(CloneRequest::kPidDescriptor) && has(CloneRequest::kThread | CloneRequest::kDetached))
    return std::unexpected(Errno::Invalid);
  if (request.exit_signal < 0 || request.exit_signal > signal::kCount) return std::unexpected(Errno::Invalid);
  return {};
}

/// The child continues where the parent is, with 0 as the call's result.
LinuxResult<> copy_registers(Task& parent, Context& child, const CloneRequest& request) {
  auto& to = child.registers();
  to = parent.context().all_registers();  // with the segment bases
  to.rax = 0;
  if (TaskInternals::trace(parent).stepping)
    to.rflags &= ~Trace::kTrapFlag;  // the tracer's, not the program's
  if (request.stack) to.rsp = request.stack;
  if (request.flags & CloneRequest::kSetTls) {
    if (request.tls >= Domain::kUserEnd.value) return std::unexpected(Errno::Perm);
    to.fs_base = request.tls;
  }
  const std::size_t bytes = parent.context().vector_state_bytes();
  auto* state = static_cast<u8*>(runtime::allocate(bytes));
  if (!state) return std::unexpected(Errno::NoMemory);
  parent.context().save_vector_state({state, bytes});
  const auto done = child.restore_vector_state({state, bytes});
  runtime::free(state, bytes);
  TRY(done);
  return {};
}

/// As which a tracer knows it.
u32 event_of(const CloneRequest& request) {
  if (request.flags & CloneRequest::kVfork) return trace_event::kVfork;
  return request.exit_signal == signal::kChild ? trace_event::kFork : trace_event::kClone;
}

u32 tasks_of_user(ProcessTable& table, u32 user) {
  u32 count = 0;
  for (i32 at = 0;;) {
    const auto process = table.next(at);
    if (!process) return count;
    at = process->id();
    if (process->identity().user == user) count += process->task_count();
  }
}

}  // namespace

LinuxResult<> TaskInternals::unshare_files(Task& task) {
  if (task.files_->references() == 1) return {};
  auto own = TRY(task.files_->clone());
  Guard<SpinLock> guard(task.process_->lock_);
  std::swap(task.files_, own);
  return {};
}

void TaskInternals::inherit_filter_locked(const Task& parent, Task& child) {
  child.no_new_privileges_ = has_no_new_privileges(parent);
  child.filter_mode_ = parent.filter_mode_;
  child.filter_ = parent.filter_;
  child.judge_ = parent.judge_;
  child.filtered_calls_ = parent.filtered_calls_;
  choose_calls_locked(child);
}

LinuxResult<> TaskInternals::share_or_copy(Task& parent, Task& child, const CloneRequest& request) {
  const auto has = [&](u64 flag) { return (request.flags & flag) != 0; };
  child.memory_ = has(CloneRequest::kMemory) ? parent.memory_ : TRY(parent.memory_->clone());
  child.files_ = has(CloneRequest::kFiles) ? parent.files_ : TRY(parent.files_->clone());
  child.file_system_ =
      has(CloneRequest::kFileSystem) ? parent.file_system_ : TRY(parent.file_system_->clone());
  child.credentials_ = parent.credentials_;
  {
    Guard<SpinLock> guard(parent.process_->lock_);
    inherit_filter_locked(parent, child);
  }
  child.scheduling_ = scheduling(parent).inherited();
  child.blocked_ = parent.blocked_;
  if (!has(CloneRequest::kMemory) || has(CloneRequest::kVfork))
    child.alternate_stack_ = parent.alternate_stack_;
  if (has(CloneRequest::kChildSetTid)) child.set_child_tid_ = request.child_tid;
  if (has(CloneRequest::kChildClearTid)) child.clear_child_tid_ = request.child_tid;
  __builtin_memcpy(child.name_, parent.name_, sizeof child.name_);
  child.start_ns_ = parent.personality_.place().monotonic_ns();
  return {};
}

LinuxResult<Ref<Process>> TaskInternals::process_for_child(Task& parent, const CloneRequest& request) {
  auto& from = *parent.process_;
  if (request.flags & CloneRequest::kThread) return parent.process_;
  Ref<SignalHandlers> handlers = from.handlers_;
  if (!(request.flags & CloneRequest::kHandlers)) {
    handlers = TRY(runtime::make<SignalHandlers>());
    handlers->copy_from(*from.handlers_);
    if (request.flags & CloneRequest::kClearHandlers) handlers->reset_for_exec();  // ignored ones stay so
  }
  auto process = TRY(runtime::make<Process>(parent.personality_, std::move(handlers)));
  process->limits_[Resource::CpuSeconds] = from.limit(Resource::CpuSeconds);
  const auto& processor_time = process->limits_[Resource::CpuSeconds];
  if (processor_time.soft != kUnlimited || processor_time.hard != kUnlimited)
    TRY(make_timers(*process)).get().watch_limit();
  Guard<SpinLock> guard(from.lock_);
  process->limits_ = from.limits_;
  process->nice_ = parent.scheduling_.reset_on_fork ? std::max(from.nice_, 0) : from.nice_;
  process->settings_ = from.settings_;
  process->executable_ = from.executable_;
  return process;
}

LinuxResult<i32> TaskInternals::clone(Task& parent, const CloneRequest& request) {
  TRY(check(request));
  auto& personality = parent.personality_;
  if (personality.memory_is_short()) return std::unexpected(Errno::NoMemory);
  const auto limit = parent.process_->soft_limit(Resource::Processes);
  if (limit != kUnlimited && parent.identity().user != 0 && !parent.may(Capability::Resources) &&
      !parent.may(Capability::Administration) &&
      tasks_of_user(personality.processes(), parent.identity().user) >= limit)
    return std::unexpected(Errno::Again);

  auto process = TRY(process_for_child(parent, request));
  auto child = TRY(runtime::make<Task>(personality, process));
  TRY(share_or_copy(parent, *child, request));
  child->context_ = TRY(personality.place().create_context(child->memory_->domain()));
  child->registers_ = &child->context_->registers();
  child->facts_.set_identity(child->identity());
  child->context_->set_fact_calls(child->facts_.calls());
  TRY(copy_registers(parent, *child->context_, request));

  VforkCompletion completion;
  if (request.flags & CloneRequest::kVfork) child->vfork_ = &completion;
  auto* process_parent = (request.flags & CloneRequest::kParent) ? nullptr : parent.process_.get();
  const i32 descriptor = TRY(add_pid_file(parent, *process, request));
  const auto published = publish(*child, &parent, process_parent, request);
  if (!published.has_value()) {
    if (descriptor >= 0) (void)parent.files_->close(descriptor);
    return std::unexpected(published.error());
  }
  const i32 id = *published;
  if (child->filter_mode_ != FilterMode::Off) stop_fact_calls(*child);
  const u32 event = event_of(request);
  inherit_tracer(parent, *child, event, request.flags);
  // Written before the child runs, so that it finds its own number there if memory is shared.
  if (request.flags & CloneRequest::kParentSetTid) (void)parent.user().write(request.parent_tid, id);
  if (const auto started = start_thread(
          *child, [](void* task) { static_cast<Task*>(task)->live(); }, &parent);
      !started.has_value()) {
    unpublish(*child);
    if (descriptor >= 0) (void)parent.files_->close(descriptor);
    return std::unexpected(Errno::Again);
  }
  const bool told = !(request.flags & CloneRequest::kUntraced);
  if (told && wants_event(parent, event)) stop_at_event(parent, event, static_cast<u64>(id));
  if (request.flags & CloneRequest::kVfork) await_vfork(parent, completion);
  if (told && (request.flags & CloneRequest::kVfork) && wants_event(parent, trace_event::kVforkDone))
    stop_at_event(parent, trace_event::kVforkDone, static_cast<u64>(id));
  return id;
}

/// CLONE_PIDFD: the descriptor, whose number is with the caller before the child runs; -1: none was asked
/// for.
LinuxResult<i32> TaskInternals::add_pid_file(Task& parent, Process& child, const CloneRequest& request) {
  if (!(request.flags & CloneRequest::kPidDescriptor)) return -1;
  auto file = TRY(PidFile::create(parent, child, 0));
  const auto number = static_cast<i32>(
      TRY(parent.files_->add(std::move(file), true, parent.process_->soft_limit(Resource::OpenFiles))));
  if (const auto told = parent.user().write(request.pid_descriptor, number); !told.has_value()) {
    (void)parent.files_->close(number);
    return std::unexpected(told.error());
  }
  return number;
}

/// Only death ends this wait before the child lets go: it may be using this task's stack.
void TaskInternals::await_vfork(Task& parent, VforkCompletion& completion) {
  while (!completion.done()) {
    const auto waited = completion.queue().wait_until([&] { return completion.done(); }, kForever,
                                                      runtime::Cancellation::Respect);
    if (waited.has_value() || !fatal_signal_pending(parent)) continue;
    // Killed. The child must not touch the completion any more: it takes the pointer under the lock.
    if (detach_vfork(parent, completion)) return;
  }
  // The completer may still be inside wake_all(): it holds the table's lock around that.
  Guard<SpinLock> guard(parent.personality_.processes().lock_);
}

void TaskInternals::complete_vfork(Task& task) {
  Guard<SpinLock> guard(task.personality_.processes().lock_);
  if (auto* completion = std::exchange(task.vfork_, nullptr)) completion->complete();
}

bool TaskInternals::detach_vfork(Task& parent, VforkCompletion& completion) {
  auto& table = parent.personality_.processes();
  Guard<SpinLock> guard(table.lock_);
  if (completion.done()) return false;
  for (auto& task : table.tasks_) {
    if (task.vfork_ == &completion) task.vfork_ = nullptr;
  }
  return true;
}

LinuxResult<Ref<Task>> TaskInternals::create_bare(Personality& personality, std::string_view name) {
  auto handlers = TRY(runtime::make<SignalHandlers>());
  auto process = TRY(runtime::make<Process>(personality, std::move(handlers)));
  auto task = TRY(runtime::make<Task>(personality, process));
  task->credentials_ = TRY(runtime::make<Credentials>());
  task->start_ns_ = personality.place().monotonic_ns();
  task->set_name(name);
  return task;
}

LinuxResult<i32> TaskInternals::publish(Task& task, Task* creator, Process* parent,
                                        const CloneRequest& request) {
  auto& table = task.personality_.processes();
  auto& process = *task.process_;
  const bool thread = (request.flags & CloneRequest::kThread) != 0;
  Ref<ProcessGroup> released;
  Guard<SpinLock> guard(table.lock_);
  // A signal that was sent to the whole group must not miss the child: the creator acts upon it first.
  if (creator && signal_pending(*creator)) return std::unexpected(Errno::RestartAlways);
  const i32 id = TRY(table.unused_id());
  task.id_ = id;
  if (!thread) {
    process.id_ = id;
    if (creator && !parent) parent = creator->process_->parent_;
    set_parent_locked(process, parent);
    process.exit_signal_ = request.exit_signal;
    if (parent) {
      set_group_locked(table, process, creator ? creator->process_->group_ : parent->group_, released);
      parent->children_.push_back(process);
    }
    process.acquire();  // the table's reference
    table.processes_.insert(process);
    __atomic_add_fetch(&table.processes_count_, 1, __ATOMIC_RELAXED);
  }
  task.acquire();  // the task's own, released by end()
  table.tasks_.insert(task);
  __atomic_add_fetch(&table.tasks_count_, 1, __ATOMIC_RELAXED);
  __atomic_add_fetch(&table.forks_, 1, __ATOMIC_RELAXED);
  Guard<SpinLock> process_guard(process.lock_);
  process.tasks_.push_back(task);
  // Again, for all threads may have been given a filter meanwhile.
  if (creator && thread) inherit_filter_locked(*creator, task);
  Facts::set(task.facts_.process, process.id_);
  Facts::set(task.facts_.task, id);
  Facts::set(task.facts_.parent, process.parent_id());
  ++process.task_count_;
  if (process.exiting_ || process.executing_) task.set_attention(Task::kKilled);
  if (process.stop_signal_) task.set_attention(Task::kStop);
  return id;
}

/// Takes a child back that could not be given a thread. It never ran.
void TaskInternals::unpublish(Task& task) {
  auto& table = task.personality_.processes();
  auto& process = *task.process_;
  Ref<ProcessGroup> group;
  Ref<Process> dead;
  Ref<Task> record;
  {
    Guard<SpinLock> guard(table.lock_);
    if (task.trace_.tracer) record = unlink_tracer_locked(task, 0);
    table.tasks_.erase(table.tasks_.iterator_to(task));
    __atomic_sub_fetch(&table.tasks_count_, 1, __ATOMIC_RELAXED);
    bool last = false;
    {
      Guard<SpinLock> process_guard(process.lock_);
      process.tasks_.erase(process.tasks_.iterator_to(task));
      last = --process.task_count_ == 0;
    }
    if (last) dead = unlink_locked(table, process, group);
  }
  task.release();
}

LinuxResult<> TaskInternals::start_thread(Task& task, runtime::Thread::Entry entry, Task* creator) {
  __atomic_add_fetch(&task.personality_.threads_, 1, __ATOMIC_SEQ_CST);
  // The thread may run, and end, before start() returns: it finds its Thread by itself in adopt_thread().
  runtime::ThreadOptions options{.name = "task", .personality = &task};
  options.priority = task.scheduling_.level(task.process_->nice());
  if (creator) options.affinity = affinity(*creator);
  auto thread = runtime::Thread::start(entry, &task, options);
  if (!thread.has_value()) {
    __atomic_sub_fetch(&task.personality_.threads_, 1, __ATOMIC_SEQ_CST);
    return std::unexpected(Errno::Again);
  }
  return {};
}

/// First act of a task's thread: from now on signals can reach it.
void TaskInternals::adopt_thread(Task& task) {
  Guard<SpinLock> guard(task.process_->lock_);
  task.thread_ = Ref<runtime::Thread>(runtime::Thread::current());
}

}  // namespace vari::linux
