// Sending signals. Senders never allocate for the classic signals, so an exit, a terminal's input thread
// or a timer can always send one; real-time signals with their own value need a queue entry.
#pragma once

#include "personalities/linux/errno.h"
#include "personalities/linux/signals/signal.h"

namespace vari::linux {

class Personality;
class Process;
class Task;

/// To the process: any of its threads that does not block it gets it. Ignored signals vanish. Any thread.
void send_signal(Process& target, const SignalInfo& info);
/// To one thread (tgkill, faults, SIGPIPE).
void send_signal(Task& target, const SignalInfo& info);
/// As the two above for a real-time signal that must be queued: Again when the target has too many.
LinuxResult<> queue_signal(Process& target, const SignalInfo& info);
LinuxResult<> queue_signal(Task& target, const SignalInfo& info);
/// A fault of the calling task's own doing: can't be blocked or ignored; then it kills.
void force_signal(Task& current, const SignalInfo& info);

/// To each process of a group: how many there were. Atomic against fork: no member escapes.
u32 signal_group(Personality& personality, i32 group_id, const SignalInfo& info);

/// SIGPIPE to the calling thread, before a write returns Errno::Pipe.
void raise_pipe_signal(Task& current);
/// A signal is waiting that the calling task will act upon before it returns to user code.
bool signal_pending(const Task& current);
/// The calling task has been killed: long loops in the kernel should end (with any error).
bool fatal_signal_pending(const Task& current);
/// True if the calling task blocks or ignores the signal.
bool is_blocked_or_ignored(const Task& current, int number);

/// For ppoll, pselect and epoll_pwait: another mask until the call is over. The old one returns by itself
/// on the way to user code, after a handler has run or where none did.
void replace_mask_until_return(Task& current, SignalSet mask);

}  // namespace vari::linux
