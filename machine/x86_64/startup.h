// Starting the other cores (Intel SDM vol. 3, 8.4): they begin in real mode on a page below 1 MiB, where
// the trampoline (trampoline.S) takes them to long mode and hands each a stack and an argument. Any number
// may pass at once: each draws a ticket.
#pragma once

#include <cstddef>

#include "base/types.h"

namespace vari::machine {

/// Physical address of the trampoline's page; conventional memory, which the frame manager leaves alone.
inline constexpr u64 kTrampolineAddress = 0x8000;

/// What a started core is handed.
struct StartupSlot {
  void* stack_top;
  void* argument;
};

/// The end of the trampoline page; trampoline.S knows the layout.
struct StartupParameters {
  u64 root_table;  // below 4 GiB; maps the trampoline's page at its physical address
  u64 efer;
  void (*entry)(void* argument);  // does not return
  const StartupSlot* slots;
  u32 slot_count;
  u32 ticket;  // atomic: the next slot to be drawn
};
inline constexpr u64 kStartupParametersOffset = 0xf00;
static_assert(offsetof(StartupParameters, efer) == 8 && offsetof(StartupParameters, entry) == 16 &&
              offsetof(StartupParameters, slots) == 24 && offsetof(StartupParameters, slot_count) == 32 &&
              offsetof(StartupParameters, ticket) == 36);

/// Copies the trampoline to `page`, where its physical page is mapped, and sets its parameters.
void place_trampoline(void* page, const StartupParameters& parameters);

}  // namespace vari::machine
