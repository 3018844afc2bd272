// What the log says of a program that its own fault ends.
#pragma once

namespace vari::linux {

struct SignalInfo;
class Task;

/// One line: "fault: NAME[ID] signal N at ADDRESS, rip …, rsp …, stack …": the instruction, then the return
/// addresses that frame pointers lead to, as far as they make sense. Signals that are no fault say nothing.
void report_fault(Task& task, const SignalInfo& info);

}  // namespace vari::linux
