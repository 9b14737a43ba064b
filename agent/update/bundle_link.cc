#include "agent/update/bundle_link.h"

#include <utility>

#include "runtime/base/status_macros.h"

namespace linnet::update {

absl::StatusOr<std::unique_ptr<BundleLink>> BundleLink::Open(base::FileSystem& fs, const std::string& dir) {
  LINNET_ASSIGN_OR_RETURN(trust::BundleManifest manifest, trust::ReadBundleManifest(fs, dir));
  LINNET_ASSIGN_OR_RETURN(std::unique_ptr<chunks::DirectorySource> chunks,
                          chunks::DirectorySource::Open(fs, dir + "/targets"));
  return std::unique_ptr<BundleLink>(new BundleLink(fs, dir, std::move(manifest), std::move(chunks)));
}

}  // namespace linnet::update
