# A C++ compiler, assembler and linker at work, and what they made.
set -e
cd /tmp; cat > a.cc <<'X'
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>
int twice(int);
int main() {
  std::map<std::string, int> m; std::vector<std::thread> threads; int r[4] = {};
  for (int i = 0; i < 4; i++) threads.emplace_back([&r, i] { for (int j = 0; j < 1000; j++) r[i] += j * i; });
  for (auto& t : threads) t.join();
  for (int i = 0; i < 4; i++) m["k" + std::to_string(i)] = twice(r[i]);
  for (auto& [k, v] : m) std::cout << k << ' ' << v << '\n';
  std::filesystem::create_directories("/tmp/x/y/z"); std::ofstream("/tmp/x/y/z/f") << "hi";
  for (auto& e : std::filesystem::recursive_directory_iterator("/tmp/x")) std::cout << e.path() << '\n';
  std::cout << std::filesystem::remove_all("/tmp/x") << '\n';
  try { throw 3; } catch (int i) { std::cout << "caught " << i << '\n'; }
}
X
echo 'int twice(int a) { return 2 * a; }' > b.cc
g++-12 -std=c++20 -O1 -c a.cc; g++-12 -O2 -fPIC -shared -o libb.so b.cc; g++-12 -o a a.o -L. -lb -Wl,-rpath,/tmp; ./a
echo 'int main() { return 7 }' > bad.cc; g++-12 -c bad.cc 2>&1 | grep -c error: ; nm -D libb.so | grep -c twice; ar rc l.a a.o; ar t l.a
