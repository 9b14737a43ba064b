#ifndef LINNET_STORAGE_TRUST_SITE_REVOKED_H_
#define LINNET_STORAGE_TRUST_SITE_REVOKED_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runtime/base/file_system.h"
#include "storage/trust/revoked_list.h"
#include "storage/trust/site.h"

// Inside of site*.cc: a site's copies of the lists of revoked devices that it signed, revoked/<SHA-256>.json.
// Signed metadata has the hash only, and the next list is made from the whole of the last one.
namespace linnet::trust {

class SiteRevoked {
 public:
  SiteRevoked(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}

  // The list with this hash: the copy here, or else what `fetch` brings, which is then kept. NotFound:
  // neither.
  absl::StatusOr<RevokedList> Load(std::string_view sha256, const FetchTarget& fetch) const;
  // Written before the metadata that names it.
  absl::Status Save(std::string_view sha256, std::string_view json) const;
  // Removes the copies of lists before this one; best effort.
  void Sweep(std::string_view keep_sha256) const;

 private:
  std::string PathOf(std::string_view sha256) const;

  base::FileSystem& fs_;
  const std::string dir_;
};

// The version that signed metadata says (its `custom`); 0: none.
uint64_t RevokedVersionOf(std::string_view custom_json);

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_SITE_REVOKED_H_
