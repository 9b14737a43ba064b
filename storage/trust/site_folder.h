#ifndef LINNET_STORAGE_TRUST_SITE_FOLDER_H_
#define LINNET_STORAGE_TRUST_SITE_FOLDER_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "storage/trust/offline_set.h"
#include "storage/trust/site.h"

// Inside of site*.cc: what a site remembers of what it signed (offline/metadata).
namespace linnet::trust {

class SiteFolder {
 public:
  SiteFolder(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}

  // What to sign on: what was signed here last, and what other operators of the same site published since. A
  // coordinator is not believed: its metadata must verify under our root, and older versions count for
  // nothing.
  absl::StatusOr<OfflineSet> Base(const OfflineSet::Metadata& current) const;

  // Remembers what was signed, then hands out what the coordinator lacks. A crash in between costs nothing:
  // the next publication contains it. Roles that verify only together (a key and what it signs) are first
  // written into one file, from which Base goes on after a crash.
  absl::StatusOr<Publication> Remember(const OfflineSet& set, const OfflineSet::Metadata& current) const;

 private:
  // Ends what a crash cut off.
  absl::Status Recover() const;
  absl::Status WriteRoles(const OfflineSet::Metadata& roles) const;
  // The roots between that of `current` and this one, for a coordinator that was restored from an old copy or
  // made anew.
  absl::Status AddRootSteps(const OfflineSet& set, const OfflineSet::Metadata& current,
                            Publication& out) const;
  std::string MetadataPath(std::string_view role) const;
  std::string UnfinishedPath() const;

  base::FileSystem& fs_;
  const std::string dir_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_FOLDER_H_
