// The host channel against a line in memory, with well-behaved hosts and with garbage.
#include "components/host_channel/host_channel.h"

#include <gtest/gtest.h>

#include <random>

#include "components/host_channel/protocol.h"
#include "host_support/fake_environment.h"

namespace vari::components::host_channel {
namespace {

using testing_support::FakeEnvironment;

/// A line in memory: what the guest writes is kept, what the host sends is read; hang_up() ends it.
class Line final : public Component<ByteStream> {
 public:
  std::size_t read(std::span<u8> to) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !incoming_.empty() || ended_; });
    const std::size_t count = std::min(to.size(), incoming_.size());
    std::memcpy(to.data(), incoming_.data(), count);
    incoming_.erase(0, count);
    return count;
  }
  bool readable() override { return true; }
  void write(std::span<const u8> bytes) override {
    std::lock_guard lock(mutex_);
    outgoing_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    changed_.notify_all();
  }
  void send(const std::string& bytes) {
    std::lock_guard lock(mutex_);
    incoming_ += bytes;
    changed_.notify_all();
  }
  void hang_up() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  std::string wait_for(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return outgoing_.size() >= bytes; });
    return outgoing_;
  }
  std::string take() {
    std::lock_guard lock(mutex_);
    return std::exchange(outgoing_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string incoming_, outgoing_;
  bool ended_ = false;
};

std::string frame(Kind kind, std::string_view payload) {
  std::string bytes;
  bytes += static_cast<char>(kind);
  bytes += static_cast<char>(payload.size());
  bytes += static_cast<char>(payload.size() >> 8);
  return bytes + std::string(payload);
}

const std::string kGreeting =
    frame(Kind::Ready, "\x01") + frame(Kind::Credit, std::string("\x00\x40\x00\x00", 4));

std::span<const u8> bytes_of(std::string_view text) {
  return {reinterpret_cast<const u8*>(text.data()), text.size()};
}

std::string read_all(ByteStream& stream) {
  std::string text;
  u8 piece[777];
  while (const std::size_t count = stream.read(piece)) text.append(piece, piece + count);
  return text;
}

struct Channel : testing::Test {
  void SetUp() override {
    auto made = HostChannel::create(fake.environment, line);
    ASSERT_TRUE(made);
    channel = *made;
    EXPECT_EQ(line->take(), kGreeting);
  }
  void TearDown() override {
    line->hang_up();
    // The reading thread holds the last reference for a moment longer.
    channel = {};
    for (int i = 0; i < 2000 && fake.memory.live > 1; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    line = {};
    EXPECT_EQ(fake.memory.live, 0);
  }
  FakeEnvironment fake;
  Ref<Line> line = *make_component<Line>(fake.memory);
  Ref<HostChannel> channel;
};

TEST_F(Channel, FramesOutputErrorMessageAndStatus) {
  channel->standard_output()->write(bytes_of("out"));
  channel->standard_error()->write(bytes_of("err"));
  channel->send_message("why");
  channel->send_exit_status(3);
  channel->standard_output()->write(bytes_of("after the end"));
  EXPECT_EQ(line->take(), frame(Kind::StandardOutput, "out") + frame(Kind::StandardError, "err") +
                              frame(Kind::Message, "why") + frame(Kind::ExitStatus, "\x03"));
}

TEST_F(Channel, CutsLongOutputIntoFrames) {
  const std::string text(2500, 'x');
  channel->standard_output()->write(bytes_of(text));
  EXPECT_EQ(line->take(), frame(Kind::StandardOutput, text.substr(0, 1024)) +
                              frame(Kind::StandardOutput, text.substr(0, 1024)) +
                              frame(Kind::StandardOutput, text.substr(0, 452)));
}

TEST_F(Channel, InputArrivesAndEnds) {
  line->send(frame(Kind::StandardInput, "hello ") + frame(Kind::StandardInput, "world") +
             frame(Kind::StandardInputEnd, ""));
  EXPECT_EQ(read_all(*channel->standard_input()), "hello world");
  EXPECT_TRUE(channel->standard_input()->readable());
  u8 byte;
  EXPECT_EQ(channel->standard_input()->read({&byte, 1}), 0u);
}

TEST_F(Channel, InputBeyondTheCreditIsDropped) {
  for (int i = 0; i < 20; ++i)
    line->send(frame(Kind::StandardInput, std::string(1024, static_cast<char>('a' + i))));
  line->send(frame(Kind::StandardInputEnd, ""));
  while (!channel->standard_input()->readable()) std::this_thread::yield();
  // The end is behind all input, so what is read until then is all that was taken: first the credit.
  std::string text = read_all(*channel->standard_input());
  EXPECT_GE(text.size(), 16384u);
  EXPECT_LE(text.size(), 20u * 1024);
  EXPECT_EQ(text[0], 'a');
}

TEST_F(Channel, CreditComesBackAsInputIsRead) {
  std::string sent, got;
  std::size_t credit = 16384, seen = 0;
  std::thread reader([&] { got = read_all(*channel->standard_input()); });
  std::mt19937 random(1);
  while (sent.size() < 200000) {
    const std::string answers = line->wait_for(credit > 0 ? 0 : seen + 7);
    for (; seen + 7 <= answers.size(); seen += 7) {
      ASSERT_EQ(answers[seen], 6);
      u32 granted;
      std::memcpy(&granted, answers.data() + seen + 3, 4);
      credit += granted;
    }
    while (credit > 0) {
      std::string piece(std::min<std::size_t>(1 + random() % 1024, credit), static_cast<char>(random()));
      credit -= piece.size();
      line->send(frame(Kind::StandardInput, piece));
      sent += piece;
    }
  }
  line->send(frame(Kind::StandardInputEnd, ""));
  reader.join();
  EXPECT_EQ(got, sent);
}

TEST_F(Channel, TellsTheListener) {
  struct Listening final : Listener {
    void on_window_size(WindowSize size) override {
      rows = size.rows;
      columns = size.columns;
    }
    void on_signal(u8 number) override { signal = number; }
    std::atomic<int> rows = 0, columns = 0, signal = 0;
  } listener;
  line->send(frame(Kind::WindowSize, std::string("\x18\x00\x84\x00", 4)));
  line->send(frame(Kind::Signal, "\x02") + frame(Kind::Signal, "too long") + frame(Kind::Signal, "\x7f"));
  line->send(frame(Kind::StandardInput, "x"));
  while (!channel->standard_input()->readable()) std::this_thread::yield();
  channel->set_listener(&listener);
  EXPECT_EQ(listener.rows, 24) << "a size that came before is told at once";
  EXPECT_EQ(listener.columns, 132);
  line->send(frame(Kind::Signal, "\x0f"));
  while (listener.signal == 0) std::this_thread::yield();
  EXPECT_EQ(listener.signal, 15);
  channel->set_listener(nullptr);
}

TEST_F(Channel, TellsTheObserverOfInput) {
  struct Observing final : ByteStreamObserver {
    void on_readable() override { ++calls; }
    std::atomic<int> calls = 0;
  } observer;
  channel->standard_input()->set_observer(&observer);
  line->send(frame(Kind::StandardInput, "x"));
  while (observer.calls == 0) std::this_thread::yield();
  EXPECT_TRUE(channel->standard_input()->readable());
  channel->standard_input()->set_observer(nullptr);
}

TEST_F(Channel, FindsBackAfterGarbage) {
  line->send("SeaBIOS (version 1.16)\r\n\xff\xfe\x10");
  line->send(frame(Kind::StandardInput, std::string(1024, 'g')));  // completes whatever the garbage began
  for (int i = 0; i < 4; ++i) line->send(frame(Kind::StandardInput, "valid"));
  line->send(frame(Kind::StandardInputEnd, ""));
  EXPECT_NE(read_all(*channel->standard_input()).find("valid"), std::string::npos);
}

TEST(FrameDecoder, SkipsBytesThatBeginNoFrame) {
  FrameDecoder decoder;
  std::string seen;
  for (const char c : std::string("\x00\x01zz\x05", 5) + frame(Kind::Signal, "\x0a") + "\x10\xff\xff" +
                          frame(Kind::Signal, "\x0b")) {
    if (!decoder.push(static_cast<u8>(c))) continue;
    seen += std::to_string(decoder.frame().kind) + ":" + std::to_string(decoder.frame().payload[0]) + " ";
  }
  EXPECT_EQ(seen, "19:10 19:11 ");
}

TEST(FrameDecoder, RandomBytesStayWithinBounds) {
  std::mt19937 random(7);
  FrameDecoder decoder;
  for (int i = 0; i < 2'000'000; ++i) {
    // Kinds of the host are frequent, so that many frames begin.
    const u8 byte = random() % 4 ? static_cast<u8>(random()) : static_cast<u8>(16 + random() % 4);
    if (!decoder.push(byte)) continue;
    ASSERT_LE(decoder.frame().payload.size(), FrameDecoder::kMaximumPayload);
    ASSERT_TRUE(from_host(decoder.frame().kind));
  }
}

}  // namespace
}  // namespace vari::components::host_channel
