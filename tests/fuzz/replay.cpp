// Gives every file of a folder to a fuzz target, as libFuzzer would: a corpus is a test where there is
// no libFuzzer.
//
//     replay FOLDER|FILE…      fails if there is no file
#include <stdint.h>
#include <stdio.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

namespace {

using Paths = std::vector<std::filesystem::path>;

Paths files_of(const char* argument) {
  Paths files;
  if (std::filesystem::is_directory(argument)) {
    for (const auto& entry : std::filesystem::directory_iterator(argument)) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  } else if (std::filesystem::is_regular_file(argument)) {
    files.emplace_back(argument);
  }
  return files;
}

// The name first: it is the last line if the input is fatal.
void replay(const std::filesystem::path& file) {
  puts(file.c_str());
  fflush(stdout);
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(stream), {});
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    const Paths files = files_of(argv[i]);
    std::for_each(files.begin(), files.end(), replay);
    count += files.size();
  }
  printf("%zu inputs\n", count);
  return count == 0 ? 1 : 0;
}
