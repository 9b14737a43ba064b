// Runs a fuzz target over stored inputs, in every test run and without libFuzzer.
//
//   gguf_fuzz FOLDER...    exit 0: every file was run; 1: a folder is absent or empty, or a file cannot be
//   read.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// The number of inputs that were run, or -1.
int ReplayFolder(const std::string& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file()) paths.push_back(it->path());
  }
  if (error) {
    std::fprintf(stderr, "%s: cannot list: %s\n", folder.c_str(), error.message().c_str());
    return -1;
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file) {
      std::fprintf(stderr, "%s: cannot read\n", path.c_str());
      return -1;
    }
    // A copy of the exact size, so that sanitizers see a read beyond it.
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
  }
  if (paths.empty()) {
    std::fprintf(stderr, "%s: is empty: expected stored inputs\n", folder.c_str());
    return -1;
  }
  return static_cast<int>(paths.size());
}

}  // namespace

int main(int argc, char** argv) {
  int total = 0;
  for (int i = 1; i < argc; ++i) {
    const int count = ReplayFolder(argv[i]);
    if (count < 0) return 1;
    total += count;
  }
  std::printf("replayed %d inputs\n", total);
  return total > 0 ? 0 : 1;
}
