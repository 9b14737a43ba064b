#ifndef LINNET_TESTS_TRUST_UPDATER_FIXTURE_H_
#define LINNET_TESTS_TRUST_UPDATER_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "runtime/base/file_system.h"
#include "storage/trust/updater.h"
#include "tests/support/lying_repository.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::trust {

// A client with a store on disk, which trusts root 1 of a repository that lies when told to.
class UpdaterTest : public ::testing::Test {
 protected:
  UpdaterTest() { EXPECT_THAT(store_.Save("root", repository_.File("root", 1)), testing::IsOk()); }

  // A whole refresh, as a process that has just started does it.
  absl::Status Refresh() {
    repository_.requests.clear();
    auto opened = Updater::Open(store_, repository_.now);
    if (!opened.ok()) return opened.status();
    updater_ = *std::move(opened);
    return updater_->Refresh(repository_);
  }
  absl::StatusOr<std::optional<TargetInfo>> Find(const std::string& path) {
    return updater_->FindTarget(path, repository_);
  }
  std::optional<std::string> Stored(const std::string& role) { return *store_.Load(role); }
  bool Requested(const std::string& what) const {
    return std::find(repository_.requests.begin(), repository_.requests.end(), what) !=
           repository_.requests.end();
  }

  testing::TempDir dir_;
  TrustStore store_{base::FileSystem::Real(), dir_.path()};
  testing::LyingRepository repository_{absl::FromUnixSeconds(1893456000)};
  std::unique_ptr<Updater> updater_;
};

}  // namespace linnet::trust

#endif  // LINNET_TESTS_TRUST_UPDATER_FIXTURE_H_
