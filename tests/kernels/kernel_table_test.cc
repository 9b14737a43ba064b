#include "runtime/kernels/kernel_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace linnet::kernels {
namespace {

using ::testing::HasSubstr;

// What this CPU can, by another witness than our own detection: the processor that an emulator was told to
// be, else the words in /proc/cpuinfo.
std::set<std::string> WordsOfCpu() {
  const char* emulated = std::getenv("QEMU_CPU");
  if (emulated != nullptr && *emulated != '\0') {
    const std::string name = emulated;
    if (name == "cortex-a53" || name == "cortex-a72") return {"asimd"};
    if (name == "cortex-a76") return {"asimd", "asimddp"};
    if (name == "max") return {"asimd", "asimddp", "i8mm"};
    ADD_FAILURE() << "QEMU_CPU=" << name << ": say here what it can";
  }
  std::set<std::string> words;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream list(line.substr(line.find(':') + 1));
    words.insert(std::istream_iterator<std::string>(list), {});
  }
  return words;
}

// A set that is not tried because we fail to see that the CPU has it would be tested by nobody.
TEST(KernelTableTest, RunsEverySetThatTheCpuHas) {
  struct Needs {
    const char* set;
    std::vector<std::string> words;
  };
  const std::set<std::string> cpu = WordsOfCpu();
  ASSERT_FALSE(cpu.empty());
  for (const Needs& needs :
       {Needs{"neon", {"asimd"}}, Needs{"neon_dotprod", {"asimd", "asimddp"}},
        Needs{"neon_i8mm", {"asimd", "asimddp", "i8mm"}}, Needs{"avx2", {"avx2", "fma", "f16c"}},
        Needs{"avxvnni", {"avx2", "fma", "f16c", "avx_vnni"}},
        Needs{"avx512vnni",
              {"avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni"}}}) {
    bool has = true;
    for (const std::string& word : needs.words) has = has && cpu.contains(word);
    std::string error;
    const Variant* chosen = Select(needs.set, &error);
    EXPECT_EQ(chosen != nullptr, has) << needs.set << ": " << error;
  }
}

TEST(KernelTableTest, ScalarIsFirstAndAlwaysSupported) {
  EXPECT_STREQ(Variants().data[0].name, "scalar");
  EXPECT_TRUE(Supported(Variants().data[0]));
}

TEST(KernelTableTest, ChoosesTheBestThatRuns) {
  std::string error;
  const Variant* chosen = Select("", &error);
  ASSERT_NE(chosen, nullptr) << error;
  for (const Variant* v = chosen + 1; v < Variants().end(); ++v) EXPECT_FALSE(Supported(*v));
}

TEST(KernelTableTest, ForcesEverySetByItsName) {
  for (const Variant& variant : Variants()) {
    std::string error;
    const Variant* chosen = Select(variant.name, &error);
    if (Supported(variant)) {
      EXPECT_EQ(chosen, &variant) << error;
    } else {
      EXPECT_EQ(chosen, nullptr);
      EXPECT_THAT(error, HasSubstr("cannot run"));
    }
  }
}

TEST(KernelTableTest, UnknownNameIsAnErrorThatListsTheNames) {
  std::string error;
  EXPECT_EQ(Select("avx9", &error), nullptr);
  EXPECT_THAT(error, HasSubstr("avx9"));
  for (const Variant& variant : Variants()) EXPECT_THAT(error, HasSubstr(variant.name));
}

void Wrong(float* y, const float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = x[i] - y[i];
}

TEST(KernelTableTest, SelfTestNamesAnOperationThatDiffers) {
  for (const Variant& variant : Variants()) {
    EXPECT_EQ(Supported(variant) ? SelfTest(variant) : "", "") << variant.name;
  }
  Variant broken = Variants().data[0];
  broken.ops.add = Wrong;
  EXPECT_EQ(SelfTest(broken), "add");
}

}  // namespace
}  // namespace linnet::kernels
