// The keyboard: scan codes to bytes, and the driver against a controller in software.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "components/ps2_keyboard/ps2_keyboard.h"
#include "host_support/fake_environment.h"

namespace vari::components::ps2_keyboard {
namespace {

using testing_support::FakeEnvironment;
using testing_support::PortDevice;

std::string type(Decoder& decoder, std::initializer_list<int> codes) {
  std::string typed;
  for (const int code : codes) {
    const auto bytes = decoder.feed(static_cast<u8>(code));
    typed.append(bytes.begin(), bytes.end());
  }
  return typed;
}

TEST(Decoder, Letters) {
  Decoder d;
  EXPECT_EQ(type(d, {0x23, 0xa3, 0x17, 0x97, 0x1c, 0x9c}), "hi\r");
  EXPECT_EQ(type(d, {0x2a, 0x23, 0xa3, 0xaa, 0x17}), "Hi") << "left shift";
  EXPECT_EQ(type(d, {0x36, 0x02, 0xb6, 0x02}), "!1") << "right shift";
  EXPECT_EQ(type(d, {0x3a, 0xba, 0x1e, 0x02, 0x2a, 0x1e, 0xaa, 0x3a, 0x1e}), "A1aa")
      << "caps lock is for letters";
  EXPECT_EQ(type(d, {0x0e, 0x0f, 0x01}), "\x7f\t\x1b");
}

TEST(Decoder, ControlAndAlt) {
  Decoder d;
  EXPECT_EQ(type(d, {0x1d, 0x2e, 0xae, 0x2c, 0x20, 0x9d}), "\x03\x1a\x04") << "C, Z, D with control";
  EXPECT_EQ(type(d, {0xe0, 0x1d, 0x2b, 0xe0, 0x9d}), "\x1c") << "right control and backslash";
  EXPECT_EQ(type(d, {0x1d, 0x39, 0x9d}), std::string(1, '\0')) << "control and space";
  EXPECT_EQ(type(d, {0x38, 0x21, 0xb8, 0x21}),
            "\x1b"
            "ff")
      << "alt";
}

TEST(Decoder, NavigationAndFunctionKeys) {
  Decoder d;
  EXPECT_EQ(type(d, {0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x50, 0xe0, 0x4d, 0xe0, 0x4b}),
            "\x1b[A\x1b[B\x1b[C\x1b[D");
  d.set_application_cursor_keys(true);
  EXPECT_EQ(type(d, {0xe0, 0x48}), "\x1bOA");
  d.set_application_cursor_keys(false);
  EXPECT_EQ(type(d, {0xe0, 0x47, 0xe0, 0x4f, 0xe0, 0x52, 0xe0, 0x53, 0xe0, 0x49, 0xe0, 0x51}),
            "\x1b[1~\x1b[4~\x1b[2~\x1b[3~\x1b[5~\x1b[6~");
  EXPECT_EQ(type(d, {0x3b, 0x3f, 0x40, 0x44, 0x57, 0x58}), "\x1b[[A\x1b[[E\x1b[17~\x1b[21~\x1b[23~\x1b[24~");
  EXPECT_EQ(type(d, {0xe0, 0x2a, 0xe0, 0x52, 0xe0, 0xd2, 0xe0, 0xaa, 0x1e}), "\x1b[2~a")
      << "a wrapping shift is none";
  EXPECT_EQ(type(d, {0x2a, 0x0f}), "\x1b[Z");
}

TEST(Decoder, Keypad) {
  Decoder d;
  EXPECT_EQ(type(d, {0x47, 0x48, 0x4a, 0x4e, 0x53}), "\x1b[1~\x1b[A-+\x1b[3~");
  EXPECT_EQ(type(d, {0x45, 0xc5, 0x47, 0x48, 0x53, 0x52}), "78.0") << "with num lock";
  EXPECT_EQ(d.leds(), 2);
  EXPECT_EQ(type(d, {0x2a, 0x47, 0xaa}), "\x1b[1~") << "shift turns it round";
  EXPECT_EQ(type(d, {0xe0, 0x1c, 0xe0, 0x35, 0x37}), "\r/*");
}

TEST(Decoder, PauseAndAnswersTypeNothing) {
  Decoder d;
  EXPECT_EQ(type(d, {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x1e}), "a");
  EXPECT_EQ(type(d, {0xfa, 0xfe, 0x00, 0xff, 0x1e}), "a");
  EXPECT_EQ(d.leds(), 0);
}

TEST(Decoder, SetTwo) {
  Decoder d(ScanCodeSet::Two);
  EXPECT_EQ(type(d, {0x33, 0xf0, 0x33, 0x43, 0x5a}), "hi\r");
  EXPECT_EQ(type(d, {0x12, 0x1c, 0xf0, 0x12, 0x1c}), "Aa");
  EXPECT_EQ(type(d, {0xe0, 0x75, 0xe0, 0xf0, 0x75, 0xe0, 0x72}), "\x1b[A\x1b[B");
  EXPECT_EQ(type(d, {0x14, 0x21, 0xf0, 0x14}), "\x03");
  EXPECT_EQ(type(d, {0x05, 0x83}), "\x1b[[A\x1b[18~");
}

TEST(Decoder, RandomCodesAreHarmless) {
  std::mt19937 random(5);
  for (const auto set : {ScanCodeSet::One, ScanCodeSet::Two}) {
    Decoder d(set);
    for (int i = 0; i < 500000; ++i) EXPECT_LE(d.feed(static_cast<u8>(random())).size(), 8u);
  }
}

/// An i8042 with a keyboard that can be dead in several ways.
class FakeController final : public PortDevice {
 public:
  explicit FakeController(FakeEnvironment& environment) : environment_(environment) {
    environment.ports.place(0x60, 1, *this);
    environment.ports.place(0x64, 1, *this);
  }
  u8 read(u16 port) override {
    if (port == 0x64) return static_cast<u8>((output_.empty() ? 0 : 1) | (stuck ? 2 : 0));
    if (output_.empty()) return last_;
    last_ = output_.front();
    output_.pop_front();
    return last_;
  }
  void write(u16 port, u8 value) override {
    if (port == 0x64) return command(value);
    if (expects_configuration_) {
      configuration = can_translate ? value : value & ~0x40;
      expects_configuration_ = false;
      return;
    }
    keyboard(value);
  }
  void press(std::initializer_list<int> codes) {
    for (const int code : codes) {
      output_.push_back(static_cast<u8>(code));
      if (configuration & 1) environment_.interrupts.raise(1);
    }
    while (!output_.empty() && (configuration & 1)) environment_.interrupts.raise(1);
  }

  u8 configuration = 0x45;
  int leds = -1;
  bool stuck = false, keyboard_dead = false, self_test_fails = false, can_translate = true;

 private:
  void command(u8 value) {
    switch (value) {
      case 0x20: output_.push_back(configuration); break;
      case 0x60: expects_configuration_ = true; break;
      case 0xaa: output_.push_back(self_test_fails ? 0xfc : 0x55); break;
      case 0xab: output_.push_back(0); break;
      default: break;
    }
  }
  void keyboard(u8 value) {
    if (keyboard_dead) return;
    if (expects_leds_) {
      leds = value;
      expects_leds_ = false;
    } else if (value == 0xed) {
      expects_leds_ = true;
    }
    output_.push_back(0xfa);
    if (value == 0xff) output_.push_back(0xaa);
  }
  FakeEnvironment& environment_;
  std::deque<u8> output_;
  u8 last_ = 0;
  bool expects_configuration_ = false, expects_leds_ = false;
};

class Receiver final : public ConsoleReceiver {
 public:
  void on_input(std::span<const u8> bytes) override { text.append(bytes.begin(), bytes.end()); }
  void on_resize(WindowSize) override {}
  void on_hangup() override {}
  std::string text;
};

struct Keyboard : testing::Test {
  FakeEnvironment fake;
  FakeController controller{fake};
  Receiver receiver;
};

TEST_F(Keyboard, TypesAndShowsItsLights) {
  auto keyboard = Ps2Keyboard::create(fake.environment);
  ASSERT_TRUE(keyboard);
  EXPECT_EQ(controller.configuration & 0x43, 0x41) << "translation and interrupt on, mouse off";
  (*keyboard)->set_receiver(&receiver);
  controller.press({0x23, 0xa3, 0x17, 0x97});
  EXPECT_EQ(receiver.text, "hi");
  controller.press({0x3a, 0xba});
  EXPECT_EQ(controller.leds, 4);
  controller.press({0x3a, 0xba, 0x45, 0xc5});
  controller.press({0x1e});
  EXPECT_EQ(controller.leds, 2);
  EXPECT_EQ(receiver.text, "hia");
  (*keyboard)->set_application_cursor_keys(true);
  controller.press({0xe0, 0x48});
  EXPECT_EQ(receiver.text, "hia\x1bOA");
}

// O29: a controller that was initialised before is initialised again.
TEST_F(Keyboard, MadeTwiceWorksTwice) {
  for (const char* expected : {"h", "hh"}) {
    auto keyboard = Ps2Keyboard::create(fake.environment);
    ASSERT_TRUE(keyboard);
    (*keyboard)->set_receiver(&receiver);
    controller.press({0x23, 0xa3});
    EXPECT_EQ(receiver.text, expected);
  }
  EXPECT_EQ(fake.memory.live, 0);
}

TEST_F(Keyboard, FallsBackToSetTwo) {
  controller.can_translate = false;
  auto keyboard = Ps2Keyboard::create(fake.environment);
  ASSERT_TRUE(keyboard);
  (*keyboard)->set_receiver(&receiver);
  controller.press({0x33, 0xf0, 0x33});
  EXPECT_EQ(receiver.text, "h");
}

TEST_F(Keyboard, DeadHardwareIsNotFoundInBoundedTime) {
  const auto expect_missing = [&] {
    const Nanoseconds before = fake.clock.now;
    const auto keyboard = Ps2Keyboard::create(fake.environment);
    ASSERT_FALSE(keyboard);
    EXPECT_EQ(keyboard.error(), Error::NotFound);
    EXPECT_LT(fake.clock.now - before, 3 * kSecond);
    EXPECT_EQ(fake.memory.live, 0);
  };
  controller.keyboard_dead = true;
  expect_missing();
  controller.keyboard_dead = false;
  controller.self_test_fails = true;
  expect_missing();
  controller.self_test_fails = false;
  controller.stuck = true;
  expect_missing();
}

TEST(KeyboardAbsent, IsNotFound) {
  FakeEnvironment fake;
  EXPECT_EQ(Ps2Keyboard::create(fake.environment).error(), Error::NotFound);
}

}  // namespace
}  // namespace vari::components::ps2_keyboard
