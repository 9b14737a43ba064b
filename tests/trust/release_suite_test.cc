#include "storage/trust/release_suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/hash.h"
#include "tests/trust/site_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Code = absl::StatusCode;

constexpr char kSuite[] = R"({"linnet_suite":1,"cases":[]})";
constexpr char kPath[] = "models/starter/linnet-starter-1.linnet";

TEST(SuiteRuleTest, CountsInPartsPerMillionWithoutRounding) {
  const SuiteRule rule{.sha256 = std::string(32, 'h'), .least_ppm = 950'000};
  EXPECT_TRUE(rule.Passes(19, 20));
  EXPECT_FALSE(rule.Passes(18, 20));
  EXPECT_TRUE(rule.Passes(950, 1000));
  EXPECT_FALSE(rule.Passes(949, 1000));
  EXPECT_FALSE(rule.Passes(0, 0));
  EXPECT_FALSE(rule.Passes(21, 20));
  EXPECT_FALSE(rule.Passes(UINT64_MAX, UINT64_MAX));
  EXPECT_TRUE(SuiteRule{}.Passes(20, 20));
  EXPECT_FALSE(SuiteRule{}.Passes(19, 20));
}

TEST(SuiteRuleTest, ARuleThatCannotBeReadIsNotNone) {
  const SuiteRule rule{.sha256 = std::string(32, 'h'), .least_ppm = 1};
  const std::string custom = Json(Json::Object{{"suite", rule.ToJson()}}).Dump();
  ASSERT_OK_AND_ASSIGN(const std::optional<SuiteRule> read, SuiteRuleOf(custom));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->sha256, rule.sha256);
  EXPECT_EQ(read->least_ppm, 1u);
  ASSERT_OK_AND_ASSIGN(const std::optional<SuiteRule> none, SuiteRuleOf("{\"license\":\"MIT\"}"));
  EXPECT_FALSE(none.has_value());
  const std::string hash = base::Hex(rule.sha256);
  for (const std::string& wrong : {std::string("7"), std::string("{}"), "{\"sha256\":\"" + hash + "\"}",
                                   "{\"least_ppm\":0,\"sha256\":\"" + hash + "\"}",
                                   "{\"least_ppm\":1000001,\"sha256\":\"" + hash + "\"}",
                                   "{\"least_ppm\":\"1\",\"sha256\":\"" + hash + "\"}",
                                   std::string("{\"least_ppm\":1,\"sha256\":\"ab\"}")}) {
    EXPECT_THAT(SuiteRuleOf("{\"suite\":" + wrong + "}"), StatusIs(Code::kDataLoss, HasSubstr("suite")))
        << wrong;
  }
}

class ReleaseSuiteTest : public SiteTest {
 protected:
  ModelRelease WithSuite(uint32_t least_ppm = 900'000) {
    ModelRelease release = Release();
    release.suite_json = kSuite;
    release.suite_least_ppm = least_ppm;
    return release;
  }
};

TEST_F(ReleaseSuiteTest, IsATargetThatTheModelNames) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication model, site->PublishModel(WithSuite(), repository_->Current()));
  ASSERT_THAT(model.targets, SizeIs(3));
  EXPECT_EQ(model.targets[0].path, kPath);
  EXPECT_EQ(model.small_targets.at(std::string(kPath) + ".suite.json"), kSuite);
  ASSERT_THAT(repository_->Publish(model.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto found, ClientFinds(kPath));
  ASSERT_OK_AND_ASSIGN(const std::optional<SuiteRule> rule, SuiteRuleOf(found->custom_json));
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->least_ppm, 900'000u);
  ASSERT_OK_AND_ASSIGN(const auto suite, ClientFinds(std::string(kPath) + ".suite.json"));
  ASSERT_TRUE(suite.has_value());
  EXPECT_EQ(suite->sha256, rule->sha256);
  EXPECT_EQ(suite->sha256, base::AsView(base::Sha256(kSuite)));
  // For a bundle.
  ASSERT_OK_AND_ASSIGN(const std::string kept, fs_.ReadFile(SuiteFile(site_dir_, suite->sha256), 1000));
  EXPECT_EQ(kept, kSuite);
}

TEST_F(ReleaseSuiteTest, OfAReleaseNeverChanges) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication first, site->PublishModel(WithSuite(), repository_->Current()));
  ASSERT_THAT(repository_->Publish(first.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication again, site->PublishModel(WithSuite(), repository_->Current()));
  EXPECT_THAT(again.metadata, IsEmpty());
  const auto refused = StatusIs(Code::kAlreadyExists, HasSubstr("another suite"));
  EXPECT_THAT(site->PublishModel(WithSuite(1), repository_->Current()), refused);
  EXPECT_THAT(site->PublishModel(Release(), repository_->Current()), refused);
  ModelRelease other = WithSuite();
  other.suite_json += " ";
  EXPECT_THAT(site->PublishModel(other, repository_->Current()), refused);
}

TEST_F(ReleaseSuiteTest, GoesWithAReleaseAgainAndWithAWithdrawal) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication one, site->PublishModel(WithSuite(), repository_->Current()));
  ASSERT_THAT(repository_->Publish(one.metadata), IsOk());
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "other weights"), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication two, site->PublishModel(Release("2"), repository_->Current()));
  ASSERT_THAT(repository_->Publish(two.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication again, site->ReleaseAgain(kPath, repository_->Current()));
  ASSERT_THAT(repository_->Publish(again.metadata), IsOk());
  const TargetInfo& release = again.targets.front();
  ASSERT_OK_AND_ASSIGN(const std::optional<SuiteRule> rule, SuiteRuleOf(release.custom_json));
  ASSERT_TRUE(rule.has_value());
  ASSERT_OK_AND_ASSIGN(const auto suite, ClientFinds(release.path + ".suite.json"));
  ASSERT_TRUE(suite.has_value());
  EXPECT_EQ(suite->sha256, rule->sha256);

  ASSERT_OK_AND_ASSIGN(const Change change, site->Withdraw(kPath, repository_->Current()));
  ASSERT_OK_AND_ASSIGN(const Publication gone, site->Adopt(change, repository_->Current()));
  ASSERT_THAT(repository_->Publish(gone.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto left, ClientFinds(std::string(kPath) + ".suite.json"));
  EXPECT_FALSE(left.has_value());
}

TEST_F(ReleaseSuiteTest, HasASizeAndALimitThatMeanSomething) {
  ModelRelease large = WithSuite();
  large.suite_json.resize(kMaxSuiteBytes + 1, ' ');
  EXPECT_THAT(CheckRelease(large), StatusIs(Code::kInvalidArgument, HasSubstr("the suite has")));
  EXPECT_THAT(CheckRelease(WithSuite(0)), StatusIs(Code::kInvalidArgument, HasSubstr("more than nothing")));
  EXPECT_THAT(CheckRelease(WithSuite(kAllPpm + 1)),
              StatusIs(Code::kInvalidArgument, HasSubstr("at most all")));
}

}  // namespace
}  // namespace linnet::trust
