#include "agent/peers/peer_check.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/address.h"

namespace linnet::peers {
namespace {

absl::Status CheckRefused(const std::string& id, const base::Certificate& certificate,
                          const IsRefused& is_refused) {
  if (!is_refused || !is_refused(id, certificate)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("device ", base::Hex(id), " is revoked"));
}

}  // namespace

absl::Status CheckListen(const std::string& listen) {
  if (listen == "auto" || listen == "off" || listen == "on" || net::ParseAddress(listen).has_value())
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      "--peers: expected auto, on, off, or an IP address of this machine and a port, as 192.168.1.7:7402");
}

net::PeerVerifier MemberOfFleet(const PeerIdentity& own, IsRefused is_refused,
                                std::function<absl::Time()> now) {
  return [root = own.fleet_root, own_id = own.device_id, is_refused = std::move(is_refused),
          now = std::move(now)](const std::vector<base::Certificate>& chain) -> absl::Status {
    LINNET_ASSIGN_OR_RETURN(
        const std::string hex,
        base::VerifyChain(chain, root, base::CertificateUse::kClient, base::kDeviceUri, now()));
    const std::string id = base::UnHex(hex).value_or("");
    if (id == own_id) return absl::UnauthenticatedError("this is the device itself");
    return CheckRefused(id, chain.front(), is_refused);
  };
}

absl::StatusOr<std::string> StillMember(const base::Certificate& certificate, const IsRefused& is_refused,
                                        absl::Time now) {
  if (certificate.not_after() < now) {
    return absl::UnauthenticatedError("the certificate expired while the connection was open");
  }
  const std::optional<std::string> hex = certificate.UriOf(base::kDeviceUri);
  const std::string id = hex.has_value() ? base::UnHex(*hex).value_or("") : "";
  if (id.empty()) return absl::UnauthenticatedError("the certificate names no device");
  LINNET_RETURN_IF_ERROR(CheckRefused(id, certificate, is_refused));
  return id;
}

}  // namespace linnet::peers
