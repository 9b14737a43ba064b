#ifndef LINNET_STORAGE_TRUST_UPDATER_H_
#define LINNET_STORAGE_TRUST_UPDATER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"

namespace linnet::trust {

// What the signed metadata says about one target file.
struct TargetInfo {
  std::string path;  // "models/starter/linnet-starter-1.linnet"
  std::string role;  // that vouched for it
  uint64_t length = 0;
  std::string sha256;       // 32 bytes; empty when the metadata gives only SHA-512
  std::string sha512;       // 64 bytes; empty when absent. Every hash that is given must hold
  std::string custom_json;  // canonical JSON; "{}" when absent
};

// Where metadata comes from: gRPC, HTTP or a folder. Bytes are not believed.
// Fetch: `version` 0 means unversioned (timestamp). NotFound: there is no such file (ends the root chain).
// ResourceExhausted: longer than `max_bytes`. Unavailable: try again later.
class MetadataFetcher {
 public:
  virtual ~MetadataFetcher() = default;
  virtual absl::StatusOr<std::string> Fetch(std::string_view role, uint64_t version, uint64_t max_bytes) = 0;
};

// Trusted metadata at rest: <dir>/<role>.json, bytes as received, each written atomically. Role names are
// percent-encoded.
class TrustStore {
 public:
  TrustStore(base::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  absl::StatusOr<std::optional<std::string>> Load(std::string_view role) const;
  absl::Status Save(std::string_view role, std::string_view bytes);
  absl::Status Delete(std::string_view role);
  // Forgets everything and trusts `root`; when the power goes in between, some of what was there may remain.
  absl::Status StartOver(std::string_view root);

 private:
  std::string PathOf(std::string_view role) const;
  base::FileSystem& fs_;
  std::string dir_;
};

// The TUF 1.0 client workflow (spec 5.2-5.7) over a pure trusted set. Not thread-safe.
// Errors say which role and why: Unauthenticated (signatures below threshold), FailedPrecondition (rollback,
// version or hash mismatch, expired), DataLoss (malformed), and the fetcher's own.
class Updater {
 public:
  // `start`: the time for all expiry checks of this refresh, e.g. max(clock, last believed).
  // FailedPrecondition when the store holds no root.json; Unauthenticated or DataLoss when it is not a root
  // that signed itself.
  static absl::StatusOr<std::unique_ptr<Updater>> Open(TrustStore& store, absl::Time start);
  virtual ~Updater() = default;

  // Root chain, timestamp, snapshot, targets. What was accepted before an error stays accepted and stored.
  virtual absl::Status Refresh(MetadataFetcher& fetcher) = 0;
  // Searches top-level targets and delegations in order (at most 32). nullopt: no role vouches for this path.
  // Refreshes first if Refresh has not succeeded yet.
  virtual absl::StatusOr<std::optional<TargetInfo>> FindTarget(std::string_view path,
                                                               MetadataFetcher& fetcher) = 0;
  // Of what is trusted: loaded, or else stored and well signed. 0: neither.
  virtual uint64_t version(std::string_view role) const = 0;
};

}  // namespace linnet::trust

#endif  // LINNET_STORAGE_TRUST_UPDATER_H_
