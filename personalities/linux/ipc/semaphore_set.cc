// See semaphore_set.h.
#include "personalities/linux/ipc/semaphore_set.h"

#include <algorithm>

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"

namespace vari::linux::ipc {

using runtime::Guard;
using runtime::SpinLock;

LinuxResult<Ref<SemaphoreSet>> SemaphoreSet::create(const Identity& creator, i32 key, u32 mode, u32 count) {
  auto made = TRY(runtime::make<SemaphoreSet>(creator, key, mode, count));
  auto* memory = static_cast<Semaphore*>(runtime::allocate(count * sizeof(Semaphore)));
  if (!memory) return std::unexpected(Errno::NoMemory);
  std::fill_n(memory, count, Semaphore{});
  Guard<SpinLock> guard(made->lock_);
  made->semaphores_ = memory;
  return made;
}

/// Nobody knows it any more; the lock is for the analysis.
SemaphoreSet::~SemaphoreSet() {
  Guard<SpinLock> guard(lock_);
  while (!undos_.empty()) {
    auto* undo = &undos_.front();
    undos_.pop_front();
    runtime::free(undo->changes, count_ * sizeof(i32));
    delete undo;
  }
  if (semaphores_) runtime::free(semaphores_, count_ * sizeof(Semaphore));
}

/// All or nothing: what was done before an operation that can't be is taken back.
SemaphoreSet::Attempt SemaphoreSet::attempt(const Process& process,
                                            std::span<const SemaphoreOperation> operations, Undo* undo,
                                            Blocked& blocked) {
  if (removed()) return Attempt::Removed;
  auto result = Attempt::Done;
  std::size_t done = 0;
  for (; done < operations.size(); ++done) {
    const auto& operation = operations[done];
    auto& semaphore = semaphores_[operation.number];
    const i32 value = semaphore.value + operation.change;
    const bool waits = operation.change == 0 ? semaphore.value != 0 : value < 0;
    if (waits) {
      blocked = {operation.number, operation.change == 0,
                 (operation.flags & SemaphoreOperation::kNoWaitFlag) != 0};
      result = Attempt::MustWait;
      break;
    }
    if (value > kMostValue) {
      result = Attempt::OutOfRange;
      break;
    }
    semaphore.value = value;
    if (undo && (operation.flags & SemaphoreOperation::kUndoFlag))
      undo->changes[operation.number] -= operation.change;
  }
  if (result == Attempt::Done) {
    for (const auto& operation : operations) semaphores_[operation.number].last_process = process.id();
    return result;
  }
  while (done-- > 0) {
    const auto& operation = operations[done];
    semaphores_[operation.number].value -= operation.change;
    if (undo && (operation.flags & SemaphoreOperation::kUndoFlag))
      undo->changes[operation.number] += operation.change;
  }
  return result;
}

SemaphoreSet::Undo* SemaphoreSet::find_undo(const Process& process) {
  for (auto& undo : undos_) {
    if (undo.owner == &process) return &undo;
  }
  return nullptr;
}

/// The list of adjustments is there before it is needed.
LinuxResult<> SemaphoreSet::prepare_undo(const Process& process) {
  {
    Guard<SpinLock> guard(lock_);
    if (find_undo(process)) return {};
  }
  runtime::Owner<Undo> made(new (runtime::kFallible) Undo);
  if (!made) return std::unexpected(Errno::NoMemory);
  made->owner = &process;
  made->changes = static_cast<i32*>(runtime::allocate(count_ * sizeof(i32)));
  if (!made->changes) return std::unexpected(Errno::NoMemory);
  std::fill_n(made->changes, count_, 0);
  Guard<SpinLock> guard(lock_);
  if (find_undo(process)) {  // another thread of the process was faster
    runtime::free(made->changes, count_ * sizeof(i32));
    return {};
  }
  undos_.push_back(*made.leak());
  __atomic_add_fetch(&undos_count_, 1, __ATOMIC_RELAXED);
  return {};
}

void SemaphoreSet::count_waiter(const Blocked& blocked, i32 by) {
  Guard<SpinLock> guard(lock_);
  auto& semaphore = semaphores_[blocked.number];
  (blocked.for_zero ? semaphore.waiting_for_zero : semaphore.waiting_for_more) += static_cast<u32>(by);
}

LinuxResult<> SemaphoreSet::operate(Task& task, std::span<const SemaphoreOperation> operations,
                                    Nanoseconds deadline) {
  auto& process = task.process();
  const i64 now = static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
  const auto wants_undo = [](const auto& each) { return (each.flags & SemaphoreOperation::kUndoFlag) != 0; };
  const bool undoes = std::ranges::any_of(operations, wants_undo);
  if (undoes) TRY(prepare_undo(process));
  Blocked blocked;
  auto result = Attempt::MustWait;
  const auto attempt_now = [&] {
    Guard<SpinLock> guard(lock_);
    result = attempt(process, operations, undoes ? find_undo(process) : nullptr, blocked);
    if (result == Attempt::Done) operated_at_ = now;
    return result != Attempt::MustWait || blocked.no_wait;
  };
  if (!attempt_now()) {
    const Blocked first = blocked;
    count_waiter(first, 1);
    const auto waited = changed_.wait_until(attempt_now, deadline, runtime::Cancellation::Respect);
    if (!removed()) count_waiter(first, -1);
    if (!waited.has_value())
      return std::unexpected(waited.error() == Error::TimedOut ? Errno::Again : Errno::Interrupted);
  }
  switch (result) {
    case Attempt::Done: break;
    case Attempt::MustWait: return std::unexpected(Errno::Again);
    case Attempt::OutOfRange: return std::unexpected(Errno::Range);
    case Attempt::Removed: return std::unexpected(Errno::IdRemoved);
  }
  changed_.wake_all();
  return {};
}

SemaphoreSet::Semaphore SemaphoreSet::get(u32 number) {
  Guard<SpinLock> guard(lock_);
  return semaphores_[number];
}

void SemaphoreSet::set(Task& task, u32 first, std::span<const u16> values) {
  {
    Guard<SpinLock> guard(lock_);
    for (u32 i = 0; i < values.size(); ++i) {
      semaphores_[first + i].value = values[i];
      semaphores_[first + i].last_process = task.process().id();
      for (auto& undo : undos_) undo.changes[first + i] = 0;
    }
    changed_at_ = static_cast<i64>(task.personality().place().realtime_ns() / kSecond);
  }
  changed_.wake_all();
}

i64 SemaphoreSet::operated_at() {
  Guard<SpinLock> guard(lock_);
  return operated_at_;
}
i64 SemaphoreSet::changed_at() {
  Guard<SpinLock> guard(lock_);
  return changed_at_;
}
void SemaphoreSet::changed(i64 now) {
  Guard<SpinLock> guard(lock_);
  changed_at_ = now;
}

void SemaphoreSet::undo(Process& process) {
  Undo* found = nullptr;
  {
    Guard<SpinLock> guard(lock_);
    found = find_undo(process);
    if (!found) return;
    undos_.erase(undos_.iterator_to(*found));
    __atomic_sub_fetch(&undos_count_, 1, __ATOMIC_RELAXED);
    for (u32 i = 0; i < count_; ++i) {
      if (found->changes[i] == 0) continue;
      auto& semaphore = semaphores_[i];
      semaphore.value = std::clamp(semaphore.value + found->changes[i], 0, kMostValue);
      semaphore.last_process = process.id();
    }
  }
  runtime::free(found->changes, count_ * sizeof(i32));
  delete found;
  changed_.wake_all();
}

}  // namespace vari::linux::ipc
