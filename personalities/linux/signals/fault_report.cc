// Frame pointers are the program's, so nothing is believed: each must lie above the one before, near it, and
// be readable. Code that is compiled without them gives a short stack, or a wrong one.
#include "personalities/linux/signals/fault_report.h"

#include "personalities/linux/personality.h"
#include "personalities/linux/process/task.h"
#include "personalities/linux/signals/signal.h"
#include "personalities/linux/text.h"

namespace vari::linux {
namespace {

constexpr unsigned kMostFrames = 12;
constexpr u64 kLongestFrame = 256 * kKiB;

using Line = TextBuffer<400>;

void add_stack(Line& line, Task& task) {
  const auto& registers = task.registers();
  line.add(", stack ").add(registers.rip, 16);
  u64 frame = registers.rbp;
  if (frame < registers.rsp) return;
  for (unsigned i = 0; i < kMostFrames; ++i) {
    struct {
      u64 caller, return_address;
    } words;
    if (frame % 8 != 0 || !task.user().copy_in(&words, frame, sizeof words).has_value()) return;
    if (words.return_address == 0) return;
    line.add(" ").add(words.return_address, 16);
    if (words.caller <= frame || words.caller - frame > kLongestFrame) return;
    frame = words.caller;
  }
}

}  // namespace

void report_fault(Task& task, const SignalInfo& info) {
  if (info.code <= 0 || !(kSynchronous & set_of(info.number))) return;
  char name[16];
  task.copy_name(name);
  Line line;
  line.add("fault: ").add(static_cast<const char*>(name)).add("[").add(task.id()).add("] signal ");
  line.add(info.number).add(" at ").add(info.value, 16);
  line.add(", rip ").add(task.registers().rip, 16).add(", rsp ").add(task.registers().rsp, 16);
  add_stack(line, task);
  task.personality().log(line.text());
}

}  // namespace vari::linux
