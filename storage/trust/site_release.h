#ifndef LINNET_STORAGE_TRUST_SITE_RELEASE_H_
#define LINNET_STORAGE_TRUST_SITE_RELEASE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "storage/trust/canonical_json.h"
#include "storage/trust/metadata.h"
#include "storage/trust/offline_set.h"
#include "storage/trust/release_suite.h"
#include "storage/trust/site.h"

// Inside of site.cc: what a release of a model is in the signed role of its family.
namespace linnet::trust {

// A target of a role; null: there is no such role or target. Valid as long as `set`.
const TargetFile* FindFile(const OfflineSet& set, const std::string& role, const std::string& path);
bool HasHash(const TargetFile& file, std::string_view sha256);
std::string Sha256Of(const TargetFile& file);  // 32 bytes; empty: it has none

// The largest release counter of a family. Withdrawn releases count: devices that committed one take nothing
// older.
uint64_t LargestCounter(const OfflineSet& set, const std::string& role);
// The newest release of the family where its bytes are those of `file`; empty where they are others.
std::string NewestWith(const OfflineSet& set, const std::string& role, const TargetFile& file);

// A release and what is signed beside it.
struct ReleaseTargets {
  std::string role, path, index_path, suite_path;
  uint64_t length = 0;
  std::string hash, index_hash;    // 32 bytes
  std::optional<SuiteRule> suite;  // none: no suite_path is signed

  // Reads the whole file.
  static absl::StatusOr<ReleaseTargets> Of(base::FileSystem& fs, const ModelRelease& release);
  // Just as it is? AlreadyExists: the name and version stand, or stood, for something else.
  absl::StatusOr<bool> AreSigned(const OfflineSet& set) const;
  void AddTo(Json& signed_part, const ModelRelease& release, uint64_t counter) const;
  std::vector<std::string> paths() const;  // the model's first
};

// Signs the bytes of `target` once more under `again`: with its index, its suite and all that it says of
// itself but the counter.
void AddAgain(Json& signed_part, const OfflineSet& set, const std::string& role, const std::string& target,
              const std::string& again, Json custom);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_RELEASE_H_
