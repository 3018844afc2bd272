// See job_control.h.
#include "personalities/linux/process/job_control.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

LinuxResult<> JobControl::acquire_terminal(Task& caller, ControllingTerminal& terminal, bool steal) {
  auto& table = caller.personality().processes();
  Ref<ControllingTerminal> released;
  Guard<SpinLock> guard(table.lock_);
  auto& group = *caller.process().group_;
  auto& session = group.session();
  if (session.terminal_.get() == &terminal && session.id_ == caller.process().id_) return {};
  if (session.id_ != caller.process().id_ || session.terminal_) return std::unexpected(Errno::Perm);
  if (terminal.session_) {
    if (!steal || !caller.may(Capability::Administration)) return std::unexpected(Errno::Perm);
    released = std::move(terminal.session_->terminal_);
  }
  terminal.session_ = &session;
  session.terminal_ = Ref<ControllingTerminal>(terminal);
  session.foreground_group_ = group.id();
  return {};
}

void JobControl::acquire_terminal_on_open(Task& caller, ControllingTerminal& terminal) {
  (void)acquire_terminal(caller, terminal, false);
}

LinuxResult<> JobControl::give_up_terminal(Task& caller, ControllingTerminal& terminal) {
  auto& table = caller.personality().processes();
  Ref<ControllingTerminal> released;
  Guard<SpinLock> guard(table.lock_);
  auto& session = caller.process().group_->session();
  if (session.terminal_.get() != &terminal) return std::unexpected(Errno::NotTerminal);
  // In Linux a member that does not lead only forgets it itself; here the session's members share it.
  if (session.id_ != caller.process().id_) return {};
  const auto group = table.groups_.find(session.foreground_group_);
  released = take_terminal_locked(table, session);
  if (group != table.groups_.end())
    (void)TaskInternals::signal_group_locked(*group, SignalInfo::from_kernel(signal::kContinue));
  return {};
}

Ref<ControllingTerminal> JobControl::controlling_terminal(Task& caller) {
  Guard<SpinLock> guard(caller.personality().processes().lock_);
  return caller.process().group_->session().terminal_;
}

LinuxResult<i32> JobControl::foreground_group(Task& caller, ControllingTerminal& terminal) {
  Guard<SpinLock> guard(caller.personality().processes().lock_);
  const auto& session = caller.process().group_->session();
  if (session.terminal_.get() != &terminal) return std::unexpected(Errno::NotTerminal);
  return session.foreground_group_;
}

LinuxResult<> JobControl::set_foreground_group(Task& caller, ControllingTerminal& terminal, i32 group) {
  TRY(check_background(caller, terminal, signal::kTerminalOutput));
  auto& table = caller.personality().processes();
  Guard<SpinLock> guard(table.lock_);
  auto& session = caller.process().group_->session();
  if (session.terminal_.get() != &terminal) return std::unexpected(Errno::NotTerminal);
  if (group < 0) return std::unexpected(Errno::Invalid);
  const auto found = table.groups_.find(group);
  if (found == table.groups_.end()) return std::unexpected(Errno::NoProcess);
  if (&found->session() != &session) return std::unexpected(Errno::Perm);
  session.foreground_group_ = group;
  return {};
}

LinuxResult<i32> JobControl::session_id(Task& caller, ControllingTerminal& terminal) {
  Guard<SpinLock> guard(caller.personality().processes().lock_);
  const auto& session = caller.process().group_->session();
  if (session.terminal_.get() != &terminal) return std::unexpected(Errno::NotTerminal);
  return session.id_;
}

LinuxResult<> JobControl::check_background(Task& caller, ControllingTerminal& terminal, int number) {
  auto& table = caller.personality().processes();
  Guard<SpinLock> guard(table.lock_);
  auto& group = *caller.process().group_;
  const auto& session = group.session();
  if (session.terminal_.get() != &terminal) return {};
  if (session.foreground_group_ == group.id() || session.foreground_group_ == 0) return {};
  if (is_blocked_or_ignored(caller, number)) {
    if (number == signal::kTerminalOutput) return {};
    return std::unexpected(Errno::Io);
  }
  if (TaskInternals::is_orphaned_locked(table, group, nullptr)) return std::unexpected(Errno::Io);
  (void)TaskInternals::signal_group_locked(group, SignalInfo::from_kernel(number));
  return std::unexpected(Errno::RestartIfHandlerSays);
}

void JobControl::signal_foreground(Personality& personality, ControllingTerminal& terminal, int number) {
  auto& table = personality.processes();
  Guard<SpinLock> guard(table.lock_);
  if (!terminal.session_) return;
  const auto found = table.groups_.find(terminal.session_->foreground_group_);
  if (found != table.groups_.end())
    (void)TaskInternals::signal_group_locked(*found, SignalInfo::from_kernel(number));
}

void JobControl::hang_up(Personality& personality, ControllingTerminal& terminal) {
  auto& table = personality.processes();
  Ref<ControllingTerminal> released;
  Guard<SpinLock> guard(table.lock_);
  auto* session = std::exchange(terminal.session_, nullptr);
  if (!session) return;
  released = std::move(session->terminal_);
  session->foreground_group_ = 0;
  const auto leader = table.processes_.find(session->id_);
  if (leader == table.processes_.end()) return;
  Guard<SpinLock> leader_guard(leader->lock_);
  (void)TaskInternals::deliver_locked(*leader, nullptr, SignalInfo::from_kernel(signal::kHangUp), nullptr);
  (void)TaskInternals::deliver_locked(*leader, nullptr, SignalInfo::from_kernel(signal::kContinue), nullptr);
}

Ref<ControllingTerminal> JobControl::leader_exits_locked(ProcessTable& table, Process& leader) {
  auto& session = leader.group_->session();
  if (session.id_ != leader.id_ || !session.terminal_) return {};
  return take_terminal_locked(table, session);
}

/// The foreground group gets SIGHUP.
Ref<ControllingTerminal> JobControl::take_terminal_locked(ProcessTable& table, Session& session) {
  const auto group = table.groups_.find(session.foreground_group_);
  if (group != table.groups_.end())
    (void)TaskInternals::signal_group_locked(*group, SignalInfo::from_kernel(signal::kHangUp));
  session.terminal_->session_ = nullptr;
  session.foreground_group_ = 0;
  return std::move(session.terminal_);
}

void JobControl::describe_locked(const Session& session, u32& terminal, i32& foreground) {
  if (!session.terminal_) return;
  terminal = session.terminal_->device_number();
  foreground = session.foreground_group_;
}

LinuxResult<i32> JobControl::set_session(Task& caller) {
  auto& table = caller.personality().processes();
  auto& process = caller.process();
  auto session = TRY(runtime::make<Session>(process.id_));
  auto group = TRY(runtime::make<ProcessGroup>(process.id_, session));
  Ref<ProcessGroup> released;
  Guard<SpinLock> guard(table.lock_);
  if (table.groups_.find(process.id_) != table.groups_.end()) return std::unexpected(Errno::Perm);
  table.sessions_.insert(*session);
  table.groups_.insert(*group);
  session->groups_ = 1;
  TaskInternals::set_group_locked(table, process, std::move(group), released);
  return process.id_;
}

LinuxResult<> JobControl::set_group(Task& caller, i32 pid, i32 group_id) {
  auto& table = caller.personality().processes();
  auto& own = caller.process();
  if (pid == 0) pid = own.id_;
  if (group_id == 0) group_id = pid;
  if (pid < 0 || group_id < 0) return std::unexpected(Errno::Invalid);
  // Made before the lock is taken; its session is entered once it is known.
  auto fresh = TRY(runtime::make<ProcessGroup>(group_id, Ref<Session>()));
  Ref<ProcessGroup> released;
  Guard<SpinLock> guard(table.lock_);
  const auto found = table.processes_.find(pid);
  if (found == table.processes_.end()) return std::unexpected(Errno::NoProcess);
  auto& process = *found;
  auto& session = process.group_->session();
  if (&process != &own) {
    if (process.parent_ != &own) return std::unexpected(Errno::NoProcess);
    if (&session != &own.group_->session()) return std::unexpected(Errno::Perm);
    if (process.executed_) return std::unexpected(Errno::Access);
  }
  if (session.id_ == process.id_) return std::unexpected(Errno::Perm);
  const auto existing = table.groups_.find(group_id);
  if (existing != table.groups_.end()) {
    if (&existing->session() != &session) return std::unexpected(Errno::Perm);
    if (process.group_.get() != &*existing)
      TaskInternals::set_group_locked(table, process, Ref<ProcessGroup>(*existing), released);
    return {};
  }
  if (group_id != pid) return std::unexpected(Errno::Perm);
  fresh->session_ = Ref<Session>(session);
  ++session.groups_;
  table.groups_.insert(*fresh);
  TaskInternals::set_group_locked(table, process, std::move(fresh), released);
  return {};
}

LinuxResult<i32> JobControl::group_of(Task& caller, i32 pid) {
  if (pid == 0) return caller.process().group_id();
  const auto process = caller.personality().processes().find(pid);
  if (!process) return std::unexpected(Errno::NoProcess);
  return process->group_id();
}

LinuxResult<i32> JobControl::session_of(Task& caller, i32 pid) {
  if (pid == 0) return caller.process().session_id();
  const auto process = caller.personality().processes().find(pid);
  if (!process) return std::unexpected(Errno::NoProcess);
  return process->session_id();
}

}  // namespace vari::linux
