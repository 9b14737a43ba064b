#include "storage/trust/site_repository.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/site.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {

absl::StatusOr<std::unique_ptr<Repository>> OpenSiteRepository(base::FileSystem& fs, const std::string& dir,
                                                               const base::Clock& clock) {
  const auto key = [&](const char* name) {
    return ReadKey(fs, dir, absl::StrCat(std::string(kSiteCoordinator), "/", name), "");
  };
  absl::StatusOr<base::PrivateKey> snapshot = key("snapshot.key");
  absl::StatusOr<base::PrivateKey> timestamp = key("timestamp.key");
  if (absl::IsNotFound(snapshot.status()) || absl::IsNotFound(timestamp.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(dir, "/", std::string(kSiteCoordinator),
                     ": its keys are not here; without a coordinator, the whole site must be"));
  }
  LINNET_RETURN_IF_ERROR(snapshot.status());
  LINNET_RETURN_IF_ERROR(timestamp.status());
  return Repository::Open(fs, absl::StrCat(dir, "/", std::string(kSiteRepository)),
                          {.snapshot = *std::move(snapshot), .timestamp = *std::move(timestamp)}, clock);
}

}  // namespace linnet::trust
