// The race test must notice a wait protocol without its atomic exchange. It is run, as a program of its
// own, with the broken claim(); it may fail in any way (a wrong count, an assertion, a crash, a hang),
// but must not pass.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>

namespace {

/// True if the program ended with status 0 within the time.
bool passes(const char* program, int seconds) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("VARI_RACES", "400000", 1);
    ::execl(program, program, nullptr);
    ::_exit(126);
  }
  int status = 0;
  for (int tenths = 0; tenths < seconds * 10; ++tenths) {
    if (::waitpid(child, &status, WNOHANG) == child) {
      EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 126) << "cannot run " << program;
      return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    const timespec tenth{0, 100'000'000};
    ::nanosleep(&tenth, nullptr);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return false;
}

/// A race is a matter of luck, the more so on a busy machine: one run of several is enough.
TEST(NegativeControl, BrokenClaimIsNoticed) {
  bool noticed = false;
  for (int run = 0; run < 5 && !noticed; ++run) noticed = !passes(VARI_BROKEN_RACE_TEST, 120);
  EXPECT_TRUE(noticed);
}

}  // namespace
