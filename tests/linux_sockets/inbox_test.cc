// A stream's inbox: every byte once and in order, with senders and receivers that sleep and are woken.
#include <algorithm>

#include "personalities/linux/sockets/stream_inbox.h"
#include "runtime/port/linux/machine.h"
#include "runtime/thread.h"
#include "tests/linux_files/program.h"

namespace vari::linux::test {
namespace {

struct Worker {
  std::function<void()> body;
  Ref<runtime::Thread> thread;
  void start() {
    auto started = runtime::Thread::start([](void* self) { static_cast<Worker*>(self)->body(); }, this);
    ASSERT_TRUE(started.has_value());
    thread = std::move(*started);
  }
};

LinuxResult<u64> send(StreamInbox& inbox, SocketStatus& sender, void* bytes, u64 size, bool waits = true,
                      const SocketCredentials* credentials = nullptr) {
  KernelTransfer from({static_cast<u8*>(bytes), size});
  StreamSend request{.from = from,
                     .sender = sender,
                     .patience = {.waits = waits},
                     .limit = 20'000,
                     .credentials = credentials};
  return inbox.send(request);
}

LinuxResult<u64> receive(StreamInbox& inbox, SocketStatus& receiver, void* bytes, u64 size, bool waits = true,
                         bool peek = false, bool by_sender = false) {
  KernelTransfer to({static_cast<u8*>(bytes), size});
  StreamReceive request{
      .to = to, .receiver = receiver, .patience = {.waits = waits}, .peek = peek, .by_sender = by_sender};
  return inbox.receive(request);
}

TEST(StreamInbox, EveryByteOnceAndInOrder) {
  FakePlace place(256);
  runtime::LinuxMachine machine(4);
  machine.run([&] {
    constexpr u64 kBytes = 1'000'000;
    FilesInFlight flights;
    StreamInbox inbox(place, flights);
    SocketStatus sender, receiver;
    Worker workers[2];
    workers[0].body = [&] {
      std::vector<u8> bytes(kBytes);
      for (u64 i = 0; i < kBytes; ++i) bytes[i] = static_cast<u8>(i * 31 >> 3);
      u64 done = 0;
      for (u64 size = 1; done < kBytes; size = size * 7 % 30'011 + 1) {
        const auto sent = send(inbox, sender, bytes.data() + done, std::min(size, kBytes - done));
        ASSERT_TRUE(sent.has_value());
        done += *sent;
      }
      receiver.shut_down(SocketStatus::kNoReceive);
      inbox.wake_all();
    };
    u64 total = 0;
    workers[1].body = [&] {
      std::vector<u8> bytes(9'001);
      for (;;) {
        const auto got = receive(inbox, receiver, bytes.data(), bytes.size());
        ASSERT_TRUE(got.has_value());
        if (*got == 0) break;
        for (u64 i = 0; i < *got; ++i) ASSERT_EQ(bytes[i], static_cast<u8>((total + i) * 31 >> 3));
        total += *got;
      }
    };
    for (auto& worker : workers) worker.start();
    for (auto& worker : workers) worker.thread->join();
    EXPECT_EQ(total, kBytes);
    EXPECT_FALSE(inbox.empty());
  });
  EXPECT_EQ(place.free_frames(), 256u);
}

TEST(StreamInbox, SeveralReceiversLeaveNobodyAsleep) {
  FakePlace place(256);
  runtime::LinuxMachine machine(4);
  machine.run([&] {
    constexpr u32 kReceivers = 4, kRecords = 4000;
    FilesInFlight flights;
    StreamInbox inbox(place, flights);
    SocketStatus sender, receiver;
    u32 received = 0;
    Worker workers[kReceivers + 1];
    workers[kReceivers].body = [&] {
      for (u32 i = 0; i < kRecords; ++i) ASSERT_EQ(*send(inbox, sender, &i, sizeof i), sizeof i);
      while (__atomic_load_n(&received, __ATOMIC_SEQ_CST) < kRecords) runtime::Thread::yield();
      receiver.shut_down(SocketStatus::kNoReceive);
      inbox.wake_all();
    };
    for (u32 r = 0; r < kReceivers; ++r) {
      workers[r].body = [&] {
        for (u32 record = 0;;) {
          const auto got = receive(inbox, receiver, &record, sizeof record);
          ASSERT_TRUE(got.has_value());
          if (*got == 0) return;
          ASSERT_EQ(*got, sizeof record);
          __atomic_fetch_add(&received, 1, __ATOMIC_SEQ_CST);
        }
      };
    }
    for (auto& worker : workers) worker.start();
    for (auto& worker : workers) worker.thread->join();
    EXPECT_EQ(received, kRecords);
  });
}

TEST(StreamInbox, LimitsErrorsAndEnds) {
  FakePlace place(256);
  runtime::LinuxMachine machine(1);
  machine.run([&] {
    FilesInFlight flights;
    StreamInbox inbox(place, flights);
    SocketStatus sender, receiver;
    std::vector<u8> bytes(40'000, 'x');
    EXPECT_EQ(receive(inbox, receiver, bytes.data(), 1, false).error(), Errno::Again);
    EXPECT_EQ(*send(inbox, sender, bytes.data(), bytes.size(), false), 20'000u);
    EXPECT_EQ(send(inbox, sender, bytes.data(), 1, false).error(), Errno::Again);
    EXPECT_FALSE(inbox.has_room(20'000));
    EXPECT_EQ(*receive(inbox, receiver, bytes.data(), 10'000, false), 10'000u);
    EXPECT_TRUE(inbox.has_room(20'000));
    sender.shut_down(SocketStatus::kNoSend);
    EXPECT_EQ(send(inbox, sender, bytes.data(), 1).error(), Errno::Pipe);
    receiver.set_error(Errno::ConnectionReset);
    EXPECT_EQ(*receive(inbox, receiver, bytes.data(), 20'000, false), 10'000u);
    EXPECT_EQ(receive(inbox, receiver, bytes.data(), 1).error(), Errno::ConnectionReset);
    receiver.shut_down(SocketStatus::kNoReceive);
    EXPECT_EQ(*receive(inbox, receiver, bytes.data(), 1), 0u);
  });
}

TEST(StreamInbox, SendersAreNotMixed) {
  FakePlace place(256);
  runtime::LinuxMachine machine(1);
  machine.run([&] {
    FilesInFlight flights;
    StreamInbox inbox(place, flights);
    SocketStatus sender, receiver;
    const SocketCredentials one{1, 1, 1}, two{2, 2, 2};
    char bytes[32] = "abcdefgh";
    EXPECT_EQ(*send(inbox, sender, bytes, 2, true, &one), 2u);
    EXPECT_EQ(*send(inbox, sender, bytes, 2, true, &one), 2u);
    EXPECT_EQ(*send(inbox, sender, bytes, 3, true, &two), 3u);
    EXPECT_EQ(*send(inbox, sender, bytes, 1), 1u);
    EXPECT_EQ(*receive(inbox, receiver, bytes, 32, false, true, true), 4u);
    EXPECT_EQ(*receive(inbox, receiver, bytes, 32, false, false, true), 4u);
    EXPECT_EQ(*receive(inbox, receiver, bytes, 1, false, false, true), 1u);
    EXPECT_EQ(*receive(inbox, receiver, bytes, 32, false), 3u);  // who does not ask gets all
  });
}

}  // namespace
}  // namespace vari::linux::test
