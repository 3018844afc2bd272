// How a switch of stacks is told to AddressSanitizer and ThreadSanitizer. Without them, nothing.
#pragma once

#include "runtime/port/linux/core.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VARI_HOST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define VARI_HOST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define VARI_HOST_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define VARI_HOST_TSAN 1
#endif

namespace vari::runtime::port {

/// Makes what the next one needs.
void prepare_switch(LinuxCore& core);
/// On the outgoing stack, just before it is left.
void announce_switch(LinuxCore& core);
/// On the incoming stack, first of all.
void complete_switch();
/// A stack from the cache: nothing of its former life is poisoned.
void forget_stack(Stack stack);
void forget_thread(Thread& thread);

}  // namespace vari::runtime::port
