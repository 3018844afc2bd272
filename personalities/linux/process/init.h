// What init (pid 1) starts, kept between Personality::start() and the first program's own thread.
#pragma once

#include "personalities/linux/personality.h"
#include "personalities/linux/process/program_image.h"

namespace vari::linux {

struct Personality::FirstStart : runtime::Allocated {
  FirstStart(const FirstProgram& program_in, FirstExitObserver& observer_in, Place& place)
      : program(program_in), observer(observer_in), image(new(runtime::kFallible) ProgramImage(place)) {}
  FirstProgram program;  // its strings have been copied into the image
  FirstExitObserver& observer;
  runtime::Owner<ProgramImage> image;  // given up once the program runs
  i32 pid = 0;
};

}  // namespace vari::linux
