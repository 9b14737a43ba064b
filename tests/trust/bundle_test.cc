// The folder for a stick: what is in it, and that any TUF client can follow it.
#include "storage/trust/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/trust/site_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr absl::Duration kDay = absl::Hours(24);

class BundleTest : public SiteTest {
 protected:
  void SetUp() override {
    SiteTest::SetUp();
    ASSERT_OK_AND_ASSIGN(auto site, OpenSite());
    ASSERT_OK_AND_ASSIGN(const Publication p, site->PublishModel(Release(), {}));
    ASSERT_THAT(repository_->Publish(p.metadata), IsOk());
    files_ = {{.target = p.targets[0], .path = dir_ / "model.linnet"},
              {.target = p.targets[1], .bytes = "{\"chunks\":[]}"}};
    ASSERT_THAT(repository_->SignOnlineRoles(180 * kDay), IsOk());
  }
  absl::Status Write(const std::string& name) {
    return WriteBundle(fs_, dir_ / name, {.site = "s", .plan = "plans/p.json"}, *repository_, files_);
  }
  // What a client that trusts root 1 finds in it.
  absl::StatusOr<std::optional<TargetInfo>> Find(const std::string& name) {
    testing::TempDir dir;
    TrustStore store(fs_, dir.path());
    EXPECT_THAT(store.Save("root", *repository_->Metadata("root", 1)), IsOk());
    auto updater = Updater::Open(store, clock_.Now());
    if (!updater.ok()) return updater.status();
    BundleMetadata bundle(fs_, dir_ / name);
    return (*updater)->FindTarget(files_[0].target.path, bundle);
  }

  std::vector<BundleFile> files_;
};

TEST_F(BundleTest, IsAStandardRepositoryThatHoldsForMonths) {
  ASSERT_THAT(Write("bundle"), IsOk());
  clock_.Advance(170 * kDay);
  ASSERT_OK_AND_ASSIGN(const auto found, Find("bundle"));
  ASSERT_TRUE(found.has_value());
  const std::string hash = base::Hex(found->sha256);
  ASSERT_OK_AND_ASSIGN(
      const std::string bytes,
      fs_.ReadFile(dir_ / absl::StrCat("bundle/targets/models/starter/", hash, ".linnet-starter-1.linnet"),
                   100));
  EXPECT_EQ(bytes, "weights");
  ASSERT_OK_AND_ASSIGN(const BundleManifest manifest, ReadBundleManifest(fs_, dir_ / "bundle"));
  EXPECT_EQ(manifest.plan, "plans/p.json");
  clock_.Advance(11 * kDay);
  EXPECT_THAT(Find("bundle"), StatusIs(Code::kFailedPrecondition, HasSubstr("expired")));
}

TEST_F(BundleTest, NamesTheMetadataThatIsMissing) {
  ASSERT_THAT(Write("bundle"), IsOk());
  std::filesystem::remove(dir_ / "bundle/metadata/2.targets.json");
  EXPECT_THAT(Find("bundle"), StatusIs(Code::kNotFound, HasSubstr("2.targets.json: is missing")));
}

TEST_F(BundleTest, OverwritesNothingAndLeavesNoHalfBundle) {
  ASSERT_THAT(Write("bundle"), IsOk());
  EXPECT_THAT(Write("bundle"), StatusIs(Code::kAlreadyExists, HasSubstr("not overwritten")));
  ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "changed"), IsOk());
  EXPECT_THAT(Write("other"), StatusIs(Code::kDataLoss, HasSubstr("model.linnet")));
  ASSERT_OK_AND_ASSIGN(const auto left, fs_.List(dir_.path()));
  EXPECT_THAT(left, ::testing::ElementsAre("bundle", "model.linnet", "site"));
}

TEST_F(BundleTest, ACoordinatorThatStartsLaterSignsForADayAgain) {
  EXPECT_GT(repository_->timestamp_expires(), clock_.Now() + 100 * kDay);
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), true);
  EXPECT_EQ(repository_->timestamp_expires(), clock_.Now() + kDay);
  EXPECT_THAT(*repository_->RefreshOnlineRoles(), false);
}

TEST_F(BundleTest, ADamagedManifestSaysSo) {
  EXPECT_THAT(ReadBundleManifest(fs_, dir_.path()), StatusIs(Code::kNotFound, HasSubstr("is no bundle")));
  for (const char* bad : {"", "{", "[]", "{\"format\":\"linnet-bundle-1\"}", "{\"format\":\"x\"}"}) {
    ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "bundle.json", bad), IsOk());
    EXPECT_THAT(ReadBundleManifest(fs_, dir_.path()), StatusIs(Code::kDataLoss, HasSubstr("damaged"))) << bad;
  }
}

}  // namespace
}  // namespace linnet::trust
