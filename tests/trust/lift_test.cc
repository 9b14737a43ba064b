#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "storage/trust/plan.h"
#include "tests/support/status_matchers.h"

namespace linnet::trust {
namespace {

using linnet::testing::StatusIs;
using ::testing::HasSubstr;

Lift Example() {
  return {.rollout = "000102030405060708090a0b0c0d0e0f",
          .plan_sha256 = std::string(32, 'p'),
          .number = 3,
          .most_failures = 5,
          .created = absl::FromUnixSeconds(1893456000),
          .expires = absl::FromUnixSeconds(1893456000 + 3600)};
}

TEST(LiftTest, SurvivesItsJson) {
  ASSERT_OK_AND_ASSIGN(const Lift lift, Lift::FromJson(Example().ToJson()));
  EXPECT_EQ(lift.ToJson(), Example().ToJson());
  EXPECT_EQ(lift.rollout, Example().rollout);
  EXPECT_EQ(lift.plan_sha256, Example().plan_sha256);
  EXPECT_EQ(lift.number, 3u);
  EXPECT_EQ(lift.most_failures, 5u);
  EXPECT_EQ(lift.expires, Example().expires);
  EXPECT_EQ(lift.Target(), "plans/000102030405060708090a0b0c0d0e0f.lift-3-1893456000.json");
}

TEST(LiftTest, RefusesEveryFieldThatIsMissingOrWrong) {
  const std::string good = Example().ToJson();
  const auto refused = [&](std::string_view from, std::string_view to, std::string_view why) {
    std::string json = good;
    const size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    EXPECT_THAT(Lift::FromJson(json), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(why))))
        << json;
  };
  refused("linnet-lift-1", "linnet-plan-1", "format");
  for (const char* name : {"rollout", "plan_sha256", "number", "most_failures", "created", "expires"}) {
    refused(absl::StrCat("\"", name, "\":"), absl::StrCat("\"x", name, "\":"), name);
  }
  refused("\"number\":3", "\"number\":0", "number");
  refused("\"number\":3", "\"number\":-1", "number");
  refused("\"number\":3", "\"number\":\"3\"", "number");
  refused("\"most_failures\":5", "\"most_failures\":4294967296", "most_failures");
  refused("\"expires\":1893459600", "\"expires\":1893456000", "expires");
  refused("0c0d0e0f", "0c0d0e0", "rollout");
  for (const char* text : {"", "{}", "[]", "null", "{\"format\":{\"format\":{\"format\":1}}}"}) {
    EXPECT_THAT(Lift::FromJson(text), StatusIs(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(PlanTest, SaysWhatItTakesBackAndIsOtherwiseWrittenAsBefore) {
  Plan plan{.id = "000102030405060708090a0b0c0d0e0f",
            .model_target = "models/starter/linnet-starter-1.gguf",
            .model_sha256 = std::string(32, 'm'),
            .waves = {{.name = "all"}},
            .created = absl::FromUnixSeconds(1893456000),
            .expires = absl::FromUnixSeconds(1893456000 + 86400)};
  EXPECT_EQ(plan.ToJson().find("rolls_back"), std::string::npos);
  plan.rolls_back = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
  ASSERT_OK_AND_ASSIGN(const Plan read, Plan::FromJson(plan.ToJson()));
  EXPECT_EQ(read.rolls_back, plan.rolls_back);
  plan.rolls_back = "none";
  EXPECT_THAT(Plan::FromJson(plan.ToJson()), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace linnet::trust
