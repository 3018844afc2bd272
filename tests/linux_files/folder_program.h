// A program under test whose root is a folder: one in memory with faults, or one of the host.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "fake_folder.h"
#include "hosted/folder/host_folder.h"
#include "personalities/linux/filesystems/folder_fs.h"
#include "program.h"

namespace vari::linux::test {

/// The other side of a folder, whichever it is.
class OtherSide {
 public:
  virtual ~OtherSide() = default;
  virtual Folder& folder() = 0;
  virtual void put(const std::string& path, const std::string& contents) = 0;
  virtual std::string get(const std::string& path) = 0;
  virtual bool has(const std::string& path) = 0;
  virtual void remove(const std::string& path) = 0;
};

class FakeSide final : public OtherSide {
 public:
  ~FakeSide() override { EXPECT_EQ(fake.held(), 0) << "nodes or handles were never released"; }
  Folder& folder() override { return fake; }
  void put(const std::string& path, const std::string& contents) override { fake.put(path, contents, 0755); }
  std::string get(const std::string& path) override { return fake.get(path); }
  bool has(const std::string& path) override { return fake.has(path); }
  void remove(const std::string& path) override { fake.remove(path); }
  FakeFolder fake;
};

class HostSide final : public OtherSide {
 public:
  HostSide() {
    char name[] = "/tmp/vari-folder-XXXXXX";
    top = std::string(::mkdtemp(name)) + "/root";
    std::filesystem::create_directory(top);
    auto made = hosted::HostFolder::create(top.c_str());
    EXPECT_TRUE(made.has_value());
    folder_ = std::move(*made);
  }
  ~HostSide() override { std::filesystem::remove_all(std::filesystem::path(top).parent_path()); }
  Folder& folder() override { return *folder_; }
  void put(const std::string& path, const std::string& contents) override {
    std::ofstream(top + "/" + path, std::ios::binary | std::ios::trunc) << contents;
    std::filesystem::permissions(top + "/" + path, std::filesystem::perms(0755));
  }
  std::string get(const std::string& path) override {
    std::ifstream file(top + "/" + path, std::ios::binary);
    if (!file) return "no such file";
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool has(const std::string& path) override { return std::filesystem::exists(top + "/" + path); }
  void remove(const std::string& path) override { std::filesystem::remove(top + "/" + path); }
  std::string top;

 private:
  Ref<hosted::HostFolder> folder_;
};

/// Runs `body` as the first program, with the folder as its root.
inline void run_in(OtherSide& side, const std::function<void(Sys&)>& body, u64 frames = 4096) {
  SystemDouble system(frames);
  const u64 step = system.program.next();
  std::string image("FAKEFAKE");
  image.append(reinterpret_cast<const char*>(&step), sizeof step);
  side.put("first", image);
  const FolderRoot root(side.folder());
  system.root_file_system = &root;
  bool ran = false;
  system.program.step([&](Cpu&) {
    Sys sys;
    body(sys);
    ran = true;
  });
  system.exit(0);
  EXPECT_EQ(system.run(), 0);
  EXPECT_TRUE(ran);
}

}  // namespace vari::linux::test
