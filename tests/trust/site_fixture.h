#ifndef LINNET_TESTS_TRUST_SITE_FIXTURE_H_
#define LINNET_TESTS_TRUST_SITE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "storage/trust/repository.h"
#include "storage/trust/site.h"
#include "storage/trust/site_repository.h"
#include "storage/trust/updater.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::trust {

class RepositoryFetcher final : public MetadataFetcher {
 public:
  explicit RepositoryFetcher(const Repository& repository) : repository_(repository) {}
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t) override {
    return repository_.Metadata(role, version);
  }

 private:
  const Repository& repository_;
};

// A site with its repository, as its coordinator holds it, and clients of it.
class SiteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(InitSite(fs_, site_dir_, options_, clock_), testing::IsOk());
    ASSERT_THAT(fs_.WriteFileAtomic(dir_ / "model.linnet", "weights"), testing::IsOk());
    Reopen();
  }
  void Reopen() {
    auto repository = OpenSiteRepository(fs_, site_dir_, clock_);
    ASSERT_THAT(repository, testing::IsOk());
    repository_ = *std::move(repository);
  }
  absl::StatusOr<std::unique_ptr<Site>> OpenSite(std::string passphrase = "") {
    return Site::Open(fs_, site_dir_, std::move(passphrase), clock_);
  }
  ModelRelease Release(const std::string& version = "1") const {
    return {.family = "starter",
            .name = "linnet-starter",
            .version = version,
            .file = dir_ / "model.linnet",
            .index_json = "{\"chunks\":[]}",
            .license = "Apache-2.0"};
  }
  Plan PlanFor(const TargetInfo& model) const {
    return {.id = base::Hex(base::RandomBytes(16)),
            .model_target = model.path,
            .model_sha256 = model.sha256,
            .release_counter = 1,
            .waves = {{.name = "all"}},
            .created = clock_.Now(),
            .expires = clock_.Now() + absl::Hours(24 * 30)};
  }
  absl::StatusOr<std::optional<TargetInfo>> ClientFinds(const std::string& path) {
    testing::TempDir dir;
    TrustStore store(fs_, dir.path());
    EXPECT_THAT(store.Save("root", *repository_->Metadata("root", 1)), testing::IsOk());
    auto updater = Updater::Open(store, clock_.Now());
    if (!updater.ok()) return updater.status();
    RepositoryFetcher fetcher(*repository_);
    return (*updater)->FindTarget(path, fetcher);
  }

  base::FileSystem& fs_ = base::FileSystem::Real();
  testing::TempDir dir_;
  testing::FakeClock clock_;
  SiteOptions options_;
  std::string site_dir_ = dir_ / "site";
  std::unique_ptr<Repository> repository_;
};

}  // namespace linnet::trust

#endif  // LINNET_TESTS_TRUST_SITE_FIXTURE_H_
