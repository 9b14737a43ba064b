#include "storage/trust/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/base/hash.h"
#include "runtime/base/x509.h"
#include "storage/trust/canonical_json.h"
#include "tests/support/faulty_files.h"
#include "tests/trust/site_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Code = absl::StatusCode;

TEST_F(SiteTest, WhatItPublishesAClientFindsUnderTheSignedHash) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication model, site->PublishModel(Release(), repository_->Current()));
  EXPECT_THAT(model.metadata, SizeIs(2)) << "targets, for the new family, and its role";
  ASSERT_THAT(model.targets, SizeIs(2));
  ASSERT_THAT(repository_->Publish(model.metadata), IsOk());
  const std::string path = "models/starter/linnet-starter-1.linnet";
  EXPECT_EQ(model.targets[0].path, path);
  ASSERT_OK_AND_ASSIGN(const auto found, ClientFinds(path));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->role, "models/starter");
  EXPECT_EQ(found->length, 7u);
  EXPECT_EQ(found->sha256, base::AsView(base::Sha256("weights")));
  ASSERT_OK_AND_ASSIGN(const Json custom, ParseJson(found->custom_json));
  EXPECT_EQ(*custom.Find("release_counter")->integer(), 1);
  EXPECT_EQ(*custom.Find("license")->text(), "Apache-2.0");
  EXPECT_EQ(*custom.Find("format")->text(), "linnet-pack-1");
  EXPECT_EQ(*custom.Find("index")->text(), base::Hex(base::Sha256("{\"chunks\":[]}")));
  ASSERT_OK_AND_ASSIGN(const auto index, ClientFinds(path + ".index.json"));
  ASSERT_TRUE(index.has_value());
  EXPECT_EQ(base::Hex(index->sha256), *custom.Find("index")->text());

  ASSERT_OK_AND_ASSIGN(const Publication plan, site->SignPlan(PlanFor(*found), repository_->Current()));
  EXPECT_THAT(plan.metadata, SizeIs(1));
  ASSERT_THAT(repository_->Publish(plan.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto found_plan, ClientFinds(plan.targets[0].path));
  ASSERT_TRUE(found_plan.has_value());
  EXPECT_EQ(found_plan->role, "plans");
  EXPECT_EQ(found_plan->sha256, base::AsView(base::Sha256(plan.small_targets.begin()->second)));
  ASSERT_OK_AND_ASSIGN(const auto nothing, ClientFinds("models/starter/other.linnet"));
  EXPECT_FALSE(nothing.has_value());
}

TEST_F(SiteTest, CountsReleasesOfAFamilyUp) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  for (int i = 1; i <= 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const Publication p,
                         site->PublishModel(Release(absl::StrCat(i)), repository_->Current()));
    ASSERT_THAT(repository_->Publish(p.metadata), IsOk());
    EXPECT_THAT(p.targets[0].custom_json, HasSubstr(absl::StrCat("\"release_counter\":", i)));
  }
  EXPECT_THAT(repository_->Targets(), SizeIs(6));
}

TEST_F(SiteTest, PublishingTheSameAgainChangesNothingAndOtherBytesAreRefused) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication first, site->PublishModel(Release(), repository_->Current()));
  // The coordinator was away: what was signed is handed out again.
  ASSERT_OK_AND_ASSIGN(const Publication again, site->PublishModel(Release(), repository_->Current()));
  EXPECT_EQ(again.metadata, first.metadata);
  ASSERT_THAT(repository_->Publish(again.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication third, site->PublishModel(Release(), repository_->Current()));
  EXPECT_THAT(third.metadata, IsEmpty());
  EXPECT_THAT(third.targets, SizeIs(2));
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "other weights"), IsOk());
  EXPECT_THAT(site->PublishModel(Release(), repository_->Current()),
              StatusIs(Code::kAlreadyExists, HasSubstr("another version")));
}

TEST_F(SiteTest, RefusesAPlanForAModelThatNobodySigned) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  TargetInfo model{.path = "models/starter/evil.linnet", .sha256 = std::string(32, 'x')};
  EXPECT_THAT(site->SignPlan(PlanFor(model), {}),
              StatusIs(Code::kFailedPrecondition, HasSubstr("publish it first")));
  EXPECT_THAT(site->SignPlan(PlanFor(model), {}, /*allow_unsigned_model=*/true), IsOk());
}

TEST_F(SiteTest, SignsNoPlanWhoseCanariesHaveNoKeys) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication model, site->PublishModel(Release(), repository_->Current()));
  Plan plan = PlanFor(model.targets[0]);
  const std::string canary(32, 'c');
  plan.waves = {{.name = "canary", .devices = {canary}}, {.name = "all", .passes_needed = 1}};
  EXPECT_THAT(site->SignPlan(plan, {}),
              StatusIs(Code::kFailedPrecondition, HasSubstr("is named without its key")));
  plan.waves[0].keys = {{canary, std::string(64, 'a')}};
  EXPECT_THAT(site->SignPlan(plan, {}), IsOk());
}

TEST_F(SiteTest, DoesNotSignOnTopOfWhatALyingCoordinatorShows) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  // Another site's metadata, and a version that this site never signed.
  ASSERT_THAT(InitSite(fs_, dir_ / "other", options_, clock_), IsOk());
  ASSERT_OK_AND_ASSIGN(auto other, Site::Open(fs_, dir_ / "other", "", clock_));
  ASSERT_OK_AND_ASSIGN(const Publication foreign, other->PublishModel(Release(), {}));
  EXPECT_THAT(site->PublishModel(Release(), foreign.metadata),
              StatusIs(Code::kFailedPrecondition, HasSubstr("another site")));
  EXPECT_THAT(site->PublishModel(Release(), {{"targets", foreign.metadata.at("targets")}}),
              StatusIs(Code::kUnauthenticated));
  auto damaged = repository_->Current();
  damaged["targets"].pop_back();
  EXPECT_THAT(site->PublishModel(Release(), damaged), StatusIs(Code::kDataLoss));
  // Old metadata of ours is no base: the newer one that this site remembers is.
  const auto old = repository_->Current();
  ASSERT_OK_AND_ASSIGN(const Publication one, site->PublishModel(Release("1"), old));
  ASSERT_THAT(repository_->Publish(one.metadata), IsOk());
  ASSERT_OK_AND_ASSIGN(const Publication two, site->PublishModel(Release("2"), old));
  ASSERT_THAT(repository_->Publish(two.metadata), IsOk());
  EXPECT_THAT(repository_->Targets(), SizeIs(4));
}

TEST_F(SiteTest, SealsOfflineKeysAndNeedsThePassphraseToSign) {
  options_.passphrase = "correct horse";
  ASSERT_THAT(InitSite(fs_, dir_ / "sealed", options_, clock_), IsOk());
  ASSERT_OK_AND_ASSIGN(auto wrong, Site::Open(fs_, dir_ / "sealed", "battery", clock_));
  EXPECT_THAT(wrong->PublishModel(Release(), {}),
              StatusIs(Code::kUnauthenticated, HasSubstr("wrong passphrase")));
  wrong.reset();
  ASSERT_OK_AND_ASSIGN(auto site, Site::Open(fs_, dir_ / "sealed", "correct horse", clock_));
  EXPECT_THAT(site->PublishModel(Release(), {}), IsOk());
  ASSERT_OK_AND_ASSIGN(const SiteStatus status, site->Status());
  int encrypted = 0;
  for (const KeyFileStatus& file : status.key_files) {
    EXPECT_EQ(file.mode, 0600u) << file.path;
    EXPECT_EQ(file.encrypted, file.path.starts_with("offline/")) << file.path;
    encrypted += file.encrypted ? 1 : 0;
  }
  EXPECT_EQ(encrypted, 3 + 3 + 1 + 2 + 1);  // root, targets, plans, two authorities, the family
}

TEST_F(SiteTest, StatusTellsRolesThresholdsAndExpiries) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const SiteStatus status, site->Status());
  ASSERT_THAT(status.roles, SizeIs(3));
  for (const RoleStatus& role : status.roles) {
    EXPECT_EQ(role.threshold, role.role == "plans" ? 1u : 2u) << role.role;
    EXPECT_EQ(role.keys, role.role == "plans" ? 1u : 3u) << role.role;
    EXPECT_GT(role.expires, clock_.Now() + absl::Hours(24 * 179)) << role.role;
  }
  EXPECT_EQ(status.name, "home");
  EXPECT_GT(status.server_certificate_expires, clock_.Now());
}

TEST_F(SiteTest, NeverOverwritesWhatIsThere) {
  EXPECT_THAT(InitSite(fs_, site_dir_, options_, clock_), StatusIs(Code::kAlreadyExists));
  EXPECT_THAT(InitSite(fs_, dir_ / "model.linnet", options_, clock_), StatusIs(Code::kAlreadyExists));
  ASSERT_THAT(fs_.CreateDirectories(dir_ / "empty"), IsOk());
  EXPECT_THAT(InitSite(fs_, dir_ / "empty/", options_, clock_), IsOk());
}

TEST_F(SiteTest, OneCommandAtATimeWorksInASite) {
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  EXPECT_THAT(OpenSite(), StatusIs(Code::kUnavailable, HasSubstr("another command")));
  site.reset();
  EXPECT_THAT(OpenSite(), IsOk());
  EXPECT_THAT(Site::Open(fs_, dir_ / "nowhere", "", clock_),
              StatusIs(Code::kNotFound, HasSubstr("site init")));
}

TEST_F(SiteTest, AFullDiskLeavesNoHalfSite) {
  for (int n = 0; n < 60; n += 7) {
    testing::FaultyFiles full;
    full.FailAfter(n, absl::ResourceExhaustedError("disk full"));
    EXPECT_THAT(InitSite(full, dir_ / "full", options_, clock_), StatusIs(Code::kResourceExhausted)) << n;
    EXPECT_FALSE(std::filesystem::exists(dir_ / "full"));
  }
  ASSERT_OK_AND_ASSIGN(const auto left, fs_.List(dir_.path()));
  EXPECT_THAT(left, SizeIs(2)) << "only the model and the site of the fixture";
}

TEST_F(SiteTest, AWriteThatFailsWhilePublishingCanBeRepeated) {
  for (int n = 0; n < 40; ++n) {
    testing::FaultyFiles faulty;
    faulty.FailAfter(n, absl::ResourceExhaustedError("disk full"));
    ASSERT_OK_AND_ASSIGN(auto site, Site::Open(faulty, site_dir_, "", clock_));
    ModelRelease release = Release(absl::StrCat("v", n / 4));
    release.family = absl::StrCat("family-", n / 8);
    const absl::Status failed = site->PublishModel(release, repository_->Current()).status();
    faulty.CutPower();
    faulty.Repair();
    ASSERT_OK_AND_ASSIGN(const Publication p, site->PublishModel(release, repository_->Current()));
    ASSERT_THAT(repository_->Publish(p.metadata), IsOk()) << n << " after " << failed;
    ASSERT_OK_AND_ASSIGN(const auto found, ClientFinds(p.targets[0].path));
    EXPECT_TRUE(found.has_value());
  }
}

TEST_F(SiteTest, CertificatesLeadToTheRootOfTheirDomainOnly) {
  const auto read = [&](const std::string& name) {
    return *base::Certificate::FromPem(*fs_.ReadFile(site_dir_ + "/" + name, 100000));
  };
  const base::Certificate fleet = read("coordinator/fleet-root.pem");
  const base::Certificate operators = read("coordinator/operator-root.pem");
  const std::vector<base::Certificate> server = {read("coordinator/server.pem")};
  const std::vector<base::Certificate> person = {read("operator/operator.pem")};
  ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
  EXPECT_THAT(
      base::VerifyChain(server, fleet, base::CertificateUse::kServer, base::kCoordinatorUri, clock_.Now()),
      IsOk());
  EXPECT_EQ(server[0].UriOf(base::kCoordinatorUri), site->id());
  EXPECT_THAT(
      base::VerifyChain(person, operators, base::CertificateUse::kClient, base::kOperatorUri, clock_.Now()),
      IsOk());
  EXPECT_THAT(
      base::VerifyChain(person, fleet, base::CertificateUse::kClient, base::kOperatorUri, clock_.Now()),
      StatusIs(Code::kUnauthenticated));
  EXPECT_EQ(*fs_.ReadFile(site_dir_ + "/operator/coordinator.pin", 100),
            base::Hex(server[0].SpkiSha256()) + "\n");
  // A device certificate from the intermediate.
  const auto ca_key = *base::OpenKey(*fs_.ReadFile(site_dir_ + "/coordinator/device-ca.key", 10000), "");
  base::CertificateRequest request{.common_name = "device",
                                   .uri = std::string(base::kDeviceUri) + std::string(32, 'a')};
  request.not_before = clock_.Now();
  request.not_after = clock_.Now() + absl::Hours(24);
  const base::Certificate ca = read("coordinator/device-ca.pem");
  const auto device_key = base::PrivateKey::Generate(base::KeyType::kP256);
  ASSERT_OK_AND_ASSIGN(const base::Certificate device,
                       base::Issue(ca, ca_key, device_key.public_key(), request));
  const std::vector<base::Certificate> chain = {device, ca};
  EXPECT_THAT(base::VerifyChain(chain, fleet, base::CertificateUse::kClient, base::kDeviceUri, clock_.Now()),
              IsOk());
  // It lies on the coordinator's host, and makes no coordinator and no operator.
  for (const std::string_view scheme : {base::kCoordinatorUri, base::kOperatorUri, base::kAgentUri}) {
    for (const bool in_disguise : {false, true}) {
      base::CertificateRequest other{.common_name = "other",
                                     .uri = std::string(scheme) + site->id(),
                                     .use = scheme == base::kOperatorUri ? base::CertificateUse::kClient
                                                                         : base::CertificateUse::kServer};
      other.not_before = request.not_before;
      other.not_after = request.not_after;
      if (in_disguise) other.organization = "linnet-device";
      ASSERT_OK_AND_ASSIGN(const base::Certificate forged,
                           base::Issue(ca, ca_key, device_key.public_key(), other));
      const std::vector<base::Certificate> forged_chain = {forged, ca};
      EXPECT_THAT(base::VerifyChain(forged_chain, fleet, other.use, scheme, clock_.Now()),
                  StatusIs(Code::kUnauthenticated))
          << scheme;
    }
  }
}

}  // namespace
}  // namespace linnet::trust
