#ifndef LINNET_AGENT_FLEET_ENROLL_H_
#define LINNET_AGENT_FLEET_ENROLL_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/fleet/membership.h"
#include "agent/fleet/uplink.h"
#include "runtime/net/tls.h"
#include "storage/trust/updater.h"

namespace linnet::fleet {

// Joins the fleet that the token names: proves the token and our new key, and believes the answer only with
// the token's MAC over it and a certificate that is ours under the root it brings. See FleetAgent::Enroll.
absl::Status EnrollWith(std::string_view token_text, Membership& membership, UplinkGate& gate,
                        trust::TrustStore& trust);

// When the certificate should be renewed: at 50 to 70 % of its life, where the device's own certificate says,
// so that a fleet that enrolled in one afternoon does not renew in one.
absl::Time RenewalTime(const base::Certificate& certificate);

// A new key and certificate. Also works with an expired certificate: the request is signed. The old one stays
// until one call with the new one has succeeded. `trust`: how far the new one may move what time it is here.
absl::Status Renew(Membership& membership, UplinkGate& gate, const trust::TrustStore& trust);

// Our side of mutual TLS, and who may answer.
net::TlsIdentity IdentityOf(const update::Credentials& credentials);
net::PeerVerifier CoordinatorOf(const update::Credentials& credentials, const Membership& membership);

}  // namespace linnet::fleet

#endif  // LINNET_AGENT_FLEET_ENROLL_H_
