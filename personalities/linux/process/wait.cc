// wait4 and waitid: looks through the caller's children for one that has something to report.
#include "personalities/linux/personality.h"
#include "personalities/linux/process/task_internals.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

namespace {

bool matches(const WaitRequest& request, i32 pid, i32 group, int exit_signal) {
  switch (request.of) {
    case WaitRequest::Of::Any: break;
    case WaitRequest::Of::Process:
      if (pid != request.id) return false;
      break;
    case WaitRequest::Of::Group:
      if (group != request.id) return false;
      break;
  }
  if (request.options & WaitRequest::kAll) return true;
  return (exit_signal != signal::kChild) == ((request.options & WaitRequest::kClone) != 0);
}

constexpr i32 kContinuedStatus = 0xffff;
constexpr i32 stopped_status(int number) {
  return number << 8 | 0x7f;
}

}  // namespace

/// Something of this child is reported to the caller.
bool TaskInternals::report_child_locked(Process& child, const WaitRequest& request, WaitResult& result) {
  const bool keep = (request.options & WaitRequest::kNoReap) != 0;
  // Who traces its child hears of its stops as its tracer.
  const bool traced = child.traced_leader_ && child.traced_leader_->trace_.tracer == child.parent_;
  i32 status = 0;
  {
    Guard<SpinLock> guard(child.lock_);
    if (child.life_ == Process::Life::Zombie) {
      if (!(request.options & WaitRequest::kExited) || child.untold_ends_ != 0) return false;
      status = child.exit_status_;
    } else if ((request.options & WaitRequest::kStopped) && !traced && child.stopped_ &&
               !child.stop_reported_) {
      status = stopped_status(child.stop_signal_);
      if (!keep) child.stop_reported_ = true;
    } else if ((request.options & WaitRequest::kContinued) && !traced && !child.continue_reported_) {
      status = kContinuedStatus;
      if (!keep) child.continue_reported_ = true;
    } else {
      return false;
    }
    result.usage = child.usage_locked();
    const auto* credentials = child.last_credentials_.get();
    if (!child.tasks_.empty()) credentials = child.tasks_.front().credentials_.get();
    result.user = credentials ? credentials->identity().user : 0;
  }
  result.pid = child.id_;
  result.status = status;
  return true;
}

/// One look. False: nothing yet.
bool TaskInternals::scan_children(Process& parent, const WaitRequest& request, WaitResult& result,
                                  bool& any) {
  auto& table = parent.personality_.processes();
  Ref<ProcessGroup> group;
  Ref<Process> reaped;
  Leavings leavings;
  Guard<SpinLock> guard(table.lock_);
  any = false;
  WaitRequest actual = request;
  if (actual.of == WaitRequest::Of::Group && actual.id == 0) actual.id = parent.group_->id();
  for (auto& child : parent.children_) {
    if (!matches(actual, child.id_, child.group_->id(), child.exit_signal_)) continue;
    any = true;
    if (child.withheld_ || !report_child_locked(child, actual, result)) continue;
    if (child.life_ == Process::Life::Zombie && !(actual.options & WaitRequest::kNoReap)) {
      parent.children_usage_.add(result.usage);
      parent.children_usage_.add(child.children_usage_);
      result.usage.add(child.children_usage_);
      reaped = unlink_locked(table, child, group);
    }
    return true;
  }
  return scan_tracees_locked(table, parent, actual, result, any, leavings);
}

LinuxResult<WaitResult> TaskInternals::wait(Task& caller, const WaitRequest& request) {
  auto& process = *caller.process_;
  WaitResult result;
  bool any = false;
  if (request.options & WaitRequest::kNoHang) {
    if (scan_children(process, request, result, any) || any) return result;
    return std::unexpected(Errno::NoChild);
  }
  TRY(process.child_events_.wait_until([&] { return scan_children(process, request, result, any) || !any; },
                                       kForever, runtime::Cancellation::Respect));
  if (result.pid == 0) return std::unexpected(Errno::NoChild);
  return result;
}

}  // namespace vari::linux
