// See seeds.h. Each seed opens some descriptors and memory, then makes its call with three sets of
// arguments, the first the mildest.
#include "seeds.h"

namespace vari::linux::fuzz {
namespace {

Record record(const char* call, u8 slot, std::initializer_list<Choice> arguments) {
  Record made{.call = static_cast<u16>(find_call(call) - calls().data()), .slot = slot};
  std::size_t at = 0;
  for (const auto& choice : arguments) made.arguments[at++] = choice;
  return made;
}

constexpr u8 kNone = 0xff;

/// Descriptors 3 (a file), 4 and 5 (a pipe), 6 (an event counter), and three pages of memory.
std::vector<Record> preparation() {
  return {record("openat", 0, {{0, 0}, {0, 0}, {1, 6}, {1, 0xb4}}),
          record("ftruncate", kNone, {{0, 3}, {1, 100}}), record("pipe2", kNone, {{0, 0}, {0, 0}}),
          record("eventfd2", 1, {{0, 1}, {0, 0}}),
          record("mmap", 2, {{0, 0}, {2, 3}, {0, 3}, {0, 0}, {6, 1}, {0, 0}})};
}

}  // namespace

std::vector<std::pair<std::string, Input>> seeds() {
  std::vector<std::pair<std::string, Input>> made;
  for (const auto& call : calls()) {
    Input input;
    input.records = preparation();
    for (u8 turn = 0; turn < 3; ++turn) {
      Record own{.call = static_cast<u16>(&call - calls().data()), .slot = static_cast<u8>(3 + turn)};
      for (u8 i = 0; i < 6; ++i) own.arguments[i] = {turn, static_cast<u8>(turn + (i == 0 ? 3 : 0))};
      input.records.push_back(own);
    }
    made.emplace_back(call.name, input);
  }
  return made;
}

}  // namespace vari::linux::fuzz
