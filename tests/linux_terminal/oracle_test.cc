// Linux as oracle: the same random script goes through a pseudo-terminal of the host and through our
// line discipline; what the screen shows and what read() gives must be the same bytes at each step.
//
// The host's terminal works asynchronously, so after each step the test waits until it is quiet; a
// script that differs is run again with more patience before it counts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <iterator>
#include <random>
#include <vector>

#include "discipline_fixture.h"

namespace vari::linux {
namespace {

struct Step {
  enum class Kind { Type, Print, Read, Change } kind = Kind::Type;
  std::string text;
  std::size_t bytes = 0;
  Termios termios;
};
using Script = std::vector<Step>;

class HostPty {
 public:
  explicit HostPty(unsigned patience_us) : patience_us_(patience_us) {
    if (openpty(&master_, &slave_, nullptr, nullptr, nullptr) != 0) master_ = -1;
    fcntl(master_, F_SETFL, O_NONBLOCK);
    fcntl(slave_, F_SETFL, O_NONBLOCK);
  }
  ~HostPty() {
    close(master_);
    close(slave_);
  }
  bool works() const { return master_ >= 0; }
  std::string type(const std::string& text) {
    (void)!::write(master_, text.data(), text.size());
    return settle();
  }
  std::string print(const std::string& text) {
    (void)!::write(slave_, text.data(), text.size());
    return settle();
  }
  std::string read(std::size_t bytes) {
    std::string buffer(bytes, '\0');
    const ssize_t count = ::read(slave_, buffer.data(), bytes);
    if (count < 0) return "-";
    buffer.resize(static_cast<std::size_t>(count));
    return buffer;
  }
  std::string change(const Termios& termios) {
    ioctl(slave_, terminal_ioctl::kSetTermios2, &termios);
    return settle();
  }
  /// How many bytes the next step should show.
  void await(std::size_t bytes) { awaited_ = bytes; }
  Termios termios() {
    Termios termios;
    ioctl(slave_, terminal_ioctl::kGetTermios2, &termios);
    return termios;
  }

 private:
  std::string settle() {
    std::string shown;
    char buffer[4096];
    usleep(patience_us_);
    // Linux passes echo on by a work queue, which a busy machine delays: what is awaited gets two seconds,
    // what is not awaited the quiet moments behind it.
    int waits = 0;
    for (int quiet = 0; quiet < 2;) {
      const ssize_t count = ::read(master_, buffer, sizeof buffer);
      if (count > 0) {
        shown.append(buffer, static_cast<std::size_t>(count));
        quiet = 0;
      } else {
        if (shown.size() >= awaited_ || ++waits * (patience_us_ / 4) > 2'000'000) ++quiet;
        usleep(patience_us_ / 4);
      }
    }
    return shown;
  }
  int master_ = -1, slave_ = -1;
  const unsigned patience_us_;
  std::size_t awaited_ = 0;
};

std::string run_step(Typed& ours, const Step& step) {
  switch (step.kind) {
    case Step::Kind::Type: return ours.type(step.text);
    case Step::Kind::Print: return ours.print(step.text);
    case Step::Kind::Read: return ours.read(step.bytes);
    case Step::Kind::Change: ours.discipline.change_termios(step.termios); return ours.output.take();
  }
  return {};
}

std::string run_step(HostPty& host, const Step& step) {
  switch (step.kind) {
    case Step::Kind::Type: return host.type(step.text);
    case Step::Kind::Print: return host.print(step.text);
    case Step::Kind::Read: return host.read(step.bytes);
    case Step::Kind::Change: return host.change(step.termios);
  }
  return {};
}

std::string visible(const std::string& text) {
  std::string shown;
  for (const char c : text) {
    char piece[8];
    const auto byte = static_cast<unsigned char>(c);
    std::snprintf(piece, sizeof piece, byte >= 32 && byte < 127 ? "%c" : "<%02x>", byte);
    shown += piece;
  }
  return shown;
}

std::string describe(const Step& step) {
  char text[96];
  switch (step.kind) {
    case Step::Kind::Type: return "type " + visible(step.text);
    case Step::Kind::Print: return "print " + visible(step.text);
    case Step::Kind::Read: return "read " + std::to_string(step.bytes);
    case Step::Kind::Change:
      std::snprintf(text, sizeof text, "change i=%o o=%o l=%o", step.termios.input, step.termios.output,
                    step.termios.local);
      return text;
  }
  return {};
}

/// Empty: no difference. Else a report of the first.
std::string compare(const Script& script, unsigned patience_us) {
  HostPty host(patience_us);
  Typed ours;
  std::string history;
  for (const Step& step : script) {
    history += "  " + describe(step) + "\n";
    const std::string mine = run_step(ours, step);
    host.await(mine.size());
    const std::string theirs = run_step(host, step);
    if (theirs != mine) {
      return history + "  Linux: \"" + visible(theirs) + "\"\n  ours:  \"" + visible(mine) + "\"\n";
    }
  }
  return {};
}

void expect_same(const Script& script) {
  std::string report = compare(script, 400);
  if (!report.empty()) report = compare(script, 20000);
  EXPECT_TRUE(report.empty()) << report;
}

std::string random_text(std::mt19937& random, unsigned longest) {
  static const std::string kPieces[] = {
      "a",    "b",    "Z",    "word ", "x_9",  " ",        "\t",           "\t",
      "\n",   "\r",   "\x7f", "\x7f",  "\x15", "\x17",     "\x12",         "\x16",
      "\x04", "\x01", "\x1b", "\b",    "\x0b", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
      "\xff", "#",    "@",    "\x0e"};
  std::string text;
  for (unsigned i = 1 + random() % longest; i > 0; --i) text += kPieces[random() % std::size(kPieces)];
  return text;
}

Termios random_termios(std::mt19937& random) {
  using namespace input_flag;
  using namespace local_flag;
  Termios t = standard_termios();
  const auto flip = [&](u32& word, std::initializer_list<u32> flags, unsigned one_in) {
    for (const u32 flag : flags) {
      if (random() % one_in == 0) word ^= flag;
    }
  };
  flip(t.input,
       {kStrip, kNewlineToReturn, kIgnoreReturn, input_flag::kReturnToNewline, kLowerCase, kXon, kXany, kUtf8,
        kMarkParity},
       5);
  flip(t.output,
       {output_flag::kProcess, output_flag::kUpperCase, output_flag::kNewlineToBoth,
        output_flag::kReturnToNewline, output_flag::kNoReturnAtColumn0, output_flag::kNewlineReturns,
        output_flag::kExpandTabs},
       5);
  flip(t.local,
       {kCanonical, kEcho, kEchoErase, kEchoKill, kEchoNewline, kEchoControl, kEchoPrint, kEchoKillErase,
        kExtended},
       4);
  if (random() % 4 == 0) t.characters[control_character::kEndOfLine] = '@';
  if (random() % 4 == 0) t.characters[control_character::kEndOfLine2] = '#';
  if (random() % 6 == 0) t.characters[control_character::kErase] = '#';
  if (random() % 6 == 0) t.characters[control_character::kErase] = 0;
  return t;
}

Script random_script(unsigned seed, bool changes) {
  std::mt19937 random(seed);
  Script script;
  if (changes) script.push_back({Step::Kind::Change, {}, 0, random_termios(random)});
  for (int i = 0; i < 14; ++i) {
    Step step;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
      case 3: step.text = random_text(random, 8); break;
      case 4:
        step.kind = Step::Kind::Print;
        step.text = random_text(random, 5);
        break;
      case 5:
      case 6:
        step.kind = Step::Kind::Read;
        step.bytes = random() % 2 ? 4096 : 1 + random() % 6;
        break;
      default:
        step.kind = changes && random() % 2 ? Step::Kind::Change : Step::Kind::Read;
        step.bytes = 4096;
        step.termios = random_termios(random);
    }
    script.push_back(step);
  }
  script.push_back({Step::Kind::Read, {}, 4096, {}});
  return script;
}

bool host_has_ptys() {
  HostPty host(0);
  return host.works();
}

TEST(Oracle, StandardSettingsAreLinuxs) {
  if (!host_has_ptys()) GTEST_SKIP() << "no pseudo-terminals here";
  HostPty host(0);
  const Termios theirs = host.termios(), ours = standard_termios();
  EXPECT_EQ(theirs.input, ours.input);
  EXPECT_EQ(theirs.output, ours.output);
  EXPECT_EQ(theirs.local, ours.local);
  EXPECT_EQ(0, std::memcmp(theirs.characters, ours.characters, kControlCharacters));
}

TEST(Oracle, RandomScriptsWithStandardSettings) {
  if (!host_has_ptys()) GTEST_SKIP() << "no pseudo-terminals here";
  for (unsigned seed = 1; seed <= 150; ++seed) expect_same(random_script(seed, false));
}

TEST(Oracle, RandomScriptsWithRandomSettings) {
  if (!host_has_ptys()) GTEST_SKIP() << "no pseudo-terminals here";
  for (unsigned seed = 1001; seed <= 1250; ++seed) expect_same(random_script(seed, true));
}

TEST(Oracle, LongLineKeepsItsNewline) {
  if (!host_has_ptys()) GTEST_SKIP() << "no pseudo-terminals here";
  Script script;
  Termios quiet = standard_termios();
  quiet.local &= ~local_flag::kEcho;
  script.push_back({Step::Kind::Change, {}, 0, quiet});
  for (int i = 0; i < 9; ++i)
    script.push_back({Step::Kind::Type, std::string(500, static_cast<char>('a' + i)), 0, {}});
  script.push_back({Step::Kind::Type, "end\n", 0, {}});
  script.push_back({Step::Kind::Read, {}, 8192, {}});
  script.push_back({Step::Kind::Read, {}, 8192, {}});
  expect_same(script);
}

}  // namespace
}  // namespace vari::linux
