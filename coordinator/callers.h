#ifndef LINNET_COORDINATOR_CALLERS_H_
#define LINNET_COORDINATOR_CALLERS_H_

#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/cohort.h"
#include "runtime/base/mutex.h"

namespace grpc {
class ServerContextBase;
}

namespace linnet::coordinator {

// Who calls, by the certificate that the handshake accepted. It is looked at again in each RPC, because a
// connection may outlive the certificate, and a device may be revoked meanwhile.

// What certificates of devices say, so that each is parsed once and not with every call. Thread-safe.
class KnownCertificates {
 public:
  struct Facts {
    std::string device_id;   // 16 bytes; empty: it names no device
    std::string public_key;  // 65 bytes
    absl::Time not_after;
  };
  // Unauthenticated: no certificate.
  absl::StatusOr<std::shared_ptr<const Facts>> Of(const grpc::ServerContextBase& context);

 private:
  base::Mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Facts>> by_hash_ ABSL_GUARDED_BY(mutex_);
};

// The device's id. Unauthenticated: no certificate, or expired; PermissionDenied: Cohort::Authenticate.
absl::StatusOr<std::string> CallingDevice(const grpc::ServerContextBase& context, KnownCertificates& known,
                                          FleetDatabase& fleet, Cohort& cohort, absl::Time now);
// The operator's name.
absl::StatusOr<std::string> CallingOperator(const grpc::ServerContextBase& context, absl::Time now);

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_CALLERS_H_
