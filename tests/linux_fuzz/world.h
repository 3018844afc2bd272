// One input, run: a whole personality is made on a machine of its own (tests/linux_process/fake_place.h, with
// the runtime's simulated port below), the program runs as its first program, what it left behind is
// killed, everything is taken down, and nothing may be left. Aborts with a message where something is.
#pragma once

#include "memory_image.h"
#include "program.h"

namespace vari::linux::fuzz {

struct Options {
  bool plant = false;    // read after close is a bug that was planted: the fuzzer's own control
  bool explain = false;  // say on standard error what each call was and what it returned
};

class World {
 public:
  explicit World(const Options& options);
  void run(const Input& input);

 private:
  const Options options_;
  const MemoryImage image_;
};

}  // namespace vari::linux::fuzz
