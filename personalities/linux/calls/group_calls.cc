// Process groups and sessions; the rules are in process/job_control.cc.
#include "personalities/linux/calls/process_calls.h"
#include "personalities/linux/process/process.h"
#include "personalities/linux/process/task.h"

namespace vari::linux {

i64 call_setpgid(Task& task, const Arguments& arguments) {
  return to_return_value(
      JobControl::set_group(task, static_cast<i32>(arguments.a[0]), static_cast<i32>(arguments.a[1])));
}
i64 call_getpgrp(Task& task, const Arguments&) {
  return task.process().group_id();
}
i64 call_getpgid(Task& task, const Arguments& arguments) {
  return to_return_value(JobControl::group_of(task, static_cast<i32>(arguments.a[0])));
}
i64 call_setsid(Task& task, const Arguments&) {
  return to_return_value(JobControl::set_session(task));
}
i64 call_getsid(Task& task, const Arguments& arguments) {
  return to_return_value(JobControl::session_of(task, static_cast<i32>(arguments.a[0])));
}
i64 call_vhangup(Task& task, const Arguments&) {
  if (!task.may(Capability::TerminalSetUp)) return failure(Errno::Perm);
  if (const auto terminal = JobControl::controlling_terminal(task)) terminal->hang_up();
  return 0;
}

}  // namespace vari::linux
