#ifndef LINNET_STORAGE_TRUST_BUNDLE_H_
#define LINNET_STORAGE_TRUST_BUNDLE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "storage/trust/repository.h"
#include "storage/trust/updater.h"

// A site's signed metadata and files in a folder, enough to install from a USB stick:
//
//   bundle.json                               {"format", "site", "plan"}: unsigned, says which plan to look
//   at metadata/<version>.<role>.json            the whole root chain; every role of the snapshot
//   metadata/timestamp.json
//   targets/<folder>/<sha256>.<file>          model, index, plan
//
// metadata/ and targets/ are the standard TUF layout with consistent snapshots: a static server can serve
// them (README.md), and any TUF client read them.
namespace linnet::trust {

struct BundleManifest {
  std::string site;  // 32 hex digits
  std::string plan;  // target path
};

// A file of a bundle: its bytes, or where they are.
struct BundleFile {
  TargetInfo target;
  std::string bytes;
  std::string path;  // when not empty, in place of bytes
};

// AlreadyExists: `dir` is there and not empty.
absl::Status CheckBundleFolder(base::FileSystem& fs, const std::string& dir);

// Writes what `repository` publishes now, and `files`. All or nothing: built beside `dir`, then renamed.
// AlreadyExists as above. DataLoss: a file has other bytes than its target.
absl::Status WriteBundle(base::FileSystem& fs, const std::string& dir, const BundleManifest& manifest,
                         const Repository& repository, const std::vector<BundleFile>& files);

// NotFound: `dir` is no bundle. DataLoss: its manifest is damaged.
absl::StatusOr<BundleManifest> ReadBundleManifest(base::FileSystem& fs, const std::string& dir);

// "targets/models/starter/<sha256>.linnet-starter-1.linnet"
std::string BundlePathOf(const TargetInfo& target);

// The metadata of a bundle.
class BundleMetadata final : public MetadataFetcher {
 public:
  BundleMetadata(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) override;

 private:
  base::FileSystem& fs_;
  const std::string dir_;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_BUNDLE_H_
