#ifndef LINNET_COORDINATOR_AUTHORITY_H_
#define LINNET_COORDINATOR_AUTHORITY_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/keys.h"
#include "runtime/base/x509.h"

namespace linnet::coordinator {

struct IssuedCertificate {
  std::vector<std::string> chain;  // DER: leaf, then intermediate
  absl::Time expires;
};

// Certifies devices' keys with the intermediate of the fleet domain. It says "this key is a member device",
// nothing else. Immutable, thread-safe.
class Authority {
 public:
  static constexpr absl::Duration kLifetime = absl::Hours(24 * 30);

  Authority(base::Certificate device_ca, base::PrivateKey key, base::Certificate fleet_root)
      : device_ca_(std::move(device_ca)), key_(std::move(key)), fleet_root_(std::move(fleet_root)) {}

  // For kLifetime, but not beyond `latest`. `device_id`: 16 bytes. InvalidArgument: `public_key` is no point
  // of P-256. FailedPrecondition: the intermediate itself ends too soon.
  absl::StatusOr<IssuedCertificate> Issue(std::string_view device_id, std::string_view public_key,
                                          absl::Time now, absl::Time latest = absl::InfiniteFuture()) const;
  const base::Certificate& fleet_root() const { return fleet_root_; }
  // The intermediate that it certifies with.
  const base::Certificate& device_ca() const { return device_ca_; }

 private:
  base::Certificate device_ca_;
  base::PrivateKey key_;
  base::Certificate fleet_root_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_AUTHORITY_H_
