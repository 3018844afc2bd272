// What the kernel's process and the stubs in its domains' processes share: where things lie, and the slots,
// pieces of one shared memory through which a stub's thread is spoken to. Read by freestanding code.
#pragma once

#include "base/types.h"

namespace vari::hosted {

/// The region of a domain that its guest may not have (Domain::kUserEnd and above): the stub's program, and
/// the slots, each at the same address in every process that maps it.
inline constexpr u64 kStubBase = 0x7ff0'0000'0000;
inline constexpr u64 kStubBytes = 64 * kKiB;
inline constexpr u64 kSlotsBase = 0x7ff1'0000'0000;
inline constexpr u64 kSlotBytes = 32 * kKiB;
inline constexpr u64 kSlotCount = 32768;
inline constexpr u64 kSlotsEnd = kSlotsBase + kSlotBytes * kSlotCount;
inline constexpr u64 kRegionEnd = 0x7fff'ffff'f000;
static_assert(kSlotsEnd < kRegionEnd);

/// Descriptors of a stub.
inline constexpr int kRamDescriptor = 3, kSlotsDescriptor = 4;
/// Slot 0 holds the doorbells; the first leader of all finds itself in slot 1.
inline constexpr u32 kDoorbellSlot = 0, kFirstLeader = 1;

/// Whose turn it is.
enum SlotState : u32 {
  kRun = 0,      // the stub's: it carries out the requests, and the guest runs on
  kTrapped = 1,  // the kernel's
};

/// How the kernel waits for a slot, so that the stub knows whom to wake.
enum KernelWaits : u32 {
  kAwake = 0,     // it looks by itself
  kDoorbell = 1,  // ring the core's doorbell
  kOnState = 2,   // it sleeps on the state word
};

/// What a stub's thread does for the kernel before its guest runs on.
struct Request {
  enum Kind : u32 {
    Map,      // [address, address + bytes) from `offset` of the RAM, with host protection `protection`
    Unmap,    //
    Protect,  //
    Thread,   // leaders: starts a guest's thread in slot `offset`
    Fork,     // leaders: starts a process like this one, its leader in slot `offset`
  };
  u32 kind;
  u32 protection;
  u64 address, bytes, offset;
};
inline constexpr u32 kRequests = 64;

/// `signal` of a slot whose requests could not all be carried out.
inline constexpr u32 kRequestsFailed = 1000;
/// `signal` of a slot whose process has ended; stored by the kernel's own process.
inline constexpr u32 kStubDied = 1001;

/// The first page of a slot. The rest is the thread's signal stack, on which the frame lies that the kernel
/// reads and edits in place.
struct Slot {
  u32 state;         // atomic, futex: SlotState
  u32 stub_sleeps;   // atomic: the stub waits in a futex call
  u32 kernel_waits;  // atomic: KernelWaits
  u32 doorbell;      // number of the core to ring
  u32 signal;        // why the guest stopped; 0: a leader that has done its requests
  u32 architecture;  // SIGSYS: AUDIT_ARCH of the call
  u64 frame;         // address of the frame's ucontext
  u64 fs_base, gs_base;
  u32 set_bases;      // the stub loads fs_base and gs_base
  u32 request_count;  // atomic: the stub stores 0 when it has carried them out
  u32 process, thread;
  u32 spin_cycles;  // how long the stub looks before it sleeps, at most
  u32 spin_now;     // the stub's own: how long at present (as SpinBudget, spin.h)
  u32 spin_tries;
  u32 fs_gs_instructions;
  u64 vdso;    // the first leader's: where the host's vDSO stays; 0: nowhere
  u32 beside;  // the kernel's own, atomic: one more than the processor that the thread is bound to; 0: none
  Request requests[kRequests];
};
static_assert(sizeof(Slot) <= kPageBytes);

/// A core's doorbell as stubs ring it; as many as there may be cores, in slot kDoorbellSlot.
struct alignas(64) SharedDoorbell {
  u32 rung;  // atomic, futex
};
static_assert(sizeof(SharedDoorbell) * kMaximumCpus <= kSlotBytes);

constexpr u64 slot_address(u32 index) {
  return kSlotsBase + index * kSlotBytes;
}

}  // namespace vari::hosted
