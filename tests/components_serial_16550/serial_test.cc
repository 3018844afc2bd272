// The 16550 driver against a UART in software.
#include <gtest/gtest.h>

#include "components/serial_16550/serial_16550.h"
#include "fake_uart.h"

namespace vari::components::serial_16550 {
namespace {

using testing_support::FakeEnvironment;
using testing_support::FakeUart;

std::span<const u8> bytes_of(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

class Receiver final : public ConsoleReceiver {
 public:
  void on_input(std::span<const u8> bytes) override { text.append(bytes.begin(), bytes.end()); }
  void on_resize(WindowSize) override {}
  void on_hangup() override {}
  void on_break() override { ++breaks; }
  std::size_t input_room() override { return room; }
  std::string text;
  int breaks = 0;
  std::size_t room = ~std::size_t{0};
};

struct Serial : testing::Test {
  Ref<Serial16550> open() {
    auto made = Serial16550::create(fake.environment, {.port = 0x3f8, .irq = 4});
    EXPECT_TRUE(made);
    return made ? *made : Ref<Serial16550>();
  }
  FakeEnvironment fake;
  FakeUart uart{fake, 0x3f8, 4};
};

TEST(SerialAbsent, IsNotFound) {
  FakeEnvironment fake;
  const auto made = Serial16550::create(fake.environment, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), Error::NotFound);
  EXPECT_EQ(fake.memory.live, 0);
  EXPECT_FALSE(initialise_polled(fake.ports, 0x3f8));
}

TEST_F(Serial, WritesThroughTheFifo) {
  auto serial = open();
  serial->write(bytes_of("a line that is longer than the sixteen bytes of a FIFO\n"));
  EXPECT_EQ(uart.sent(), "a line that is longer than the sixteen bytes of a FIFO\n");
  EXPECT_EQ(uart.interrupt_enable(), 5) << "no transmit interrupt while nothing waits";
}

TEST_F(Serial, KeepsWhatTheLineDoesNotTakeYet) {
  auto serial = open();
  uart.set_line_room(3);
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i);
  serial->write(bytes_of(text));
  EXPECT_EQ(uart.sent(), "012");
  EXPECT_EQ(uart.interrupt_enable(), 7);
  uart.set_line_room(-1);
  EXPECT_EQ(uart.sent(), text);
  EXPECT_EQ(uart.interrupt_enable(), 5);
  EXPECT_EQ(uart.lost(), 0u);
}

TEST_F(Serial, WriterBlocksWhileTheRingIsFull) {
  auto serial = open();
  uart.set_line_room(0);
  const std::string text(20000, 'x');
  std::atomic<bool> done = false;
  std::thread writer([&] {
    serial->write(bytes_of(text));
    done = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(done);
  // The line opens a little at a time, as a slow terminal does.
  while (!done) {
    uart.set_line_room(700);
    std::this_thread::yield();
  }
  uart.set_line_room(-1);
  writer.join();
  EXPECT_EQ(uart.sent().size(), text.size());
  EXPECT_EQ(uart.lost(), 0u);
}

TEST_F(Serial, WritersAreNotInterleaved) {
  auto serial = open();
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c) {
    writers.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) serial->write(bytes_of(std::string(100, c) + "\n"));
    });
  }
  for (auto& writer : writers) writer.join();
  const std::string sent = uart.sent();
  ASSERT_EQ(sent.size(), 80 * 101u);
  for (std::size_t at = 0; at < sent.size(); at += 101) {
    EXPECT_EQ(sent.substr(at, 101), std::string(100, sent[at]) + "\n");
  }
}

TEST_F(Serial, DeliversInputThatCameBeforeTheReceiver) {
  auto serial = open();
  uart.arrive("early ");
  Receiver receiver;
  serial->set_receiver(&receiver);
  uart.arrive("late, and more than a FIFO holds at once");
  EXPECT_EQ(receiver.text, "early late, and more than a FIFO holds at once");
  serial->set_receiver(nullptr);
  uart.arrive("x");
  EXPECT_EQ(receiver.text.back(), 'e');
}

TEST_F(Serial, ReportsABreak) {
  auto serial = open();
  Receiver receiver;
  serial->set_receiver(&receiver);
  uart.arrive("a");
  uart.arrive_break();
  uart.arrive("b");
  EXPECT_EQ(receiver.text, "ab");
  EXPECT_EQ(receiver.breaks, 1);
  serial->set_receiver(nullptr);
}

TEST_F(Serial, AFullRingHoldsTheLineUpAndLosesNothing) {
  auto serial = open();
  std::string text;
  for (int i = 0; text.size() < 10000; ++i) text += std::to_string(i) + ' ';
  uart.arrive(text);
  EXPECT_EQ(uart.interrupt_enable(), 0) << "throttled";
  std::string got;
  while (got.size() < text.size()) {
    u8 piece[1000];
    const std::size_t count = serial->read(piece);
    got.append(piece, piece + count);
    uart.run();
  }
  EXPECT_EQ(got, text);
  EXPECT_FALSE(serial->readable());
  EXPECT_EQ(uart.interrupt_enable(), 5);
}

TEST_F(Serial, AReceiverWithoutRoomHoldsTheLineUp) {
  auto serial = open();
  Receiver receiver;
  receiver.room = 10;
  serial->set_receiver(&receiver);
  receiver.room = 0;
  std::string text;
  for (int i = 0; text.size() < 10000; ++i) text += std::to_string(i) + ' ';
  uart.arrive(text);
  EXPECT_EQ(receiver.text, "");
  EXPECT_EQ(uart.interrupt_enable(), 0) << "throttled";
  receiver.room = 1000;
  serial->resume_input();
  uart.run();
  EXPECT_EQ(receiver.text, text);
  EXPECT_EQ(uart.lost(), 0u);
  serial->set_receiver(nullptr);
}

TEST_F(Serial, ReadBlocksUntilAByteComes) {
  auto serial = open();
  std::string got;
  std::thread reader([&] {
    u8 piece[16];
    while (got.size() < 5) {
      const std::size_t count = serial->read(piece);
      got.append(piece, piece + count);
    }
  });
  for (const char* piece : {"h", "el", "lo"}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    uart.arrive(piece);
  }
  reader.join();
  EXPECT_EQ(got, "hello");
}

TEST_F(Serial, IsConsoleAndByteStream) {
  auto serial = open();
  EXPECT_TRUE(query<ByteStream>(static_cast<Object&>(static_cast<Console&>(*serial))));
  EXPECT_TRUE(query<Console>(static_cast<Object&>(static_cast<ByteStream&>(*serial))));
}

TEST_F(Serial, PolledWritesNeedNothing) {
  ASSERT_TRUE(initialise_polled(fake.ports, 0x3f8));
  write_polled(fake.ports, 0x3f8, "panic");
  EXPECT_EQ(uart.sent(), "panic");
  uart.set_line_room(0);
  write_polled(fake.ports, 0x3f8, "a line that never moves must not hang a panic");
  EXPECT_EQ(uart.sent(), "panic");
}

TEST_F(Serial, EverythingIsFreedAtTheEnd) {
  {
    auto serial = open();
    EXPECT_EQ(fake.memory.live, 1);
  }
  EXPECT_EQ(fake.memory.live, 0);
  EXPECT_EQ(uart.interrupt_enable(), 0);
}

// O29: making it again is no different from the first time, for the same UART and for another beside it.
TEST_F(Serial, MadeTwiceWorksTwice) {
  FakeUart other(fake, 0x2f8, 3);
  open()->write(bytes_of("one"));
  auto again = open();
  const auto beside = Serial16550::create(fake.environment, {.port = 0x2f8, .irq = 3});
  ASSERT_TRUE(again && beside);
  again->write(bytes_of(" two"));
  (*beside)->write(bytes_of("three"));
  again->drain();
  (*beside)->drain();
  EXPECT_EQ(uart.sent(), "one two");
  EXPECT_EQ(other.sent(), "three");
  uart.arrive("a");
  other.arrive("b");
  u8 byte = 0;
  EXPECT_EQ(again->read({&byte, 1}), 1u);
  EXPECT_EQ(byte, 'a');
  EXPECT_EQ((*beside)->read({&byte, 1}), 1u);
  EXPECT_EQ(byte, 'b');
}

TEST_F(Serial, OutOfMemoryIsAResult) {
  fake.memory.fail_after = 0;
  const auto made = Serial16550::create(fake.environment, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), Error::OutOfMemory);
}

}  // namespace
}  // namespace vari::components::serial_16550
