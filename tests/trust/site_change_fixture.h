#ifndef LINNET_TESTS_TRUST_SITE_CHANGE_FIXTURE_H_
#define LINNET_TESTS_TRUST_SITE_CHANGE_FIXTURE_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/trust/site_fixture.h"

namespace linnet::trust {

// A device, for as long as the test lasts.
class Client {
 public:
  // `root`: the version that it trusts; 0: the newest.
  Client(const Repository& repository, const base::Clock& clock, uint64_t root = 0)
      : repository_(repository), clock_(clock) {
    const uint64_t version = root == 0 ? repository.versions().root : root;
    EXPECT_THAT(store_.Save("root", *repository.Metadata("root", version)), linnet::testing::IsOk());
  }
  absl::Status Refresh() {
    RepositoryFetcher fetcher(repository_);
    return Refresh(fetcher);
  }
  absl::Status Refresh(MetadataFetcher& fetcher) {
    auto updater = Updater::Open(store_, clock_.Now());
    if (!updater.ok()) return updater.status();
    updater_ = *std::move(updater);
    return updater_->Refresh(fetcher);
  }
  // After Refresh.
  bool Finds(const std::string& path) {
    RepositoryFetcher fetcher(repository_);
    const auto found = updater_->FindTarget(path, fetcher);
    EXPECT_THAT(found, linnet::testing::IsOk());
    return found.ok() && found->has_value();
  }
  uint64_t version(std::string_view role) const { return updater_->version(role); }

 private:
  testing::TempDir dir_;
  TrustStore store_{base::FileSystem::Real(), dir_.path()};
  const Repository& repository_;
  const base::Clock& clock_;
  std::unique_ptr<Updater> updater_;
};

class SiteChangeTest : public SiteTest {
 protected:
  void SetUp() override {
    SiteTest::SetUp();
    ASSERT_OK_AND_ASSIGN(site_, OpenSite());
    ASSERT_OK_AND_ASSIGN(const Publication p, site_->PublishModel(Release(), {}));
    ASSERT_THAT(repository_->Publish(p.metadata), linnet::testing::IsOk());
    model_ = p.targets[0].path;
    client_ = std::make_unique<Client>(*repository_, clock_);
    ASSERT_THAT(client_->Refresh(), linnet::testing::IsOk());
    ASSERT_TRUE(client_->Finds(model_));
  }
  absl::Status Publish(Site& site, const absl::StatusOr<Change>& change) {
    if (!change.ok()) return change.status();
    const absl::StatusOr<Publication> publication = site.Adopt(*change, repository_->Current());
    if (!publication.ok()) return publication.status();
    return repository_->Publish(publication->metadata).status();
  }
  absl::Status Publish(const absl::StatusOr<Change>& change) { return Publish(*site_, change); }
  absl::StatusOr<Change> Rotate(const std::string& role, std::string_view key = "") {
    return site_->RotateKey(role, key, repository_->Current());
  }
  absl::Time ExpiryOf(const std::string& role) {
    const absl::StatusOr<SiteStatus> status = site_->Status();
    EXPECT_THAT(status, linnet::testing::IsOk());
    for (const RoleStatus& r : status->roles) {
      if (r.role == role) return r.expires;
    }
    return absl::InfinitePast();
  }
  // The same site in another folder, with only some of its offline keys.
  std::string CopyWithout(const std::string& name, const std::vector<std::string>& keys) {
    const std::string to = dir_ / name;
    std::filesystem::copy(site_dir_, to, std::filesystem::copy_options::recursive);
    for (const std::string& key : keys) std::filesystem::remove(to + "/offline/" + key);
    return to;
  }

  std::unique_ptr<Site> site_;
  std::unique_ptr<Client> client_;
  std::string model_;
};

}  // namespace linnet::trust

#endif  // LINNET_TESTS_TRUST_SITE_CHANGE_FIXTURE_H_
