// See process_table.h.
#include "personalities/linux/process/process_table.h"

namespace vari::linux {

using runtime::Guard;
using runtime::SpinLock;

Ref<Process> ProcessTable::find(i32 pid) {
  Guard<SpinLock> guard(lock_);
  const auto found = processes_.find(pid);
  return found == processes_.end() ? Ref<Process>() : Ref<Process>(*found);
}

Ref<Task> ProcessTable::find_task(i32 tid) {
  Guard<SpinLock> guard(lock_);
  const auto found = tasks_.find(tid);
  return found == tasks_.end() ? Ref<Task>() : Ref<Task>(*found);
}

Ref<Process> ProcessTable::next(i32 after) {
  Guard<SpinLock> guard(lock_);
  const auto found = processes_.upper_bound(after);
  return found == processes_.end() ? Ref<Process>() : Ref<Process>(*found);
}

LinuxResult<i32> ProcessTable::unused_id() {
  const auto used = [this](i32 id) REQUIRES(lock_) {
    return processes_.find(id) != processes_.end() || tasks_.find(id) != tasks_.end() ||
           groups_.find(id) != groups_.end() || sessions_.find(id) != sessions_.end();
  };
  for (i32 tries = 0; tries < maximum_; ++tries) {
    i32 id = last_id_ + 1;
    if (id >= maximum_) id = kFirstReused;
    __atomic_store_n(&last_id_, id, __ATOMIC_RELAXED);
    if (!used(id)) return id;
  }
  return std::unexpected(Errno::Again);
}

}  // namespace vari::linux
