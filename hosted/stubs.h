// The processes that domains live in, and the slots through which their threads are spoken to. A process is
// made by the first of them, by fork, and used again for another domain when its own has gone.
#pragma once

#include <pthread.h>

#include <span>

#include "hosted/memory.h"
#include "hosted/stub_abi.h"
#include "runtime/memory.h"
#include "runtime/spinlock.h"

namespace vari::hosted {

class Stubs;

/// One process of the host. Its functions are called by one thread at a time (its domain's lock).
class StubProcess : public runtime::Allocated {
 public:
  /// The leader carries out the requests; when this returns they have taken effect for all threads.
  /// DeviceError: not all could be carried out, or the process has died.
  Result<> execute(std::span<const Request> requests);
  /// A guest's thread, stopped at a trap. OutOfMemory.
  Result<Slot*> attach();
  /// It may serve another context.
  void detach(Slot& slot);
  bool dead() const { return __atomic_load_n(&dead_, __ATOMIC_ACQUIRE); }
  u32 id() const { return id_; }

 private:
  friend class Stubs;
  StubProcess(Stubs& stubs, u32 leader) : stubs_(stubs), leader_(leader) {}
  /// Waits until the kernel has the turn. False: the process has died.
  bool wait_for(Slot& slot);

  Stubs& stubs_;
  const u32 leader_;     // index of the leader's slot
  u32 id_ = 0;           // the host's process number
  bool dead_ = false;    // atomic; told by the reaper
  bool reaped_ = false;  // both guarded by stubs_.lock_
  bool ended_ = false;   // nobody's any longer
  u32 idle_ = 0;         // first of a chain of idle threads' slots; 0: none
  StubProcess* next_ = nullptr;
};

class Stubs {
 public:
  explicit Stubs(const HostedMemory& memory) : memory_(memory) {}
  ~Stubs();
  Stubs(const Stubs&) = delete;
  Stubs& operator=(const Stubs&) = delete;

  /// Makes the shared memory and the first process. Called by a thread that lives as long as the machine:
  /// with it, all stubs end.
  Result<> start();
  /// A process without mappings. OutOfMemory.
  Result<StubProcess*> take();
  /// Its mappings must go; it is kept for the next domain, or ended.
  void give_back(StubProcess& process);

  Slot& slot(u32 index) const { return *reinterpret_cast<Slot*>(shared_ + index * kSlotBytes); }
  u32 index_of(const Slot& slot) const {
    return static_cast<u32>((reinterpret_cast<const u8*>(&slot) - shared_) / kSlotBytes);
  }
  SharedDoorbell& doorbell(CpuId cpu) const { return reinterpret_cast<SharedDoorbell*>(shared_)[cpu.value]; }
  /// Whether user code reads and writes FS and GS base by itself on this host.
  bool has_fs_gs_instructions() const { return has_fs_gs_instructions_; }
  /// Where every guest finds the host's vDSO; 0: nowhere. After start().
  u64 vdso() const { return slot(kFirstLeader).vdso; }
  /// The kernel's view of an address inside a slot; null where it lies in another or has no room.
  u8* view(const Slot& slot, u64 address, std::size_t bytes) const;

 private:
  friend class StubProcess;
  struct Record {
    StubProcess* owner = nullptr;  // guarded by lock_: whose thread or leader it is
    u32 next_idle = 0;             // the process's own
  };
  static constexpr u32 kKept = 8;

  Result<u32> allocate_slot(StubProcess* owner) EXCLUDES(lock_);
  void free_slot(u32 index) EXCLUDES(lock_);
  Result<StubProcess*> make_process() EXCLUDES(making_);
  Result<> spawn_first();
  void end(StubProcess& process) EXCLUDES(lock_);
  void forget_locked(StubProcess& process) REQUIRES(lock_);
  void on_death(u32 id) EXCLUDES(lock_);
  static void* reap(void* stubs);

  const HostedMemory& memory_;
  int descriptor_ = -1;
  u8* shared_ = nullptr;
  Record* records_ = nullptr;
  u64* storage_ = nullptr;
  StubProcess* first_ = nullptr;  // serves no domain: the others are its copies
  pthread_t reaper_{};
  bool reaping_ = false;
  bool has_fs_gs_instructions_ = false;
  bool stopping_ = false;  // atomic

  runtime::SpinLock making_;  // the first process makes one at a time
  runtime::SpinLock lock_;
  HierarchicalBitmap free_slots_ GUARDED_BY(lock_);
  StubProcess* processes_ GUARDED_BY(lock_) = nullptr;  // all, by next_; slots' owners refer to them
  StubProcess* kept_[kKept] GUARDED_BY(lock_) = {};
  u32 kept_count_ GUARDED_BY(lock_) = 0;
  u32 records_end_ GUARDED_BY(lock_) = 0;  // slots from here on have never been used
};

}  // namespace vari::hosted
