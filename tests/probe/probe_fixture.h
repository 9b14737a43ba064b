#ifndef LINNET_TESTS_PROBE_PROBE_FIXTURE_H_
#define LINNET_TESTS_PROBE_PROBE_FIXTURE_H_

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet::testing {

struct Outcome {
  int exit = -1;
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

inline std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs linnet-probe on a tiny model of its own.
class ProbeFixture : public ::testing::Test {
 protected:
  // `program`: how the shell starts it.
  explicit ProbeFixture(std::string program) : program_(std::move(program)) {}
  void SetUp() override { WriteTinyModel(model_); }

  // `arguments` as a shell would split them.
  Outcome Run(const std::string& arguments) {
    const std::string out = folder_ / "out", err = folder_ / "err";
    const std::string command = program_ + " " + arguments + " >" + out + " 2>" + err;
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, ReadAll(out), ReadAll(err)};
  }

  const std::string program_;
  TempDir folder_;
  const std::string model_ = folder_ / "tiny.gguf";
};

}  // namespace linnet::testing

#endif  // LINNET_TESTS_PROBE_PROBE_FIXTURE_H_
