// A folder of its own that stands for "/" in tests of what reads /proc and /sys.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace talc {

class FakeTree {
 public:
  FakeTree() {
    char pattern[] = "/tmp/talc_tree_XXXXXX";
    root_ = mkdtemp(pattern);
  }
  ~FakeTree() { std::filesystem::remove_all(root_); }
  FakeTree(const FakeTree&) = delete;
  FakeTree& operator=(const FakeTree&) = delete;

  const char* root() const { return root_.c_str(); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

 private:
  std::string root_;
};

}  // namespace talc
