#include "runtime/kernels/kernel_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet::kernels {
namespace {

using ::testing::HasSubstr;

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
