#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/update/receipts.h"
#include "runtime/base/hash.h"
#include "tests/support/status_matchers.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kCanary(16, 'a');
const std::string kOther(16, 'b');

// A plan that names one canary; everybody else comes after one pass.
class WaveTest : public ::testing::Test {
 protected:
  WaveTest() {
    plan_ = site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1));
    plan_.waves = {{.name = "canary",
                    .devices = {base::Hex(kCanary)},
                    .keys = {{base::Hex(kCanary), KeyOf(*canary_.link.credentials())}}},
                   {.name = "all", .until_bucket = 10000, .passes_needed = 1, .soak = absl::ZeroDuration()}};
  }
  static std::string KeyOf(const Credentials& member) {
    return base::Hex(base::AsView(member.chain.front().SpkiSha256()));
  }
  std::string Publish() {
    path_ = site_.PublishPlan(plan_);
    canary_.link.plan = other_.link.plan = path_;
    return site_.Target(path_).sha256;
  }
  Receipt Pass(const std::string& plan_sha256) {
    return *MakeReceipt(*canary_.link.credentials(), plan_sha256, plan_.model_sha256, Outcome::kPassed, 1);
  }
  // `other_` looks at its receipts a few times.
  bool OtherStarts() {
    other_.transcript.clear();
    other_.RunChecks(2);
    return std::find(other_.transcript.begin(), other_.transcript.end(), "DOWNLOAD") !=
           other_.transcript.end();
  }
  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice canary_{site_, clock_, kCanary};
  TestDevice other_{site_, clock_, kOther};
  trust::Plan plan_;
  std::string path_;
};

TEST_F(WaveTest, LaterWavesWaitForTheCanarysOwnReceipt) {
  Publish();
  EXPECT_FALSE(OtherStarts());
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("0 of 1 passes"));
  ASSERT_TRUE(canary_.RunUntilIdleAfter(1));
  ASSERT_NE(canary_.link.last_receipt(), nullptr);
  EXPECT_FALSE(OtherStarts()) << "the coordinator withholds it";
  other_.link.receipts = {*canary_.link.last_receipt()};
  ASSERT_TRUE(other_.RunUntilIdleAfter(1));
  EXPECT_EQ(other_.active(), ModelBytes("one"));
}

TEST_F(WaveTest, NoOtherReceiptWillDo) {
  const std::string plan = Publish();
  const Receipt good = Pass(plan);
  const auto refused = [&](const Receipt& receipt, const char* why) {
    other_.link.receipts = {receipt};
    EXPECT_FALSE(OtherStarts()) << why;
  };
  Receipt r = good;
  r.outcome = Outcome::kFailed;
  refused(r, "not a pass");
  r = *MakeReceipt(*canary_.link.credentials(), plan, plan_.model_sha256, Outcome::kRolledBack, 1);
  refused(r, "an honest failure");
  r = good;
  r.signature[5] ^= 1;
  refused(r, "signature");
  r = good;
  r.counter = 2;
  refused(r, "counter is signed");
  r = *MakeReceipt(*canary_.link.credentials(), std::string(32, 'x'), plan_.model_sha256, Outcome::kPassed,
                   1);
  refused(r, "another plan");
  r = *MakeReceipt(*canary_.link.credentials(), plan, std::string(32, 'x'), Outcome::kPassed, 1);
  refused(r, "another model");
  r = good;
  r.certificate_chain.clear();
  refused(r, "no certificate");
  r = good;
  r.certificate_chain[0] = "not DER";
  refused(r, "no certificate at all");

  // A member that the plan does not name, as a stolen coordinator could make.
  const Credentials stranger = site_.MakeMember(std::string(16, 's'));
  refused(*MakeReceipt(stranger, plan, plan_.model_sha256, Outcome::kPassed, 1), "not named");
  Credentials liar = stranger;
  liar.device_id = kCanary;
  refused(*MakeReceipt(liar, plan, plan_.model_sha256, Outcome::kPassed, 1), "under the canary's name");
  TestSite foreign(clock_);
  refused(*MakeReceipt(foreign.MakeMember(kCanary), plan, plan_.model_sha256, Outcome::kPassed, 1),
          "the canary's id in another fleet");

  other_.link.receipts = {good};
  EXPECT_TRUE(OtherStarts()) << other_.driver->last_error();
}

TEST_F(WaveTest, OneDeviceCountsOnce) {
  plan_.waves[0].devices.push_back(base::Hex(std::string(16, 'c')));
  plan_.waves[1].passes_needed = 2;
  const Credentials second = site_.MakeMember(std::string(16, 'c'));
  plan_.waves[0].keys[base::Hex(second.device_id)] = KeyOf(second);
  const std::string plan = Publish();
  other_.link.receipts = {Pass(plan), Pass(plan)};
  EXPECT_FALSE(OtherStarts());
  other_.link.receipts.push_back(*MakeReceipt(second, plan, plan_.model_sha256, Outcome::kPassed, 9));
  EXPECT_TRUE(OtherStarts());
}

TEST_F(WaveTest, ACanaryCountsUnderThePinnedKeyAloneWhateverTheDeviceAuthoritySays) {
  const std::string plan = Publish();
  // What a stolen authority can make, and what the canary itself has after a renewal: its id, another key.
  const Credentials other_key = site_.MakeMember(kCanary);
  other_.link.receipts = {*MakeReceipt(other_key, plan, plan_.model_sha256, Outcome::kPassed, 1)};
  EXPECT_FALSE(OtherStarts());
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("0 of 1 passes"));
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("not the one that the plan pins"));
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("sign a new plan"));
  // The canary's own certificate, over a signature by the other key.
  Credentials mixed = *canary_.link.credentials();
  mixed.key = other_key.key;
  other_.link.receipts = {*MakeReceipt(mixed, plan, plan_.model_sha256, Outcome::kPassed, 1)};
  EXPECT_FALSE(OtherStarts());
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("not signed by this device"));
  // Its own pass counts beside those that do not.
  other_.link.receipts.push_back(Pass(plan));
  EXPECT_TRUE(OtherStarts()) << other_.driver->last_error();
}

TEST_F(WaveTest, ANewCertificateForThePinnedKeyCounts) {
  const std::string plan = Publish();
  Credentials renewed = *canary_.link.credentials();
  clock_.Advance(absl::Hours(1));
  renewed.chain = site_.MakeMember(kCanary, renewed.key).chain;
  ASSERT_NE(renewed.chain.front().der(), canary_.link.credentials()->chain.front().der());
  other_.link.receipts = {*MakeReceipt(renewed, plan, plan_.model_sha256, Outcome::kPassed, 1)};
  EXPECT_TRUE(OtherStarts()) << other_.driver->last_error();
}

TEST_F(WaveTest, ANewPlanForTheNewKeyGoesOn) {
  const Credentials renewed = site_.MakeMember(kCanary);
  plan_.waves[0].keys[base::Hex(kCanary)] = KeyOf(renewed);
  const std::string plan = Publish();
  other_.link.receipts = {Pass(plan)};
  EXPECT_FALSE(OtherStarts()) << "the old key";
  other_.link.receipts = {*MakeReceipt(renewed, plan, plan_.model_sha256, Outcome::kPassed, 1)};
  EXPECT_TRUE(OtherStarts()) << other_.driver->last_error();
}

TEST_F(WaveTest, APlanWithoutPinsIsNotSignedAndItsNamedCanariesDoNotCount) {
  plan_.waves[0].keys.clear();
  EXPECT_THAT(plan_.CheckPinned(), StatusIs(absl::StatusCode::kFailedPrecondition));
  const auto parsed = trust::Plan::FromJson(plan_.ToJson());  // as an older program signed it
  ASSERT_THAT(parsed, IsOk());
  const std::string plan(32, 'p');
  const Credentials canary = *canary_.link.credentials();
  EXPECT_THAT(CheckReceipt(*MakeReceipt(canary, plan, plan_.model_sha256, Outcome::kPassed, 1),
                           {*parsed, plan, canary.fleet_root, clock_.Now()}, 1),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("sign a new plan")));
}

TEST_F(WaveTest, AReceiptCountsAsLongAsItsPlanThoughItsCertificateExpires) {
  plan_.expires = clock_.Now() + absl::Hours(24 * 180);
  const std::string plan = Publish();
  const Receipt good = Pass(plan);
  absl::StatusOr<trust::Plan> parsed = trust::Plan::FromJson(plan_.ToJson());
  const Credentials canary = *canary_.link.credentials();
  const absl::Time late = clock_.Now() + absl::Hours(24 * 40);  // certificates last 30 days
  ASSERT_LT(canary.chain.front().not_after(), late);
  EXPECT_THAT(CheckReceipt(good, {*parsed, plan, canary.fleet_root, late}, 1), IsOk());

  // A key that was thrown away before the plan was signed has not run it.
  parsed->created = late;
  EXPECT_THAT(CheckReceipt(good, {*parsed, plan, canary.fleet_root, late}, 1),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("before the plan was signed")));
}

TEST_F(WaveTest, WavesByBucketCountMembersOfEarlierBuckets) {
  plan_.waves = {{.name = "some", .until_bucket = 5000},
                 {.name = "all", .until_bucket = 10000, .passes_needed = 1}};
  const auto parsed = trust::Plan::FromJson(plan_.ToJson());
  ASSERT_THAT(parsed, IsOk());
  std::string early, late;
  for (char c = 'A'; early.empty() || late.empty(); ++c) {
    (*parsed->WaveOf(std::string(16, c)) == 0 ? early : late) = std::string(16, c);
  }
  const std::string plan(32, 'p');
  const Credentials first = site_.MakeMember(early), last = site_.MakeMember(late);
  const ReceiptRules rules{*parsed, plan, first.fleet_root, clock_.Now()};
  EXPECT_THAT(CheckReceipt(*MakeReceipt(first, plan, plan_.model_sha256, Outcome::kPassed, 1), rules, 1),
              IsOk());
  EXPECT_THAT(CheckReceipt(*MakeReceipt(last, plan, plan_.model_sha256, Outcome::kPassed, 1), rules, 1),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(WaveTest, ThePassesSoakFirst) {
  plan_.waves[1].soak = absl::Minutes(30);
  const std::string plan = Publish();
  other_.link.receipts = {Pass(plan)};
  const absl::Time start = clock_.Now();
  EXPECT_FALSE(OtherStarts());
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("soaks until"));
  other_.Restart();
  ASSERT_TRUE(other_.RunUntilIdleAfter(1)) << other_.driver->last_error();
  EXPECT_GE(clock_.Now() - start, absl::Minutes(30));
  EXPECT_LE(clock_.Now() - start, absl::Minutes(31)) << "a restart does not start the soak again";
}

TEST_F(WaveTest, APlanForOtherDevicesIsLeftAlone) {
  plan_.waves.pop_back();
  Publish();
  EXPECT_FALSE(OtherStarts());
  EXPECT_EQ(other_.driver->last_error(), "");
  EXPECT_TRUE(other_.link.reports.empty());
}

TEST_F(WaveTest, AStopEndsWhatIsNotActiveAndItStartsAgainWhenLifted) {
  Publish();
  int sent = 0;
  canary_.link.tamper = [&](const std::string& name, std::string&) {
    if (name == "chunk" && ++sent == 4) canary_.driver->SetStop(true);
  };
  ASSERT_TRUE(canary_.RunUntilIdleAfter(1));
  EXPECT_EQ(canary_.link.reasons().back(), Reason::kStopped);
  EXPECT_EQ(canary_.link.last_receipt(), nullptr) << "says nothing about the model";
  EXPECT_EQ(canary_.slots().active, "");
  canary_.link.stop = true;
  canary_.transcript.clear();
  ASSERT_TRUE(canary_.RunChecks(2));
  EXPECT_THAT(canary_.transcript, Not(Contains("DOWNLOAD")));
  canary_.link.stop = false;
  ASSERT_TRUE(canary_.RunUntilIdleAfter(2));
  EXPECT_EQ(canary_.active(), ModelBytes("one"));
}

TEST_F(WaveTest, AStopHoldsATrialButDecidesNothing) {
  Publish();
  ASSERT_TRUE(canary_.RunUntil([&] { return canary_.driver->state() == State::kConfirm; }));
  canary_.link.stop = true;
  canary_.driver->SetStop(true);
  const absl::Time start = clock_.Now();
  canary_.RunUntil([&] { return clock_.Now() - start > absl::Minutes(10); }, 2000);
  EXPECT_EQ(canary_.driver->state(), State::kConfirm);
  EXPECT_TRUE(canary_.slots().trial);
  EXPECT_EQ(canary_.host->running, ModelBytes("one"));
  canary_.link.stop = false;
  ASSERT_TRUE(canary_.RunUntilIdleAfter(1));
  EXPECT_EQ(canary_.link.last_receipt()->outcome, Outcome::kPassed);
}

}  // namespace
}  // namespace linnet::update
