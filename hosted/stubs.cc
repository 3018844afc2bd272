// The slots, the processes' making and keeping. What a process does: stub_process.cc.
#include "hosted/stubs.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "hosted/host_futex.h"

extern "C" const char vari_stub_image[], vari_stub_image_end[];

namespace vari::hosted {
namespace {

/// A memory file with a number that no stub's descriptor has.
int memory_file(const char* name) {
  const int low = ::memfd_create(name, MFD_CLOEXEC);
  const int high = low < 0 ? -1 : ::fcntl(low, F_DUPFD_CLOEXEC, 10);
  if (low >= 0) ::close(low);
  return high;
}

}  // namespace

Stubs::~Stubs() {
  __atomic_store_n(&stopping_, true, __ATOMIC_SEQ_CST);
  {
    runtime::Guard guard(lock_);
    for (const StubProcess* process = processes_; process; process = process->next_)
      if (!process->reaped_) ::kill(static_cast<pid_t>(process->id_), SIGKILL);
  }
  if (reaping_) ::pthread_join(reaper_, nullptr);
  for (StubProcess* process = processes_; process;) delete std::exchange(process, process->next_);
  if (records_) runtime::free(records_, sizeof(Record) * kSlotCount);
  if (storage_) runtime::free(storage_, HierarchicalBitmap::words_for(kSlotCount) * sizeof(u64));
  if (shared_) ::munmap(shared_, kSlotBytes * kSlotCount);
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<> Stubs::start() {
  constexpr unsigned long kFsGsBase = 2;  // HWCAP2
  has_fs_gs_instructions_ = (::getauxval(AT_HWCAP2) & kFsGsBase) != 0;
  descriptor_ = memory_file("vari-slots");
  constexpr u64 kBytes = kSlotBytes * kSlotCount;
  if (descriptor_ < 0 || ::ftruncate(descriptor_, kBytes) != 0) return std::unexpected(Error::OutOfMemory);
  void* mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor_, 0);
  if (mapped == MAP_FAILED) return std::unexpected(Error::OutOfMemory);
  shared_ = static_cast<u8*>(mapped);
  records_ = static_cast<Record*>(runtime::allocate(sizeof(Record) * kSlotCount));
  storage_ = static_cast<u64*>(runtime::allocate(HierarchicalBitmap::words_for(kSlotCount) * sizeof(u64)));
  if (!records_ || !storage_) return std::unexpected(Error::OutOfMemory);
  {
    runtime::Guard guard(lock_);
    free_slots_.initialise(storage_, kSlotCount);
    free_slots_.set_range(kFirstLeader, kSlotCount - kFirstLeader);
  }
  TRY(spawn_first());
  if (::pthread_create(&reaper_, nullptr, &reap, this) != 0) return std::unexpected(Error::OutOfMemory);
  reaping_ = true;
  // Only now, since it is the reaper that tells of an end.
  return first_->wait_for(slot(kFirstLeader)) ? Result<>() : std::unexpected(Error::DeviceError);
}

Result<> Stubs::spawn_first() {
  first_ = new (runtime::kFallible) StubProcess(*this, kFirstLeader);
  if (!first_) return std::unexpected(Error::OutOfMemory);
  (void)TRY(allocate_slot(first_));  // the lowest: kFirstLeader
  const int image = memory_file("vari-stub");
  const auto bytes = vari_stub_image_end - vari_stub_image;
  if (image < 0 || ::write(image, vari_stub_image, static_cast<std::size_t>(bytes)) != bytes)
    return std::unexpected(Error::OutOfMemory);
  // The stub's region must be free of the host's stack, vDSO and loader: they go where they always go.
  const int before = ::personality(0xffffffff);
  ::personality(static_cast<unsigned long>(before) | ADDR_NO_RANDOMIZE);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int i = 0; i < 3; ++i) ::posix_spawn_file_actions_addclose(&actions, i);
  ::posix_spawn_file_actions_adddup2(&actions, memory_.descriptor(), kRamDescriptor);
  ::posix_spawn_file_actions_adddup2(&actions, descriptor_, kSlotsDescriptor);
  // A session of their own: the terminal's keys are for us.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  char path[40];
  ::snprintf(path, sizeof path, "/proc/self/fd/%d", image);
  char name[] = "vari-domain";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  pid_t id = 0;
  const int error = ::posix_spawn(&id, path, &actions, &attributes, arguments, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  ::personality(static_cast<unsigned long>(before));
  ::close(image);
  if (error != 0) return std::unexpected(Error::DeviceError);
  first_->id_ = static_cast<u32>(id);
  runtime::Guard guard(lock_);
  first_->next_ = std::exchange(processes_, first_);
  return {};
}

u8* Stubs::view(const Slot& slot, u64 address, std::size_t bytes) const {
  const u64 begin = slot_address(index_of(slot)) + kPageBytes, end = begin - kPageBytes + kSlotBytes;
  if (address < begin || address > end || end - address < bytes) return nullptr;
  return shared_ + (address - kSlotsBase);
}

Result<u32> Stubs::allocate_slot(StubProcess* owner) {
  runtime::Guard guard(lock_);
  const u64 index = free_slots_.find_first();
  if (index == HierarchicalBitmap::kNone) return std::unexpected(Error::LimitReached);
  free_slots_.clear(index);
  records_[index] = {.owner = owner};
  if (index >= records_end_) records_end_ = static_cast<u32>(index) + 1;
  auto& fresh = slot(static_cast<u32>(index));
  __builtin_memset(&fresh, 0, sizeof fresh);
  return static_cast<u32>(index);
}

void Stubs::free_slot(u32 index) {
  runtime::Guard guard(lock_);
  records_[index].owner = nullptr;
  free_slots_.set(index);
}

Result<StubProcess*> Stubs::take() {
  {
    runtime::Guard guard(lock_);
    if (kept_count_ > 0) return kept_[--kept_count_];
  }
  return make_process();
}

Result<StubProcess*> Stubs::make_process() {
  const u32 leader = TRY(allocate_slot(first_));
  auto* process = new (runtime::kFallible) StubProcess(*this, leader);
  if (!process) {
    free_slot(leader);
    return std::unexpected(Error::OutOfMemory);
  }
  const Request request = {
      .kind = Request::Fork, .protection = 0, .address = 0, .bytes = 0, .offset = leader};
  Result<> made;
  {
    runtime::Guard guard(making_);
    made = first_->execute({&request, 1});
  }
  if (!made || !process->wait_for(slot(leader))) {
    delete process;
    free_slot(leader);
    return std::unexpected(Error::OutOfMemory);
  }
  process->id_ = slot(leader).process;
  runtime::Guard guard(lock_);
  records_[leader].owner = process;
  process->next_ = std::exchange(processes_, process);
  return process;
}

void Stubs::give_back(StubProcess& process) {
  constexpr Request kAll = {
      .kind = Request::Unmap, .protection = 0, .address = 0, .bytes = kStubBase, .offset = 0};
  if (!process.dead() && process.execute({&kAll, 1})) {
    runtime::Guard guard(lock_);
    if (kept_count_ < kKept) {
      kept_[kept_count_++] = &process;
      return;
    }
  }
  end(process);
}

/// Its slots are free when its threads are gone for certain: when it has been reaped.
void Stubs::end(StubProcess& process) {
  runtime::Guard guard(lock_);
  if (process.reaped_) {
    forget_locked(process);
    return;
  }
  process.ended_ = true;
  ::kill(static_cast<pid_t>(process.id_), SIGKILL);
}

void Stubs::forget_locked(StubProcess& process) {
  StubProcess** link = &processes_;
  while (*link != &process) link = &(*link)->next_;
  *link = process.next_;
  for (u32 i = kFirstLeader; i < records_end_; ++i) {
    if (records_[i].owner != &process) continue;
    records_[i].owner = nullptr;
    free_slots_.set(i);
  }
  delete &process;
}

void* Stubs::reap(void* argument) {
  auto& stubs = *static_cast<Stubs*>(argument);
  for (;;) {
    siginfo_t information;
    if (::waitid(P_ALL, 0, &information, WEXITED | __WALL) != 0) {
      if (errno == EINTR) continue;
      return nullptr;  // no children are left: all stubs have ended
    }
    stubs.on_death(static_cast<u32>(information.si_pid));
  }
}

/// A stub has ended. Where a domain did not ask for that, its contexts learn of it as of a trap.
void Stubs::on_death(u32 id) {
  runtime::Guard guard(lock_);
  StubProcess* process = processes_;
  while (process && process->id_ != id) process = process->next_;
  if (!process) return;
  if (process->ended_) return forget_locked(*process);
  process->reaped_ = true;
  __atomic_store_n(&process->dead_, true, __ATOMIC_SEQ_CST);
  for (u32 i = kFirstLeader; i < records_end_; ++i) {
    if (records_[i].owner != process) continue;
    Slot& dead = slot(i);
    __atomic_store_n(&dead.signal, kStubDied, __ATOMIC_SEQ_CST);
    __atomic_store_n(&dead.request_count, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&dead.state, kTrapped, __ATOMIC_SEQ_CST);
    host_futex_wake(dead.state);
    u32& rung = doorbell({dead.doorbell % kMaximumCpus}).rung;
    __atomic_store_n(&rung, 1, __ATOMIC_SEQ_CST);
    host_futex_wake(rung);
  }
}

}  // namespace vari::hosted
