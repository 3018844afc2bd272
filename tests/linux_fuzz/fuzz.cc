// What libFuzzer calls: an input to run, and ways to change one that keep records whole.
// Environment: VARI_FUZZ_PLANT=1 plants a bug, VARI_FUZZ_EXPLAIN=1 tells each call.
#include <cstdlib>
#include <cstring>
#include <random>

#include "seeds.h"
#include "world.h"

// libFuzzer's own byte mutations.
extern "C" std::size_t LLVMFuzzerMutate(unsigned char* data, std::size_t size, std::size_t limit);

namespace {

using namespace vari::linux::fuzz;
using vari::u8;

World& world() {
  static World the_world({.plant = std::getenv("VARI_FUZZ_PLANT") != nullptr,
                          .explain = std::getenv("VARI_FUZZ_EXPLAIN") != nullptr});
  return the_world;
}

using Random = std::minstd_rand;

Record any_record(Random& random) {
  Record record;
  record.call = static_cast<vari::u16>(random());
  record.slot = static_cast<u8>(random() % (kSlots * 2));
  for (auto& choice : record.arguments) choice = {static_cast<u8>(random() % 64), static_cast<u8>(random())};
  return record;
}

void change_record(Random& random, Record& record) {
  auto& choice = record.arguments[random() % 6];
  switch (random() % 6) {
    case 0: record.slot = static_cast<u8>(random() % (kSlots * 2)); break;
    case 1: choice.selector = static_cast<u8>(random() % 64); break;
    case 2: choice.value = static_cast<u8>(random() % 16); break;
    case 3: choice.value = static_cast<u8>(random()); break;
    case 4: record.call = static_cast<vari::u16>(random()); break;
    default: choice = record.arguments[random() % 6];
  }
}

void change_header(Random& random, Header& header) {
  switch (random() % 4) {
    case 0: header.seed = static_cast<vari::u16>(random()); break;
    case 1: header.failing = static_cast<vari::u16>(random() % 400); break;
    case 2: header.few_frames = static_cast<u8>(random() % 64); break;
    default: header = {};
  }
}

void change(Random& random, Input& input) {
  auto& records = input.records;
  const auto somewhere = [&] { return records.begin() + static_cast<long>(random() % records.size()); };
  if (records.empty() || random() % 16 == 0) return void(records.push_back(any_record(random)));
  switch (random() % 8) {
    case 0: records.insert(somewhere(), any_record(random)); break;
    case 1: records.erase(somewhere()); break;
    case 2: records.insert(somewhere(), Record(*somewhere())); break;
    case 3: std::swap(*somewhere(), *somewhere()); break;
    case 4: change_header(random, input.header); break;
    default: change_record(random, *somewhere());
  }
}

std::size_t store(const Input& input, u8* data, std::size_t limit) {
  auto bytes = encode(input);
  bytes.resize(std::min(bytes.size(), limit));
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8* data, std::size_t size) {
  world().run(decode({data, size}));
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(u8* data, std::size_t size, std::size_t limit, unsigned seed) {
  Random random(seed);
  // Now and then the bytes themselves: comparisons that libFuzzer has seen lead it there.
  if (random() % 8 == 0) return LLVMFuzzerMutate(data, size, limit);
  Input input = decode({data, size});
  for (auto times = 1 + random() % 4; times > 0; --times) change(random, input);
  return store(input, data, limit);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const u8* one, std::size_t one_size, const u8* two,
                                                 std::size_t two_size, u8* out, std::size_t limit,
                                                 unsigned seed) {
  Random random(seed);
  Input input = decode({one, one_size});
  const Input other = decode({two, two_size});
  if (!input.records.empty()) input.records.resize(1 + random() % input.records.size());
  for (const auto& record : other.records) {
    if (random() % 4 != 0) input.records.push_back(record);
  }
  return store(input, out, limit);
}
