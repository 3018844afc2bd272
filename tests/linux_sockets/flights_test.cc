// The collector of descriptors in flight, on files that are nothing but queues of attachments. The reference
// is computed by reachability from those that are held; what the collector empties must be exactly the rest.
#include <random>

#include "personalities/linux/sockets/files_in_flight.h"
#include "runtime/port/linux/machine.h"
#include "tests/linux_files/program.h"

namespace vari::linux::test {
namespace {

class Box final : public File, public InFlightNode {
 public:
  Box(FilesInFlight& flights, u32& living) : File(kReadWrite), flights_(flights), living_(living) {
    ++living_;
  }
  ~Box() override {
    --living_;
    for (auto& attachments : queue_) flights_.dispose(std::move(attachments));
  }
  void put(const std::vector<Box*>& files) {
    auto attachments = *Attachments::create(static_cast<u32>(files.size()));
    for (Box* file : files) attachments.add(Ref<File>(*file));
    flights_.launch(attachments);
    queue_.push_back(std::move(attachments));
  }
  std::vector<Attachments>& queue() { return queue_; }

  LinuxResult<u64> read(Task&, Transfer&) override { return 0; }
  LinuxResult<u64> write(Task&, Transfer&) override { return 0; }
  u32 poll(PollTable*) override { return 0; }
  Inode& inode() override { UNREACHABLE(); }
  InFlightNode* in_flight_node() override { return this; }
  void visit_attachments(Visitor& visitor) override {
    for (auto& attachments : queue_)
      if (attachments) visitor.visit(attachments);
  }
  File& flying_file() override { return *this; }

 protected:
  void on_last_release() override { delete this; }

 private:
  FilesInFlight& flights_;
  u32& living_;
  std::vector<Attachments> queue_;
};

Ref<Box> make_box(FilesInFlight& flights, u32& living) {
  return *runtime::make<Box>(flights, living);
}

void run(const std::function<void(FilesInFlight&, u32&)>& body) {
  runtime::LinuxMachine machine(1);
  machine.run([&] {
    FilesInFlight flights;
    u32 living = 0;
    body(flights, living);
  });
}

TEST(FilesInFlight, ARingIsCollectedWhenNobodyHoldsIt) {
  run([](FilesInFlight& flights, u32& living) {
    auto a = make_box(flights, living), b = make_box(flights, living);
    a->put({b.get()});
    b->put({a.get(), a.get()});
    b = {};
    flights.collect();
    EXPECT_EQ(living, 2u);  // a is held, and b can be had from it
    a = {};
    EXPECT_EQ(living, 2u);  // counts alone never end it: that is what the collector is for
    flights.collect();
    EXPECT_EQ(living, 0u);
    EXPECT_EQ(flights.count(), 0u);
  });
}

TEST(FilesInFlight, AFileInItsOwnQueue) {
  run([](FilesInFlight& flights, u32& living) {
    auto box = make_box(flights, living);
    box->put({box.get()});
    flights.collect();
    EXPECT_EQ(living, 1u);
    box = {};
    flights.collect();
    EXPECT_EQ(living, 0u);
  });
}

TEST(FilesInFlight, ALongChainEndsWithoutRecursion) {
  run([](FilesInFlight& flights, u32& living) {
    auto last = make_box(flights, living);
    for (u32 i = 0; i < 100'000; ++i) {
      auto next = make_box(flights, living);
      next->put({last.get()});
      last = next;
    }
    last = {};
    EXPECT_EQ(living, 0u);
  });
}

TEST(FilesInFlight, ExactlyTheUnreachableGo) {
  std::mt19937 chance(1);
  for (u32 round = 0; round < 300; ++round) {
    run([&](FilesInFlight& flights, u32& living) {
      constexpr u32 kBoxes = 12;
      std::vector<Ref<Box>> held;
      std::vector<std::vector<u32>> edges(kBoxes);
      for (u32 i = 0; i < kBoxes; ++i) held.push_back(make_box(flights, living));
      for (u32 edge = chance() % 30; edge > 0; --edge) {
        const u32 from = chance() % kBoxes, to = chance() % kBoxes;
        edges[from].push_back(to);
        held[from]->put({held[to].get()});
      }
      std::vector<bool> reachable(kBoxes);
      const std::function<void(u32)> reach = [&](u32 box) {
        if (reachable[box]) return;
        reachable[box] = true;
        for (const u32 to : edges[box]) reach(to);
      };
      for (u32 i = 0; i < kBoxes; ++i) {
        if (chance() % 3 == 0) reach(i);
      }
      // Those that are reachable from a held one need no reference of ours, but for the held ones themselves.
      std::vector<bool> roots = reachable;
      for (u32 i = 0; i < kBoxes; ++i) {
        if (!reachable[i]) held[i] = {};
      }
      flights.collect();
      EXPECT_EQ(living, static_cast<u32>(std::count(roots.begin(), roots.end(), true)));
      held.clear();
      flights.collect();
      EXPECT_EQ(living, 0u);
      EXPECT_EQ(flights.count(), 0u);
    });
  }
}

}  // namespace
}  // namespace vari::linux::test
