#include "coordinator/callers.h"

#include <optional>

#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/peer.h"
#include "runtime/net/tls.h"

namespace linnet::coordinator {
namespace {

// Of 300 bytes each. Devices renew every few weeks; what is forgotten is parsed again.
constexpr size_t kMostKnown = 65'536;

absl::Status NoCertificate() {
  return absl::UnauthenticatedError("this call needs a certificate; a device gets one with Enroll");
}

absl::Status CheckTime(absl::Time not_after, absl::Time now) {
  if (not_after >= now) return absl::OkStatus();
  return absl::UnauthenticatedError("the certificate expired while the connection was open; renew it");
}

}  // namespace

absl::StatusOr<std::shared_ptr<const KnownCertificates::Facts>> KnownCertificates::Of(
    const grpc::ServerContextBase& context) {
  const std::string pem = net::PeerPem(context);
  if (pem.empty()) return NoCertificate();
  std::string hash(base::AsView(base::Sha256(pem)));
  {
    const base::MutexLock lock(mutex_);
    if (const auto it = by_hash_.find(hash); it != by_hash_.end()) return it->second;
  }
  const auto certificate = base::Certificate::FromPem(pem);
  if (!certificate.ok()) return NoCertificate();
  const std::optional<std::string> hex = certificate->UriOf(base::kDeviceUri);
  auto facts =
      std::make_shared<const Facts>(Facts{hex.has_value() ? base::UnHex(*hex).value_or("") : "",
                                          certificate->public_key().Raw(), certificate->not_after()});
  const base::MutexLock lock(mutex_);
  if (by_hash_.size() >= kMostKnown) by_hash_.clear();
  by_hash_.emplace(std::move(hash), facts);
  return std::shared_ptr<const Facts>(std::move(facts));
}

absl::StatusOr<std::string> CallingDevice(const grpc::ServerContextBase& context, KnownCertificates& known,
                                          FleetDatabase& fleet, Cohort& cohort, absl::Time now) {
  LINNET_ASSIGN_OR_RETURN(const auto facts, known.Of(context));
  LINNET_RETURN_IF_ERROR(CheckTime(facts->not_after, now));
  const base::MutexLock lock(fleet.mutex);
  return cohort.Authenticate(facts->device_id, facts->public_key);
}

absl::StatusOr<std::string> CallingOperator(const grpc::ServerContextBase& context, absl::Time now) {
  const std::optional<base::Certificate> certificate = net::PeerOf(context);
  if (!certificate.has_value()) return NoCertificate();
  LINNET_RETURN_IF_ERROR(CheckTime(certificate->not_after(), now));
  const std::optional<std::string> name = certificate->UriOf(base::kOperatorUri);
  if (!name.has_value()) return absl::PermissionDeniedError("this call needs an operator's certificate");
  return *name;
}

}  // namespace linnet::coordinator
