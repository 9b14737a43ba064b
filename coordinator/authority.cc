#include "coordinator/authority.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"

namespace linnet::coordinator {
namespace {

// A device's clock may be a little behind the coordinator's.
constexpr absl::Duration kBackdated = absl::Minutes(10);

}  // namespace

absl::StatusOr<IssuedCertificate> Authority::Issue(std::string_view device_id, std::string_view public_key,
                                                   absl::Time now, absl::Time latest) const {
  auto subject = base::PublicKey::FromP256Point(public_key);
  if (!subject.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("public key: ", base::Message(subject.status())));
  }
  if (device_ca_.not_after() <= now + absl::Hours(1)) {
    return absl::FailedPreconditionError(
        "the site's device authority has expired; renew it with the site's offline keys");
  }
  base::CertificateRequest request;
  request.common_name = base::Hex(device_id);
  request.uri = absl::StrCat(std::string(base::kDeviceUri), base::Hex(device_id));
  request.use = base::CertificateUse::kClient;
  request.not_before = std::max(now - kBackdated, device_ca_.not_before());
  request.not_after = std::min({now + kLifetime, latest, device_ca_.not_after()});
  LINNET_ASSIGN_OR_RETURN(const base::Certificate leaf, base::Issue(device_ca_, key_, *subject, request));
  return IssuedCertificate{{leaf.der(), device_ca_.der()}, leaf.not_after()};
}

}  // namespace linnet::coordinator
