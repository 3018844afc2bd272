// System V semaphores (semop(2)): a set of counters, changed several at once, all or none; what a process did
// with SEM_UNDO is undone when it ends.
#pragma once

#include <boost/intrusive/list.hpp>
#include <span>

#include "personalities/linux/ipc/ipc_object.h"
#include "runtime/wait.h"

namespace vari::linux {
class Process;
}

namespace vari::linux::ipc {

/// struct sembuf.
struct SemaphoreOperation {
  static constexpr i16 kNoWaitFlag = 04000, kUndoFlag = 0x1000;
  u16 number;
  i16 change;
  i16 flags;
};
static_assert(sizeof(SemaphoreOperation) == 6);

class SemaphoreSet final : public Object {
 public:
  static constexpr u32 kMostSemaphores = 32000, kMostOperations = 500;
  static constexpr i32 kMostValue = 32767;

  static LinuxResult<Ref<SemaphoreSet>> create(const Identity& creator, i32 key, u32 mode, u32 count);
  SemaphoreSet(const Identity& creator, i32 key, u32 mode, u32 count)
      : Object(creator, key, mode), count_(count) {}

  u32 count() const { return count_; }
  /// Waits until all operations can be done, and does them. Again, TimedOut as Again, IdRemoved, Range,
  /// Interrupted.
  LinuxResult<> operate(Task& task, std::span<const SemaphoreOperation> operations, Nanoseconds deadline);
  struct Semaphore {
    i32 value = 0;
    i32 last_process = 0;
    u32 waiting_for_more = 0, waiting_for_zero = 0;
  };
  Semaphore get(u32 number);
  /// SETVAL, SETALL: the adjustments that others remember for them are forgotten.
  void set(Task& task, u32 first, std::span<const u16> values);
  i64 operated_at();
  i64 changed_at();
  void changed(i64 now);
  void end() { changed_.wake_all(); }
  /// The process ends: what it asked to have undone is.
  void undo(Process& process);
  bool has_undo() const { return __atomic_load_n(&undos_count_, __ATOMIC_RELAXED) != 0; }

 private:
  ~SemaphoreSet() override;
  struct Undo : runtime::Allocated {
    const Process* owner = nullptr;  // never followed
    i32* changes = nullptr;
    boost::intrusive::list_member_hook<> hook;
  };
  using Undos = boost::intrusive::list<
      Undo, boost::intrusive::member_hook<Undo, boost::intrusive::list_member_hook<>, &Undo::hook>>;
  enum class Attempt : u8 { Done, MustWait, OutOfRange, Removed };
  struct Blocked {
    u32 number = 0;
    bool for_zero = false;
    bool no_wait = false;
  };
  Attempt attempt(const Process& process, std::span<const SemaphoreOperation> operations, Undo* undo,
                  Blocked& blocked) REQUIRES(lock_);
  LinuxResult<> prepare_undo(const Process& process);
  Undo* find_undo(const Process& process) REQUIRES(lock_);
  void count_waiter(const Blocked& blocked, i32 by);

  const u32 count_;
  runtime::SpinLock lock_;
  Semaphore* semaphores_ GUARDED_BY(lock_) = nullptr;
  Undos undos_ GUARDED_BY(lock_);
  u32 undos_count_ = 0;  // atomic
  i64 operated_at_ GUARDED_BY(lock_) = 0;
  i64 changed_at_ GUARDED_BY(lock_) = 0;
  runtime::WaitQueue changed_;
};

}  // namespace vari::linux::ipc
