// See program.h.
#include "program.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace vari::linux::fuzz {

Input decode(std::span<const u8> bytes) {
  Input input;
  std::memcpy(&input.header, bytes.data(), std::min(bytes.size(), sizeof input.header));
  for (std::size_t at = sizeof(Header); at + sizeof(Record) <= bytes.size(); at += sizeof(Record)) {
    if (input.records.size() == Input::kMaximumRecords) break;
    std::memcpy(&input.records.emplace_back(), bytes.data() + at, sizeof(Record));
  }
  return input;
}

std::vector<u8> encode(const Input& input) {
  std::vector<u8> bytes(sizeof(Header) + input.records.size() * sizeof(Record));
  std::memcpy(bytes.data(), &input.header, sizeof(Header));
  if (!input.records.empty())
    std::memcpy(bytes.data() + sizeof(Header), input.records.data(), bytes.size() - sizeof(Header));
  return bytes;
}

std::string to_text(const Input& input) {
  std::ostringstream text;
  const auto& header = input.header;
  text << "seed " << header.seed << " failing " << header.failing << " few_frames " << +header.few_frames
       << "\n";
  for (const auto& record : input.records) {
    const Call& call = record.what();
    text << call.name;
    if (record.slot < kSlots) text << " >" << +record.slot;
    for (std::size_t i = 0; i < call.kinds.size(); ++i) {
      char pair[8];
      std::snprintf(pair, sizeof pair, " %02x.%02x", record.arguments[i].selector, record.arguments[i].value);
      text << pair;
    }
    text << "\n";
  }
  return text.str();
}

namespace {

bool read_record(std::istringstream& words, const std::string& name, Record& record) {
  const Call* call = find_call(name);
  if (!call) return false;
  record = {.call = static_cast<u16>(call - calls().data()), .slot = 0xff};
  std::size_t count = 0;
  for (std::string word; words >> word && word[0] != '#';) {
    unsigned selector = 0, value = 0;
    if (word[0] == '>') {
      record.slot = static_cast<u8>(std::atoi(word.c_str() + 1));
    } else if (count < 6 && std::sscanf(word.c_str(), "%x.%x", &selector, &value) == 2) {
      record.arguments[count++] = {static_cast<u8>(selector), static_cast<u8>(value)};
    } else {
      return false;
    }
  }
  return count <= call->kinds.size();
}

}  // namespace

Input from_text(std::string_view text, std::string& trouble) {
  Input input;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, name;
    if (!(words >> first) || first[0] == '#') continue;
    if (first == "seed") {
      u32 few = 0;
      words >> input.header.seed >> name >> input.header.failing >> name >> few;
      input.header.few_frames = static_cast<u8>(few);
      continue;
    }
    if (Record record; read_record(words, first, record)) {
      input.records.push_back(record);
    } else {
      trouble = "not understood: " + line;
    }
  }
  return input;
}

}  // namespace vari::linux::fuzz
