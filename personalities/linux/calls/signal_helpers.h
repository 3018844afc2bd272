// What the calls that send signals share.
#pragma once

#include "personalities/linux/process/process.h"
#include "personalities/linux/signals/frame.h"
#include "personalities/linux/signals/send.h"

namespace vari::linux {

/// May the caller send this signal to that process?
bool may_signal(Task& task, Process& target, int number);
SignalInfo signal_info_from(Task& task, int number, int code);
/// A siginfo_t that a program made up: it may not look like the kernel's or kill()'s.
LinuxResult<SignalInfo> signal_info_of_user(Task& task, int number, u64 address, bool to_itself);
/// The signal mask that ppoll and its like bring, in force until the call returns; none at address 0.
LinuxResult<> set_temporary_mask(Task& task, u64 address, u64 bytes);
/// Likewise where a sixth argument points to the mask's address and size (pselect6, io_pgetevents).
LinuxResult<> set_temporary_mask_at(Task& task, u64 pair);

}  // namespace vari::linux
