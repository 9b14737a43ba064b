// The site's list of revoked devices: how a device learns it, and what it no longer does for those on it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "agent/update/receipts.h"
#include "runtime/base/hash.h"
#include "storage/repo/revoked.h"
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
constexpr char kOnTheList[] = "on its site's list of revoked devices";

class RevokedTest : public ::testing::Test {
 protected:
  RevokedTest() { target_ = site_.PublishModel(ModelBytes("one"), "1", 1); }
  // A plan for everybody, or for all after one pass of the canary.
  void Publish(bool canary_first = false) {
    trust::Plan plan = site_.PlanFor(target_);
    if (canary_first) {
      const Credentials canary = *canary_.link.credentials();
      plan.waves = {
          {.name = "canary",
           .devices = {base::Hex(kCanary)},
           .keys = {{base::Hex(kCanary), base::Hex(base::AsView(canary.chain.front().SpkiSha256()))}}},
          {.name = "all", .until_bucket = 10000, .passes_needed = 1, .soak = absl::ZeroDuration()}};
    }
    canary_.link.plan = other_.link.plan = site_.PublishPlan(plan);
  }
  void RevokeCanary() { site_.Revoke(*canary_.link.credentials()); }
  void RevokeOther() { site_.Revoke(*other_.link.credentials()); }
  static bool Began(const TestDevice& device) {
    return std::find(device.transcript.begin(), device.transcript.end(), "DOWNLOAD") !=
           device.transcript.end();
  }
  static trust::RevokedList List(uint64_t version, const std::string& device) {
    trust::RevokedList list{.version = version, .devices = {}};
    EXPECT_THAT(list.Add({.device = base::Hex(device), .key_sha256 = "", .revoked = absl::UnixEpoch()}),
                IsOk());
    return list;
  }

  FakeClock clock_;
  TestSite site_{clock_};
  TestDevice canary_{site_, clock_, kCanary};
  TestDevice other_{site_, clock_, kOther};
  std::string target_;
};

TEST_F(RevokedTest, ADeviceLearnsTheListWithItsMetadataAndKeepsIt) {
  ASSERT_TRUE(other_.RunChecks(1));
  EXPECT_EQ(other_.revocations->version(), 0u);
  EXPECT_FALSE(other_.revocations->IsRevoked(kCanary));
  RevokeCanary();
  ASSERT_TRUE(other_.RunChecks(2));
  EXPECT_EQ(other_.revocations->version(), 1u);
  EXPECT_TRUE(other_.revocations->IsRevoked(kCanary));
  EXPECT_FALSE(other_.revocations->IsRevoked(kOther));
  EXPECT_EQ(other_.driver->last_error(), "");
  const int sent = other_.link.chunks_sent;
  ASSERT_TRUE(other_.RunChecks(3));
  EXPECT_EQ(other_.link.chunks_sent, sent) << "it is fetched once";
  other_.link.online = false;
  other_.Restart();
  EXPECT_TRUE(other_.revocations->IsRevoked(kCanary)) << "no network is needed to know it";
}

TEST_F(RevokedTest, ACertificateIsRefusedByItsIdAndByItsKey) {
  const Credentials canary = *canary_.link.credentials();
  const Credentials other = *other_.link.credentials();
  RevokeCanary();
  ASSERT_TRUE(other_.RunChecks(1));
  const Revocations& held = *other_.revocations;
  EXPECT_THAT(held.CheckCertificate(canary.chain.front()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(base::Hex(kCanary).substr(0, 8))));
  EXPECT_THAT(held.CheckCertificate(std::string_view(canary.chain.front().der())),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(held.CheckCertificate(other.chain.front()), IsOk());
  EXPECT_THAT(held.CheckCertificate(other.chain.back()), IsOk()) << "an authority is no device";
  // Another key for the same device, and the same key under an id that a stolen coordinator made up.
  EXPECT_THAT(held.CheckCertificate(site_.MakeMember(kCanary).chain.front()),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(held.CheckCertificate(site_.MakeMember(std::string(16, 'x'), canary.key).chain.front()),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("key")));
  EXPECT_FALSE(held.CheckCertificate(std::string_view("no certificate")).ok());
}

TEST_F(RevokedTest, AReceiptOfARevokedCanaryDoesNotCount) {
  Publish(/*canary_first=*/true);
  ASSERT_TRUE(canary_.RunUntilIdleAfter(1));
  ASSERT_NE(canary_.link.last_receipt(), nullptr);
  other_.link.receipts = {*canary_.link.last_receipt()};
  RevokeCanary();
  ASSERT_TRUE(other_.RunChecks(3));
  EXPECT_FALSE(Began(other_));
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("0 of 1 passes"));
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("revoked"));
  EXPECT_EQ(other_.slots().active, "");
}

TEST_F(RevokedTest, TheLastListHoldsWhileTheNextCannotBeFetched) {
  RevokeCanary();
  ASSERT_TRUE(other_.RunChecks(1));
  trust::RevokedList next = List(2, std::string(16, '0'));
  ASSERT_THAT(next.Add({.device = base::Hex(kCanary), .key_sha256 = "", .revoked = absl::UnixEpoch()}),
              IsOk());
  Publish();  // first: a plan that is published carries the list that is in force
  site_.PublishRevoked(next, /*with_bytes=*/false);
  ASSERT_TRUE(other_.RunChecks(3));
  EXPECT_EQ(other_.revocations->version(), 1u);
  EXPECT_TRUE(other_.revocations->IsRevoked(kCanary));
  EXPECT_FALSE(Began(other_)) << "who withholds the list delays, and gains nothing else";
  EXPECT_THAT(other_.driver->last_error(), HasSubstr("list of revoked devices cannot be had"));
  site_.Put(next.ToJson());
  ASSERT_TRUE(other_.RunUntilIdleAfter(1)) << other_.driver->last_error();
  EXPECT_EQ(other_.revocations->version(), 2u);
  EXPECT_EQ(other_.active(), ModelBytes("one"));
}

TEST_F(RevokedTest, OtherBytesThanTheSignedAreNotTaken) {
  RevokeCanary();
  const std::string lie = List(1, std::string(16, 'z')).ToJson();
  other_.link.tamper = [&](const std::string& what, std::string& bytes) {
    if (what == "chunk") bytes = lie;
  };
  ASSERT_TRUE(other_.RunChecks(2));
  EXPECT_EQ(other_.revocations->version(), 0u);
  EXPECT_FALSE(other_.revocations->IsRevoked(std::string(16, 'z')));
}

TEST_F(RevokedTest, AnOlderListIsRefusedAndTheNewerHolds) {
  ASSERT_THAT(other_.revocations->Take(List(5, kCanary).ToJson()), IsOk());
  EXPECT_THAT(other_.revocations->Take(List(4, kOther).ToJson()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("older")));
  EXPECT_THAT(other_.revocations->Take(List(5, kOther).ToJson()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("differs")));
  EXPECT_THAT(other_.revocations->Take("{}"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(other_.revocations->Take(List(5, kCanary).ToJson()), IsOk()) << "the same again";
  site_.PublishRevoked(List(1, kOther));  // signed, but from before
  Publish();
  ASSERT_TRUE(other_.RunUntilIdleAfter(1)) << other_.driver->last_error();
  EXPECT_EQ(other_.revocations->version(), 5u);
  EXPECT_TRUE(other_.revocations->IsRevoked(kCanary));
  EXPECT_FALSE(other_.revocations->IsRevoked(kOther));
  EXPECT_EQ(other_.active(), ModelBytes("one")) << "the newer list is no reason to stand still";
  other_.Restart();
  EXPECT_EQ(other_.revocations->version(), 5u);
}

TEST_F(RevokedTest, RevocationBeforeACheckMeansNoUpdateAndOneClearLine) {
  RevokeOther();
  Publish();
  ASSERT_TRUE(other_.RunChecks(3));
  EXPECT_FALSE(Began(other_));
  EXPECT_THAT(other_.driver->last_error(), HasSubstr(kOnTheList));
  EXPECT_TRUE(other_.link.reports.empty());
  other_.link.online = false;
  other_.Restart();
  EXPECT_THAT(other_.driver->last_error(), HasSubstr(kOnTheList)) << "said from the start on";
  // Taken off by a newer list: it is a member again.
  other_.link.online = true;
  site_.PublishRevoked(List(2, kCanary));
  ASSERT_TRUE(other_.RunUntilIdleAfter(1)) << other_.driver->last_error();
  EXPECT_EQ(other_.active(), ModelBytes("one"));
}

TEST_F(RevokedTest, RevocationAfterCheckEndsTheDownloadWithoutActivation) {
  Publish();
  int sent = 0;
  other_.link.tamper = [&](const std::string& what, std::string&) {
    if (what == "chunk" && ++sent == 4) RevokeOther();
  };
  ASSERT_TRUE(other_.RunUntilIdleAfter(1));
  EXPECT_THAT(other_.transcript, Contains("DOWNLOAD"));
  EXPECT_THAT(other_.transcript, Not(Contains("ACTIVATE")));
  EXPECT_EQ(other_.link.reasons().back(), Reason::kNotForThisDevice);
  EXPECT_EQ(other_.link.last_receipt(), nullptr) << "says nothing about the model";
  EXPECT_EQ(other_.slots().active, "");
  EXPECT_THAT(other_.driver->last_error(), HasSubstr(kOnTheList));
}

TEST_F(RevokedTest, RevocationAfterDownloadIsSeenBeforeActivation) {
  Publish();
  ASSERT_TRUE(other_.RunUntil([&] { return other_.driver->state() == State::kEval; }));
  RevokeOther();
  ASSERT_TRUE(other_.RunUntilIdleAfter(1));
  EXPECT_THAT(other_.transcript, Not(Contains("ACTIVATE")));
  EXPECT_EQ(other_.slots().active, "");
  EXPECT_EQ(other_.link.reasons().back(), Reason::kNotForThisDevice);
  EXPECT_THAT(other_.driver->last_error(), HasSubstr(kOnTheList));
}

TEST_F(RevokedTest, RevocationAfterInstallKeepsTheModelAndTakesNoOther) {
  Publish();
  ASSERT_TRUE(other_.RunUntil([&] { return other_.driver->state() == State::kConfirm; }));
  RevokeOther();
  ASSERT_TRUE(other_.RunUntilIdleAfter(1));
  EXPECT_FALSE(other_.slots().trial) << "what is installed ends as it would have";
  EXPECT_EQ(other_.host->running, ModelBytes("one")) << "it goes on answering its owner";
  target_ = site_.PublishModel(ModelBytes("two"), "2", 2);
  Publish();
  other_.transcript.clear();
  ASSERT_TRUE(other_.RunChecks(3));
  EXPECT_FALSE(Began(other_));
  EXPECT_EQ(other_.active(), ModelBytes("one"));
  EXPECT_THAT(other_.driver->last_error(), HasSubstr(kOnTheList));
  other_.Restart();
  EXPECT_EQ(other_.host->running, ModelBytes("one"));
}

TEST_F(RevokedTest, ARevokedDeviceTakesNothingFromItsOwnersHandEither) {
  RevokeOther();
  const std::string file = other_.dir / "offered.linnet";
  ASSERT_THAT(base::FileSystem::Real().WriteFileAtomic(file, ModelBytes("one")), IsOk());
  EXPECT_THAT(other_.driver->Offer(file, ""),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(kOnTheList)));
  const std::string stick = other_.dir / "stick";
  site_.WriteBundle(stick, site_.PlanFor(target_), ModelBytes("one"), absl::Hours(24));
  EXPECT_THAT(other_.driver->InstallBundle(stick, ""),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(kOnTheList)));
  EXPECT_EQ(other_.slots().active, "");
  EXPECT_EQ(other_.probe.runs, 0);
}

TEST_F(RevokedTest, ABundleBringsTheListToADeviceWithoutACoordinator) {
  other_.link.online = other_.link.enrolled = false;
  RevokeCanary();
  const std::string stick = other_.dir / "stick";
  site_.WriteBundle(stick, site_.PlanFor(target_), ModelBytes("one"), absl::Hours(24));
  ASSERT_THAT(other_.driver->InstallBundle(stick, ""), IsOk());
  EXPECT_EQ(other_.revocations->version(), 1u);
  EXPECT_TRUE(other_.revocations->IsRevoked(kCanary));

  // A first bundle brings the site's trust and its list together.
  TestDevice fresh(site_, clock_, std::string(16, 'f'));
  fresh.link.online = fresh.link.enrolled = false;
  ASSERT_THAT(fresh.files.Remove(fresh.dir / "trust/root.json"), IsOk());
  ASSERT_THAT(fresh.driver->InstallBundle(stick, base::AsView(base::Sha256(site_.RootJson()))), IsOk());
  EXPECT_TRUE(fresh.revocations->IsRevoked(kCanary));
}

TEST_F(RevokedTest, ADamagedRowIsSaidAndLearnedAnew) {
  RevokeCanary();
  ASSERT_TRUE(other_.RunChecks(1));
  ASSERT_THAT(other_.state->Write([&] { return other_.state->db().Execute("UPDATE revoked SET json='x'"); }),
              IsOk());
  Revocations again(*other_.state);
  EXPECT_THAT(again.Load(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(again.version(), 0u);
  EXPECT_THAT(again.Take(List(1, kOther).ToJson()), IsOk()) << "the signed one mends it";
  EXPECT_THAT(again.Load(), IsOk());
  EXPECT_TRUE(again.IsRevoked(kOther));
}

}  // namespace
}  // namespace linnet::update
