// What a program sees as its memory: regions over a domain. The regions say what may be where; the
// domain's page table says what is there now; pages come on demand.
//
// Invariants, all under lock_: a present writable page of a private region has one holder or is about
// to be copied; every present page holds one reference of FrameReferences (frames of a program with no
// record there are its own); regions do not overlap.
#pragma once

#include <boost/intrusive/list.hpp>

#include "interfaces/place.h"
#include "personalities/linux/errno.h"
#include "personalities/linux/memory/companions.h"
#include "personalities/linux/memory/frame_references.h"
#include "personalities/linux/memory/region.h"
#include "runtime/memory.h"
#include "runtime/synchronization.h"

namespace vari::linux {

class Personality;

/// Where exec put what, for /proc/PID/cmdline, environ, stat.
struct ProgramLayout {
  u64 arguments_begin = 0, arguments_end = 0, environment_begin = 0, environment_end = 0;
  u64 code_begin = 0, code_end = 0, data_begin = 0, data_end = 0;
  u64 stack_begin = 0;
  u64 heap_begin = 0, heap_end = 0;
};

/// One line of /proc/PID/maps.
struct RegionDescription {
  u64 begin = 0, end = 0, offset = 0, inode = 0;
  Access access = Access::None;
  bool shared = false;
  char name[128] = {};  // "[heap]", "[stack]", a path, or nothing
  u64 resident_pages = 0;
};

/// Why an access can't be granted.
enum class FaultError : u8 { NotMapped, Forbidden, BeyondObject, OutOfMemory };

class MemoryMap final : public runtime::Managed {
 public:
  static LinuxResult<Ref<MemoryMap>> create(Personality& personality);
  MemoryMap(Personality& personality, Ref<Domain> domain);

  Domain& domain() const { return *domain_; }
  MemoryCompanions& companions() { return companions_; }
  /// A copy for fork: private pages become shared until written.
  LinuxResult<Ref<MemoryMap>> clone() EXCLUDES(lock_);

  /// Makes the page of `address` present for `wanted`, or says why not. Blocks. Any thread.
  std::expected<void, FaultError> resolve_fault(u64 address, Access wanted) EXCLUDES(lock_);

  struct Request {
    u64 address = 0;  // a hint, or with `fixed` the place
    u64 bytes = 0;
    Access access = Access::None;
    bool fixed = false, replace = false, shared = false, grows_down = false, no_reserve = false;
    bool may_write = true, heap = false, populate = false, low = false;
    Ref<MemoryObject> object = {};
    u64 first_page = 0;
  };
  LinuxResult<u64> map(const Request& request) EXCLUDES(lock_);
  /// A tracer's write, within one page: to what the program itself may not write to it makes a private copy
  /// of. Io: nothing is mapped there, or it is shared and not to be written. Blocks.
  LinuxResult<> write_by_force(u64 address, std::span<const u8> bytes) EXCLUDES(lock_);
  LinuxResult<> unmap(u64 begin, u64 bytes) EXCLUDES(lock_);
  LinuxResult<> protect(u64 begin, u64 bytes, Access access) EXCLUDES(lock_);
  LinuxResult<u64> remap(u64 begin, u64 old_bytes, u64 new_bytes, bool may_move, bool fixed, u64 target,
                         bool keep_old) EXCLUDES(lock_);
  /// remap_file_pages(): a part of a shared mapping shows the object's pages from `first_page` on. Invalid.
  LinuxResult<> show_pages(u64 begin, u64 bytes, u64 first_page) EXCLUDES(lock_);
  /// brk(): the new end of the heap, or the old one where it can't be had.
  u64 set_heap_end(u64 wanted, u64 data_limit_bytes) EXCLUDES(lock_);
  /// madvise(MADV_DONTNEED): drops pages; the next access sees zeros or the object again. Invalid: locked, or
  /// (for MADV_FREE) not private and anonymous.
  LinuxResult<> discard(u64 begin, u64 bytes, bool only_private = false) EXCLUDES(lock_);
  /// msync(): what was written through shared mappings is where it belongs at return. NoMemory: a hole.
  LinuxResult<> synchronise(u64 begin, u64 bytes) EXCLUDES(lock_);
  enum class ForkBehaviour : u8 { Keep, Drop, Wipe, KeepContents };
  LinuxResult<> set_fork_behaviour(u64 begin, u64 bytes, ForkBehaviour behaviour) EXCLUDES(lock_);
  /// mlock, munlock of whole pages. NoMemory: a hole, or more would be locked than `limit_bytes`.
  LinuxResult<> set_locked(u64 begin, u64 end, bool locked, u64 limit_bytes) EXCLUDES(lock_);
  /// mlockall, munlockall; what is mapped from now on is locked, too, and faulted in at once or when touched.
  enum class FutureLock : u8 { None, OnFault, AtOnce };
  LinuxResult<> set_all_locked(bool locked, FutureLock future, u64 limit_bytes) EXCLUDES(lock_);
  FutureLock future_lock() const {
    return static_cast<FutureLock>(__atomic_load_n(&lock_future_, __ATOMIC_RELAXED));
  }
  /// Fault: a hole. Pages that are there stay where they are.
  LinuxResult<> set_policy(u64 begin, u64 bytes, const MemoryPolicy& policy) EXCLUDES(lock_);
  /// Of the region there. Fault: none.
  LinuxResult<MemoryPolicy> policy_at(u64 address) EXCLUDES(lock_);
  /// The first policy at or above `begin`, and where its region ends; none below `end`: NoEntry.
  struct PolicyRange {
    MemoryPolicy policy;
    u64 end;
  };
  LinuxResult<PolicyRange> next_policy(u64 begin, u64 end) EXCLUDES(lock_);
  /// True if all of the range lies in regions.
  bool covered(u64 begin, u64 bytes) EXCLUDES(lock_);
  bool present(u64 page) { return domain_->lookup({page}).has_value(); }

  /// Identity of a word for futexes that processes share: the object and offset, or none if private.
  struct SharedWord {
    Ref<MemoryObject> object;
    u64 page = 0;
  };
  SharedWord shared_word(u64 address) EXCLUDES(lock_);

  // For MemoryMaps, which see.
  void forget_object(const MemoryObject& object, u64 first, u64 end, bool copies) EXCLUDES(lock_);
  bool may_write_object(const MemoryObject& object) EXCLUDES(lock_);

  // For /proc.
  u64 virtual_bytes() const { return __atomic_load_n(&virtual_bytes_, __ATOMIC_RELAXED); }
  u64 resident_pages() const { return __atomic_load_n(&resident_pages_, __ATOMIC_RELAXED); }
  u64 peak_resident_pages() const { return __atomic_load_n(&peak_resident_pages_, __ATOMIC_RELAXED); }
  /// The first region that ends above `after`; false at the end. Walk with after = its end.
  bool describe(u64 after, RegionDescription& to, bool count_resident = false) EXCLUDES(lock_);
  ProgramLayout layout() EXCLUDES(lock_);
  void set_layout(const ProgramLayout& layout) EXCLUDES(lock_);
  void set_limits(u64 stack_bytes, u64 address_space_bytes);

 protected:
  ~MemoryMap() override;

 private:
  friend class RegionEditor;
  friend class MemoryMaps;
  Region* find(u64 address) REQUIRES(lock_);
  Region* find_or_grow(u64 address) REQUIRES(lock_);
  LinuxResult<u64> place_for(const Request& request) REQUIRES(lock_);
  LinuxResult<> split_at(u64 address) REQUIRES(lock_);
  LinuxResult<> clear_range(u64 begin, u64 end) REQUIRES(lock_);
  void drop_pages(u64 begin, u64 end) REQUIRES(lock_);
  /// The region's pages go, and what was written to them goes where it belongs.
  void let_go(Region& region) REQUIRES(lock_);
  void insert(Region& region) REQUIRES(lock_);
  void merge_around(u64 begin, u64 end) REQUIRES(lock_);
  std::expected<void, FaultError> fill(Region& region, u64 page, Access wanted) REQUIRES(lock_);
  std::expected<void, FaultError> fill_from_object(Region& region, u64 page, Access wanted) REQUIRES(lock_);
  /// The first write to a page of a shared region whose object tracks writes.
  std::expected<void, FaultError> begin_writing(Region& region, u64 page, const Mapping& mapping)
      REQUIRES(lock_);
  // Around a fault, to save the next ones (fault_around.cc).
  /// Maps what the object has at hand.
  void map_neighbours(Region& region, u64 page) REQUIRES(lock_);
  /// Makes private pages where there are none yet: zeros.
  void fill_neighbours(Region& region, u64 page) REQUIRES(lock_);
  /// Makes private copies of an object's pages.
  void copy_neighbours(Region& region, u64 page) REQUIRES(lock_);
  bool may_bring_more() const { return pages_a_fault_ > 1 && memory_is_plenty(); }
  bool memory_is_plenty() const;
  std::expected<void, FaultError> copy_on_write(Region& region, u64 page, const Mapping& mapping)
      REQUIRES(lock_);
  std::expected<void, FaultError> install(u64 page, Frame frame, Access access) REQUIRES(lock_);
  LinuxResult<> copy_region(Region& region, MemoryMap& child) REQUIRES(lock_);
  void count_resident(i64 pages);
  u64 locked_bytes() REQUIRES(lock_);

  Personality& personality_;
  FrameReferences& references_;
  Place& place_;
  Ref<Domain> domain_;
  boost::intrusive::list_member_hook<> list_hook_;  // of MemoryMaps
  MemoryCompanions companions_;
  const u64 pages_a_fault_;
  mutable runtime::Mutex lock_;
  Regions regions_ GUARDED_BY(lock_);
  ProgramLayout layout_ GUARDED_BY(lock_);
  u64 mapping_top_ = 0;                               // mmap places below it
  u64 virtual_bytes_ = 0;                             // written under lock_, read by anybody
  u64 resident_pages_ = 0, peak_resident_pages_ = 0;  // likewise
  u64 stack_limit_bytes_ = 8 * kMiB;
  u8 lock_future_ = 0;  // FutureLock; atomic, written under lock_
  u64 address_space_limit_bytes_ = ~u64{0};
};

}  // namespace vari::linux
