#include "agent/version_number.h"

#include <gtest/gtest.h>

namespace linnet::agent {
namespace {

TEST(VersionNumberTest, IsOfThreePartsHoweverManyAreWritten) {
  EXPECT_EQ(VersionNumber("1.2.3"), 1'002'003u);
  EXPECT_EQ(VersionNumber("0.1.0"), 1'000u);
  EXPECT_EQ(VersionNumber("0.2"), 2'000u);
  EXPECT_EQ(VersionNumber("3"), 3'000'000u);
}

TEST(VersionNumberTest, APreReleaseHasTheNumberOfItsRelease) {
  EXPECT_EQ(VersionNumber("0.1.0-rc"), 1'000u);
  EXPECT_EQ(VersionNumber("0.1.7-rc.2+git.5"), 1'007u);
  EXPECT_EQ(VersionNumber("0.2-rc"), 2'000u);
}

TEST(VersionNumberTest, WhatDoesNotFitIsTheMost) {
  EXPECT_EQ(VersionNumber("0.1.2000"), 1'999u);
  EXPECT_EQ(VersionNumber("99999999999.99999999999.99999999999"), 4'293'999'999u);
}

TEST(VersionNumberTest, WhatIsNoVersionIsZero) {
  for (const char* text : {"", "dev", "v1.2", "1.", "1..2", "1.2.x", "1.2.3.4", "-1", "1 2", ".1"}) {
    EXPECT_EQ(VersionNumber(text), 0u) << text;
  }
}

}  // namespace
}  // namespace linnet::agent
