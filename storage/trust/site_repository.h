#ifndef LINNET_STORAGE_TRUST_SITE_REPOSITORY_H_
#define LINNET_STORAGE_TRUST_SITE_REPOSITORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "storage/trust/repository.h"

namespace linnet::trust {

// The repository in a site's own folder, with the online keys beside it: what a site without a coordinator
// publishes into, and what a coordinator starts from. FailedPrecondition: the coordinator's folder is not
// here.
absl::StatusOr<std::unique_ptr<Repository>> OpenSiteRepository(base::FileSystem& fs, const std::string& dir,
                                                               const base::Clock& clock);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_REPOSITORY_H_
