#ifndef LINNET_COORDINATOR_ENROLLMENT_H_
#define LINNET_COORDINATOR_ENROLLMENT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/authority.h"
#include "coordinator/cohort.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/clock.h"

namespace linnet::coordinator {

struct NewToken {
  std::string text;
  absl::Time expires;
};

// How devices become members, and stay so. Thread-safe.
class Enrollment {
 public:
  struct Coordinates {
    std::string address;      // that tokens name (SetAddress)
    std::string spki_sha256;  // that tokens pin
    std::string tuf_root;     // version 1 of root.json
  };
  Enrollment(FleetDatabase& fleet, Cohort& cohort, const Authority& authority, const base::Clock& clock,
             Coordinates coordinates)
      : fleet_(fleet),
        cohort_(cohort),
        authority_(authority),
        clock_(clock),
        coordinates_(std::move(coordinates)) {}

  // The address that tokens name; known once the port is.
  void SetAddress(std::string address) {
    const base::MutexLock lock(fleet_.mutex);
    coordinates_.address = std::move(address);
  }
  // InvalidArgument: the name or the time; AlreadyExists: a member has the name.
  absl::StatusOr<NewToken> CreateToken(std::string_view actor, std::string_view device_name,
                                       absl::Duration valid_for);
  // The intermediate under which all certificates of devices are issued.
  const std::string& authority_der() const { return authority_.device_ca().der(); }
  // fleet.proto, Enroll and Renew. The messages have passed net::CheckRequest. Who repeats a request gets an
  // answer again, and nothing is changed by it.
  absl::StatusOr<fleet::v1::EnrollResponse> Enroll(const fleet::v1::EnrollRequest& request);
  absl::StatusOr<fleet::v1::EnrollResponse> Renew(const fleet::v1::RenewRequest& request);
  // At once: the device's next RPC is refused. NotFound.
  absl::Status Revoke(std::string_view actor, std::string_view device_id);

 private:
  absl::StatusOr<fleet::v1::EnrollResponse> Answer(const IssuedCertificate& issued,
                                                   std::string_view name) const;
  absl::Status Change(std::string_view actor, std::string_view action, const repo::DeviceRow& device,
                      const repo::TokenRow* spent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(fleet_.mutex);

  FleetDatabase& fleet_;
  Cohort& cohort_;
  const Authority& authority_;
  const base::Clock& clock_;
  Coordinates coordinates_;
};

}  // namespace linnet::coordinator

#endif  // LINNET_COORDINATOR_ENROLLMENT_H_
