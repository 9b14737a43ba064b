#ifndef LINNET_AGENT_UPDATE_REVOCATIONS_H_
#define LINNET_AGENT_UPDATE_REVOCATIONS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "runtime/base/x509.h"
#include "storage/repo/state_database.h"
#include "storage/trust/updater.h"

namespace linnet::chunks {
class ChunkSource;
}

namespace linnet::update {

// Which devices of the site are members no more, as the plans key signed it and this device holds it: asked
// of whom another device presents itself as, and of whose receipts count. No online service is asked. Before
// a list was learned, nobody is revoked. Thread-safe.
class Revocations {
 public:
  // `state` outlives it.
  explicit Revocations(repo::StateDatabase& state);

  // What state.db holds. DataLoss: it is damaged; the next Take mends that.
  absl::Status Load();
  // A list whose signed hash was verified, in the place of the one that is held. DataLoss: malformed.
  // FailedPrecondition: older than the one that is held, or another one of its version. What is refused
  // changes nothing; what returned OK is on the disk.
  absl::Status Take(std::string_view json);

  // `device_id`: 16 bytes.
  bool IsRevoked(std::string_view device_id) const { return RevokedSince(device_id).has_value(); }
  std::optional<absl::Time> RevokedSince(std::string_view device_id) const;
  // PermissionDenied: of a device on the list, by its id or by its key, under whatever id. The chain is the
  // caller's to verify.
  absl::Status CheckCertificate(const base::Certificate& certificate) const;
  // The same for DER; DataLoss or InvalidArgument when it is no certificate.
  absl::Status CheckCertificate(std::string_view der) const;

  uint64_t version() const;    // 0: no list yet
  size_t size() const;         // devices on it
  std::string sha256() const;  // of the list that is held; empty: none

 private:
  struct View;
  static absl::StatusOr<std::shared_ptr<const View>> ViewOf(std::string_view json);
  std::shared_ptr<const View> Now() const;

  repo::StateDatabase& state_;
  mutable base::Mutex mutex_;
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(mutex_);
};

// Takes the site's list if its metadata (`updater`, refreshed) name one that is not held yet. OK also when
// they name none. Errors: the updater's, FetchSmall's (its bytes cannot be had) and Take's.
absl::Status LearnRevoked(trust::Updater& updater, trust::MetadataFetcher& metadata,
                          chunks::ChunkSource& chunks, Revocations& revocations);

}  // namespace linnet::update

#endif  // LINNET_AGENT_UPDATE_REVOCATIONS_H_
