#ifndef LINNET_AGENT_OWNER_GRANT_STORE_H_
#define LINNET_AGENT_OWNER_GRANT_STORE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/owner/scopes.h"
#include "runtime/base/file_system.h"
#include "storage/repo/field_cipher.h"

namespace linnet::owner {

// What the owner lets a person or a program do on this device.
struct Grant {
  std::string id;    // 16 hex digits; in the client certificate's URI
  std::string name;  // the owner's words, e.g. "phone of Anna"
  Scopes scopes;
  absl::Time created, expires;
  bool revoked = false;
};

// The grants of a device in one sealed file, replaced whole, so that a revocation that returned OK is on the
// disk. Bearer tokens are kept as their SHA-256. Not thread-safe: Owner serialises.
class GrantStore {
 public:
  static constexpr size_t kMaxGrants = 256;

  // DataLoss: the file is damaged, of another device, or not what Save writes.
  static absl::StatusOr<std::unique_ptr<GrantStore>> Open(base::FileSystem& fs, std::string path,
                                                          repo::FieldCipher cipher);

  // `token_sha256`: 32 bytes. When full, the oldest grant that is revoked or expired at `now` makes room;
  // ResourceExhausted when there is none.
  absl::Status Add(const Grant& grant, std::string token_sha256, absl::Time now);
  absl::Status Revoke(const std::string& id);  // NotFound; OK when it is revoked already

  std::vector<Grant> List() const;
  std::optional<Grant> FindById(std::string_view id) const;
  // Looks at every grant whatever it finds.
  std::optional<Grant> FindByToken(std::string_view token_sha256) const;

 private:
  struct Entry {
    Grant grant;
    std::string token_sha256;
  };
  GrantStore(base::FileSystem& fs, std::string path, repo::FieldCipher cipher)
      : fs_(fs), path_(std::move(path)), cipher_(std::move(cipher)) {}
  absl::Status Save(const std::vector<Entry>& entries);
  absl::Status Load();

  base::FileSystem& fs_;
  std::string path_;
  repo::FieldCipher cipher_;
  std::vector<Entry> entries_;
};

}  // namespace linnet::owner

#endif  // LINNET_AGENT_OWNER_GRANT_STORE_H_
