// The corpus's workshop, without libFuzzer:
//
//   linux_fuzz_tool seeds FOLDER        writes the seeds, a file each
//   linux_fuzz_tool assemble TEXT FILE  an input from its text
//   linux_fuzz_tool show FILE           the text of an input
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "seeds.h"

namespace {

using namespace vari::linux::fuzz;

std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool write(const std::string& path, const Input& input) {
  const auto bytes = encode(input);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
  return file.good();
}

int write_seeds(const std::string& folder) {
  for (const auto& [name, input] : seeds()) {
    if (!write(folder + "/seed-" + name, input)) return 1;
  }
  return 0;
}

int assemble(const char* from, const char* to) {
  std::string trouble;
  const Input input = from_text(contents(from), trouble);
  if (!trouble.empty()) std::cerr << from << ": " << trouble << "\n";
  return trouble.empty() && write(to, input) ? 0 : 1;
}

int show(const char* path) {
  const std::string bytes = contents(path);
  std::cout << to_text(decode({reinterpret_cast<const vari::u8*>(bytes.data()), bytes.size()}));
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  if (what == "seeds" && count == 3) return write_seeds(words[2]);
  if (what == "assemble" && count == 4) return assemble(words[2], words[3]);
  if (what == "show" && count == 3) return show(words[2]);
  std::cerr << "usage: seeds FOLDER | assemble TEXT FILE | show FILE\n";
  return 2;
}
