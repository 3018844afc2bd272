// The terminal on the screen: the emulator's sequences one by one, random bytes, and both displays.
#include "components/screen/screen.h"

#include <gtest/gtest.h>

#include <random>

#include "components/screen/emulator.h"
#include "components/screen/font.h"
#include "host_support/fake_environment.h"

namespace vari::components::screen {
namespace {

using testing_support::FakeEnvironment;

std::span<const u8> bytes_of(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

/// Keeps what was drawn, so that tests see what a user would.
class FakeDisplay final : public Display {
 public:
  FakeDisplay(u16 rows, u16 columns) : rows_(rows), columns_(columns), cells_(std::size_t{rows} * columns) {}
  u16 rows() const override { return rows_; }
  u16 columns() const override { return columns_; }
  void draw(Position begin, std::span<const Cell> cells) override {
    ASSERT_LT(begin.row, rows_);
    ASSERT_LE(begin.column + cells.size(), columns_);
    for (std::size_t i = 0; i < cells.size(); ++i) cells_[begin.row * columns_ + begin.column + i] = cells[i];
    drawn += cells.size();
  }
  void draw_cursor(Position at, Cell, bool visible) override {
    ASSERT_LT(at.row, rows_);
    ASSERT_LT(at.column, columns_);
    cursor_visible = visible;
  }
  Cell cell(int row, int column) const { return cells_[static_cast<std::size_t>(row * columns_ + column)]; }
  std::string line(int row) const {
    std::string text;
    for (u16 i = 0; i < columns_; ++i) {
      const u16 c = cell(row, i).character;
      text += c < 0x7f ? static_cast<char>(c) : '?';
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
  }
  std::size_t drawn = 0;
  bool cursor_visible = false;

 private:
  const u16 rows_, columns_;
  std::vector<Cell> cells_;
};

struct Terminal {
  explicit Terminal(u16 rows = 6, u16 columns = 20) : display(rows, columns) {
    EXPECT_TRUE(grid.open(memory, display));
    emulator.start();
  }
  std::string show(std::string_view text) {
    emulator.write(bytes_of(text));
    grid.flush();
    std::string shown;
    for (int row = 0; row < display.rows(); ++row) shown += (row ? "|" : "") + display.line(row);
    while (!shown.empty() && shown.back() == '|') shown.pop_back();
    return shown;
  }
  std::string replies() {
    const std::string text(emulator.replies().begin(), emulator.replies().end());
    emulator.clear_replies();
    return text;
  }
  testing_support::FakeMemory memory;
  FakeDisplay display;
  Grid grid;
  Emulator emulator{grid};
};

struct Case {
  const char* name;
  const char* written;
  const char* shown;
};

class Sequences : public testing::TestWithParam<Case> {};
TEST_P(Sequences, ShowWhatLinuxShows) {
  Terminal terminal;
  EXPECT_EQ(terminal.show(GetParam().written), GetParam().shown);
}

const Case kCases[] = {
    {"Text", "hello\r\nworld", "hello|world"},
    {"LineFeedKeepsTheColumn", "ab\ncd", "ab|  cd"},
    {"Backspace", "abc\b\bX", "aXc"},
    {"Tab", "a\tb\tc", "a       b       c"},
    {"Wrap", "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrst|uvwxyz"},
    {"WrapIsPending", "abcdefghijklmnopqrst\r\nx", "abcdefghijklmnopqrst|x"},
    {"NoWrap", "\x1b[?7labcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrsz"},
    {"Scroll", "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7", "2|3|4|5|6|7"},
    {"MoveTo", "\x1b[2;3Hx\x1b[Hy\x1b[4fz", "y|  x||z"},
    {"MoveBy", "\x1b[3;5H\x1b[Aa\x1b[2Bb\x1b[3Cc\x1b[2Dd", "|    a||     b  dc"},
    {"MoveOutside", "\x1b[99;99Hx\x1b[99A\x1b[99Dy", "y|||||                   x"},
    {"ColumnAndRow", "\x1b[5Ga\x1b[3db", "    a||     b"},
    {"NextAndPreviousLine", "ab\x1b[2Ec\x1b[1Fd", "ab|d|c"},
    {"EraseToEnd", "abcdef\x1b[3G\x1b[K", "ab"},
    {"EraseToBeginning", "abcdef\x1b[3G\x1b[1K", "   def"},
    {"EraseLine", "abcdef\x1b[3G\x1b[2K", ""},
    {"EraseBelow", "1\r\n2\r\n3\x1b[2;1H\x1b[J", "1"},
    {"EraseAbove", "1\r\n2\r\n3\x1b[2;1H\x1b[1J", "||3"},
    {"EraseAll", "1\r\n2\x1b[2Jx", "| x"},
    {"EraseCharacters", "abcdef\x1b[2G\x1b[3X", "a   ef"},
    {"DeleteCharacters", "abcdef\x1b[2G\x1b[2P", "adef"},
    {"InsertCharacters", "abcdef\x1b[2G\x1b[2@", "a  bcdef"},
    {"InsertMode", "abc\x1b[1G\x1b[4hXY\x1b[4lZ", "XYZbc"},
    {"InsertLines", "1\r\n2\r\n3\x1b[2H\x1b[L", "1||2|3"},
    {"DeleteLines", "1\r\n2\r\n3\x1b[1H\x1b[2M", "3"},
    {"ScrollRegion", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\n5", "1|3|5|4"},
    {"ReverseScroll", "1\r\n2\r\n3\x1b[1H\x1bMx", "x|1|2|3"},
    {"RegionReverse", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[2;1H\x1bMx", "1|x|2|4"},
    {"ScrollUpDown", "1\r\n2\r\n3\x1b[2S", "3"},
    {"OriginMode", "\x1b[2;4r\x1b[?6h\x1b[1;1Hx\x1b[9;1Hy", "|x||y"},
    {"SaveRestore",
     "ab\x1b"
     "7\x1b[5;5Hx\x1b"
     "8c",
     "abc||||    x"},
    {"SaveRestoreAnsi", "ab\x1b[s\x1b[5;5Hx\x1b[uc", "abc||||    x"},
    {"Index",
     "ab\x1b"
     "D\x1b"
     "Ec",
     "ab||c"},
    {"TabStops", "\x1b[3g\x1b[5G\x1bH\r\tx", "    x"},
    {"Reset",
     "abc\x1b"
     "cd",
     "d"},
    {"Align", "\x1b#8",
     "EEEEEEEEEEEEEEEEEEEE|EEEEEEEEEEEEEEEEEEEE|EEEEEEEEEEEEEEEEEEEE|EEEEEEEEEEEEEEEEEEEE|"
     "EEEEEEEEEEEEEEEEEEEE|EEEEEEEEEEEEEEEEEEEE"},
    {"TitleIsSkipped", "\x1b]0;a title\x07x\x1b]2;another\x1b\\y", "xy"},
    {"PaletteIsSkipped", "\x1b]P1ff0000x\x1b]Ry", "xy"},
    {"FunctionKeyIsSkipped", "\x1b[[Ax", "x"},
    {"ControlInsideASequence", "ab\x1b[\b2Gc", "ac"},
    {"CancelEndsASequence", "\x1b[3\x18x", "x"},
    {"UnknownIsSkipped", "\x1b[>1;2cx\x1b[!py\x1b%Gz", "xyz"},
    {"Utf8",
     "a\xc3\xa4\xe2\x82\xac"
     "b",
     "a??b"},
    {"BrokenUtf8",
     "a\xc3"
     "b\xff"
     "c\xe2\x82"
     "d",
     "a?b?c?d"},
    {"LineDrawing", "\x1b(0lqk\x1b(Bq", "???q"},
    {"ShiftOut", "\x1b)0a\x0eq\x0fq", "a?q"},
};
INSTANTIATE_TEST_SUITE_P(Cases, Sequences, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Emulator, DrawsLines) {
  Terminal terminal;
  terminal.show("\x1b(0lqx");
  EXPECT_EQ(terminal.display.cell(0, 0).character, 0x250c);
  EXPECT_EQ(terminal.display.cell(0, 1).character, 0x2500);
  EXPECT_EQ(terminal.display.cell(0, 2).character, 0x2502);
}

TEST(Emulator, Colours) {
  Terminal terminal;
  terminal.show("\x1b[31;44ma\x1b[1mb\x1b[7mc\x1b[0md\x1b[38;5;196;48;2;0;0;255me\x1b[39;49mf\x1b[97;100mg");
  const auto colours = [&](int column) {
    return std::pair<int, int>(terminal.display.cell(0, column).foreground,
                               terminal.display.cell(0, column).background);
  };
  EXPECT_EQ(colours(0), std::pair(1, 4));
  EXPECT_EQ(colours(1), std::pair(9, 4));
  EXPECT_EQ(colours(2), std::pair(4, 9));
  EXPECT_EQ(colours(3), std::pair(7, 0));
  EXPECT_EQ(colours(4), std::pair(9, 12));
  EXPECT_EQ(colours(5), std::pair(7, 0));
  EXPECT_EQ(colours(6), std::pair(15, 8));
}

TEST(Emulator, ErasingTakesTheBackground) {
  Terminal terminal;
  terminal.show("\x1b[42m\x1b[2J");
  EXPECT_EQ(terminal.display.cell(5, 19).background, 2);
}

TEST(Emulator, Answers) {
  Terminal terminal;
  terminal.show("\x1b[3;7H\x1b[6n");
  EXPECT_EQ(terminal.replies(), "\x1b[3;7R");
  terminal.show("\x1b[5n\x1b[c\x1bZ");
  EXPECT_EQ(terminal.replies(), "\x1b[0n\x1b[?6c\x1b[?6c");
  terminal.show("\x1b[?1h");
  EXPECT_TRUE(terminal.emulator.application_cursor_keys());
  terminal.show("\x1b[?25l");
  EXPECT_FALSE(terminal.display.cursor_visible);
  terminal.show("\x1b[?25h");
  EXPECT_TRUE(terminal.display.cursor_visible);
}

TEST(Emulator, DrawsOnlyWhatChanges) {
  Terminal terminal(25, 80);
  terminal.show("hello");
  terminal.display.drawn = 0;
  terminal.show("\rhellx");
  EXPECT_EQ(terminal.display.drawn, 1u);
}

TEST(Emulator, RandomBytesKeepTheCursorOnTheScreen) {
  std::mt19937 random(11);
  const std::string_view pieces[] = {"\x1b[",
                                     "\x1b[?",
                                     ";",
                                     "m",
                                     "H",
                                     "r",
                                     "L",
                                     "M",
                                     "@",
                                     "P",
                                     "X",
                                     "J",
                                     "K",
                                     "S",
                                     "T",
                                     "99999",
                                     "\x1b]",
                                     "\x1b(0",
                                     "\x1b#8",
                                     "\n",
                                     "\t",
                                     "6",
                                     "h",
                                     "l",
                                     "\x1b"
                                     "7",
                                     "\x1b"
                                     "8",
                                     "\x1bM",
                                     "\x1b"
                                     "c",
                                     "A",
                                     "B",
                                     "C",
                                     "D",
                                     "0",
                                     "2",
                                     "\xe2\x94"};
  for (const auto& [rows, columns] : {std::pair<u16, u16>(1, 1), {2, 3}, {25, 80}}) {
    Terminal terminal(rows, columns);
    for (int i = 0; i < 40000; ++i) {
      std::string text;
      for (int j = 0; j < 6; ++j) {
        if (random() % 3) {
          text += pieces[random() % std::size(pieces)];
        } else {
          text += static_cast<char>(random());
        }
      }
      terminal.emulator.write(bytes_of(text));
      if (i % 16 == 0) terminal.grid.flush();
      ASSERT_LT(terminal.emulator.cursor().row, rows);
      ASSERT_LT(terminal.emulator.cursor().column, columns);
      terminal.emulator.clear_replies();
    }
  }
}

TEST(Grid, OutOfMemoryIsAResult) {
  for (int allowed = 0; allowed < 2; ++allowed) {
    testing_support::FakeMemory memory;
    memory.fail_after = allowed;
    FakeDisplay display(5, 5);
    {
      Grid grid;
      EXPECT_EQ(grid.open(memory, display).error(), Error::OutOfMemory);
    }
    EXPECT_EQ(memory.live, 0);
  }
}

class Keyboard final : public Component<InputSource> {
 public:
  void set_receiver(ConsoleReceiver* receiver) override { receiver_ = receiver; }
  void set_application_cursor_keys(bool on) override { application = on; }
  void type(std::string_view text) { receiver_->on_input(bytes_of(text)); }
  std::atomic<bool> application = false;

 private:
  ConsoleReceiver* receiver_ = nullptr;
};

class Receiver final : public ConsoleReceiver {
 public:
  void on_input(std::span<const u8> bytes) override {
    std::lock_guard guard(mutex_);
    text_.append(bytes.begin(), bytes.end());
  }
  void on_resize(WindowSize) override {}
  void on_hangup() override {}
  std::string wait_for(std::size_t bytes) {
    for (int i = 0; i < 5000; ++i) {
      {
        std::lock_guard guard(mutex_);
        if (text_.size() >= bytes) return text_;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return "(timed out)";
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

/// Lives for ever, as a screen's own thread does, which refers to it.
FakeEnvironment& lasting_environment() {
  return *new FakeEnvironment;
}

TEST(Screen, TextModeWithAKeyboard) {
  FakeEnvironment& fake = lasting_environment();
  auto keyboard = *make_component<Keyboard>(fake.memory);
  auto screen = create(fake.environment, {.framebuffer = {}, .keyboard = keyboard});
  ASSERT_TRUE(screen);
  EXPECT_EQ((*screen)->window_size().columns, 80);
  (*screen)->write(bytes_of("\x1b[31mHi\xc3\xa9"));
  const auto& memory = fake.memory.physical[0xb8000];
  EXPECT_EQ(std::string(memory.begin(), memory.begin() + 6), "H\x04i\x04\x82\x04") << "red is 4 on a PC";
  Receiver receiver;
  (*screen)->set_receiver(&receiver);
  keyboard->type("ls\r");
  (*screen)->write(bytes_of("\x1b[6n\x1b[?1h"));
  EXPECT_EQ(receiver.wait_for(9), "ls\r\x1b[1;4R");
  EXPECT_TRUE(keyboard->application);
  (*screen)->set_receiver(nullptr);
}

// O29: a second screen upon the same memory begins like the first.
TEST(Screen, MadeTwiceWorksTwice) {
  FakeEnvironment& fake = lasting_environment();
  for (const char* text : {"A", "B"}) {
    auto screen = create(fake.environment, {.framebuffer = {}, .keyboard = {}});
    ASSERT_TRUE(screen);
    (*screen)->write(bytes_of(text));
    EXPECT_EQ(fake.memory.physical[0xb8000][0], text[0]);
  }
}

class Formats : public testing::TestWithParam<int> {};
TEST_P(Formats, FramebufferStaysWithinItsMemory) {
  FakeEnvironment& fake = lasting_environment();
  const u8 bits = static_cast<u8>(GetParam());
  const u64 address = 0xe000'0000u + bits;
  Framebuffer format{.begin = {address},
                     .width = 645,
                     .height = 485,
                     .pitch_bytes = 645u * bits / 8 + 5,
                     .bits_per_pixel = bits,
                     .red_shift = static_cast<u8>(bits == 16 ? 11 : 16),
                     .green_shift = static_cast<u8>(bits == 16 ? 5 : 8),
                     .blue_shift = 0};
  auto screen = create(fake.environment, {.framebuffer = format, .keyboard = {}});
  ASSERT_TRUE(screen);
  EXPECT_EQ((*screen)->window_size().columns, 80);
  EXPECT_EQ((*screen)->window_size().rows, 30);
  // The whole grid in white blocks, the last cell included: the address sanitizer watches the memory.
  (*screen)->write(bytes_of("\x1b[97;107m\x1b[2J\x1b[30;80HX\x1b[?25l"));
  const auto& memory = fake.memory.physical[address];
  EXPECT_EQ(memory[0], 0xff);
  EXPECT_EQ(memory[u64{639} * bits / 8], 0xff);
  EXPECT_EQ(memory[u64{641} * bits / 8], 0) << "right of the last column";
}
INSTANTIATE_TEST_SUITE_P(Bits, Formats, testing::Values(16, 24, 32));

TEST(Screen, RefusesImpossibleFormats) {
  FakeEnvironment fake;
  const Framebuffer good{.begin = {0xd0000000},
                         .width = 640,
                         .height = 480,
                         .pitch_bytes = 2560,
                         .bits_per_pixel = 32,
                         .red_shift = 16,
                         .green_shift = 8,
                         .blue_shift = 0};
  const auto refused = [&](auto edit) {
    Framebuffer format = good;
    edit(format);
    const auto screen = create(fake.environment, {.framebuffer = format, .keyboard = {}});
    return !screen && screen.error() == Error::Unsupported;
  };
  EXPECT_TRUE(refused([](Framebuffer& f) { f.bits_per_pixel = 8; }));
  EXPECT_TRUE(refused([](Framebuffer& f) { f.pitch_bytes = 2559; }));
  EXPECT_TRUE(refused([](Framebuffer& f) { f.red_shift = 25; }));
  EXPECT_TRUE(refused([](Framebuffer& f) { f.width = 4; }));
  EXPECT_TRUE(refused([](Framebuffer& f) { f.width = 1u << 31; }));
  EXPECT_TRUE(refused([](Framebuffer& f) { f.height = 15; }));
}

TEST(Font, EveryVisibleCharacterDiffersFromTheOthers) {
  for (u16 a = 0x20; a < 0x7f; ++a) {
    for (u16 b = 0x20; b < a; ++b) EXPECT_NE(glyph_of(a), glyph_of(b)) << char(a) << char(b);
  }
  EXPECT_EQ(glyph_of(0x4e00), glyph_of(0x20ac)) << "what has no glyph is a box";
}

}  // namespace
}  // namespace vari::components::screen
