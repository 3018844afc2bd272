// eventfd: a counter that can be waited for.
#pragma once

#include "personalities/linux/files/anonymous.h"

namespace vari::linux {

class EventFile final : public AnonymousFile {
 public:
  static constexpr u32 kSemaphore = 1;  // EFD_SEMAPHORE
  static LinuxResult<Ref<File>> create(Task& task, u32 initial, u32 flags);
  EventFile(Ref<Inode> inode, u64 initial, u32 flags);

  LinuxResult<u64> read(Task&, Transfer& to) override;
  LinuxResult<u64> write(Task&, Transfer& from) override;
  u32 poll(PollTable* table) override;
  static constexpr char kKindName[] = "anon_inode:[eventfd]";
  std::string_view kind_name() const override { return {kKindName, sizeof kKindName - 1}; }

  /// Adds one, for the kernel; nothing where no more fits. Never blocks; takes spinlocks of pollers.
  void signal();

 private:
  static constexpr u64 kMaximum = ~u64{0} - 1;
  /// Adds if that fits now, and wakes readers.
  bool try_add(u64 added);
  u64 value() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }

  const bool semaphore_;
  u64 value_;  // atomic
  runtime::WaitQueue readers_, writers_;
  PollQueue poll_queue_;
};

}  // namespace vari::linux
