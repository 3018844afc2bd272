// Job control: process groups, sessions, and a session's controlling terminal. A terminal knows nothing
// of processes: it asks the functions below and obeys. All membership is guarded by the lock of the
// ProcessTable; the functions take it themselves.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "base/annotations.h"
#include "base/types.h"
#include "personalities/linux/errno.h"
#include "runtime/memory.h"

namespace vari::linux {

class Personality;
class Process;
class ProcessTable;
class Session;
class Task;
struct TaskInternals;

/// What a terminal must offer to control a session. The terminal layer's class derives from it.
class ControllingTerminal : public runtime::Managed {
 public:
  /// major << 8 | minor, for /proc/PID/stat.
  virtual u32 device_number() const = 0;
  /// The leader of the session that it controlled has exited. Called without locks; must not fail.
  virtual void session_ended() {}
  /// vhangup(2): files that are open now read nothing and can't write, and the session is told. No locks
  /// held.
  virtual void hang_up() = 0;

 private:
  friend class JobControl;
  friend struct TaskInternals;
  Session* session_ = nullptr;  // guarded by the process table's lock
};

/// What a group keeps of each member; Process derives from it.
struct GroupMember {
  boost::intrusive::list_member_hook<> group_hook;
};
using GroupMembers =
    boost::intrusive::list<GroupMember,
                           boost::intrusive::member_hook<GroupMember, boost::intrusive::list_member_hook<>,
                                                         &GroupMember::group_hook>,
                           boost::intrusive::constant_time_size<false>>;

/// A process group: alive as long as it has a member.
class ProcessGroup final : public runtime::Managed {
 public:
  ProcessGroup(i32 id, Ref<Session> session) : id_(id), session_(std::move(session)) {}
  i32 id() const { return id_; }
  Session& session() const { return *session_; }

 private:
  friend class JobControl;
  friend class ProcessTable;
  friend struct TaskInternals;
  const i32 id_;
  Ref<Session> session_;
  GroupMembers members_;
  boost::intrusive::set_member_hook<> hook_;

 public:
  using Hook =
      boost::intrusive::member_hook<ProcessGroup, boost::intrusive::set_member_hook<>, &ProcessGroup::hook_>;
};

/// A session: alive as long as one of its groups is.
class Session final : public runtime::Managed {
 public:
  explicit Session(i32 id) : id_(id) {}
  i32 id() const { return id_; }

 private:
  friend class JobControl;
  friend class ProcessTable;
  friend struct TaskInternals;
  const i32 id_;
  u32 groups_ = 0;
  Ref<ControllingTerminal> terminal_;
  i32 foreground_group_ = 0;
  boost::intrusive::set_member_hook<> hook_;

 public:
  using Hook = boost::intrusive::member_hook<Session, boost::intrusive::set_member_hook<>, &Session::hook_>;
};

/// The questions and commands of terminals and of the calls setsid, setpgid….
class JobControl {
 public:
  // For terminals.

  /// TIOCSCTTY: the caller must lead a session without a terminal; `steal` takes it from another
  /// session (needs root). Perm otherwise.
  static LinuxResult<> acquire_terminal(Task& caller, ControllingTerminal& terminal, bool steal);
  /// open() without O_NOCTTY: acquires it if the caller may, else does nothing.
  static void acquire_terminal_on_open(Task& caller, ControllingTerminal& terminal);
  /// TIOCNOTTY: a leader's whole session loses it, with SIGHUP and SIGCONT to the foreground group.
  static LinuxResult<> give_up_terminal(Task& caller, ControllingTerminal& terminal);
  /// The caller's controlling terminal, for /dev/tty; empty where there is none.
  static Ref<ControllingTerminal> controlling_terminal(Task& caller);
  /// TIOCGPGRP, TIOCSPGRP, TIOCGSID. NotTerminal if it is not the caller's controlling terminal.
  static LinuxResult<i32> foreground_group(Task& caller, ControllingTerminal& terminal);
  static LinuxResult<> set_foreground_group(Task& caller, ControllingTerminal& terminal, i32 group);
  static LinuxResult<i32> session_id(Task& caller, ControllingTerminal& terminal);

  /// Call before a read (signal SIGTTIN), and before a write with TOSTOP or a change of the settings
  /// (SIGTTOU). Success: go on. Io: give up (orphaned group, or SIGTTIN blocked or ignored).
  /// RestartIfHandlerSays: the group was signalled.
  static LinuxResult<> check_background(Task& caller, ControllingTerminal& terminal, int number);
  /// To the foreground group of the session that the terminal controls: ^C, ^Z, SIGWINCH. Any thread.
  static void signal_foreground(Personality& personality, ControllingTerminal& terminal, int number);
  /// The line is gone: SIGHUP and SIGCONT to the session's leader; the session loses its terminal.
  static void hang_up(Personality& personality, ControllingTerminal& terminal);

  // For the process calls.

  static LinuxResult<i32> set_session(Task& caller);
  static LinuxResult<> set_group(Task& caller, i32 pid, i32 group);
  static LinuxResult<i32> group_of(Task& caller, i32 pid);
  static LinuxResult<i32> session_of(Task& caller, i32 pid);
  /// Under the table's lock: a leader is exiting; its session loses the terminal, which the caller
  /// tells (session_ended) and releases without the lock. The foreground group gets SIGHUP.
  [[nodiscard]] static Ref<ControllingTerminal> leader_exits_locked(ProcessTable& table, Process& leader)
      NO_THREAD_SAFETY_ANALYSIS;
  [[nodiscard]] static Ref<ControllingTerminal> take_terminal_locked(ProcessTable& table, Session& session)
      NO_THREAD_SAFETY_ANALYSIS;
  /// For /proc/PID/stat: the terminal's device number and foreground group. Under the table's lock.
  static void describe_locked(const Session& session, u32& terminal, i32& foreground);
};

}  // namespace vari::linux
