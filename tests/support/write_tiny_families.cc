#include <cstdio>
#include <string>

#include "runtime/base/file_system.h"
#include "tests/support/tiny_families.h"

// write_tiny_families FOLDER: a tiny random model of every family, FOLDER/NAME.gguf, to try with other
// programs.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_tiny_families FOLDER\n");
    return 2;
  }
  for (const linnet::testing::TinyFamily& family : linnet::testing::TinyFamilies()) {
    const std::string path = std::string(argv[1]) + "/" + family.name + ".gguf";
    const auto status = linnet::base::FileSystem::Real().WriteFileAtomic(
        path, linnet::testing::TinyFamilyBytes(family), 0644);
    if (!status.ok()) {
      std::fprintf(stderr, "write_tiny_families: %s\n", status.ToString().c_str());
      return 1;
    }
    std::printf("%s\n", path.c_str());
  }
  return 0;
}
