#include "storage/trust/site_repository.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status_macros.h"
#include "storage/trust/site.h"
#include "storage/trust/site_files.h"

namespace linnet::trust {

absl::StatusOr<std::unique_ptr<Repository>> OpenSiteRepository(base::FileSystem& fs, const std::string& dir,
                                                               const base::Clock& clock) {
  const std::string coordinator = absl::StrCat(dir, "/", std::string(kSiteCoordinator));
  if (absl::IsNotFound(fs.Stat(absl::StrCat(dir, "/", std::string(kSiteRepository))).status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(coordinator, ": its keys are not here; without a coordinator, the whole site must be"));
  }
  return Repository::Open(fs, absl::StrCat(dir, "/", std::string(kSiteRepository)),
                          OnlineKeysIn(fs, coordinator), clock);
}

}  // namespace linnet::trust
