#include "agent/fleet/enroll.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/fleet/fleet_client.h"
#include "agent/update/time_floor.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/enrollment_token.h"
#include "storage/trust/trusted_set.h"

namespace linnet::fleet {
namespace {

constexpr size_t kMaxNameBytes = 63;

// Remembers that the other side was judged and found wrong: gRPC only says "unavailable".
struct Verdict {
  std::atomic<bool> refused{false};
};

net::PeerVerifier Remembering(net::PeerVerifier verifier, std::shared_ptr<Verdict> verdict) {
  return [verifier = std::move(verifier),
          verdict = std::move(verdict)](const std::vector<base::Certificate>& chain) {
    absl::Status status = verifier(chain);
    if (!status.ok()) verdict->refused = true;
    return status;
  };
}

// A name that the operator typed goes into our own status: bounded and printable.
std::string CleanName(std::string name) {
  name.resize(std::min(name.size(), kMaxNameBytes));
  std::replace_if(name.begin(), name.end(), [](char c) { return c < 0x21 || c > 0x7e; }, '-');
  return name;
}

absl::StatusOr<std::vector<base::Certificate>> ChainOf(const v1::EnrollResponse& response) {
  std::vector<base::Certificate> chain;
  if (response.certificate_chain_size() < 1 || response.certificate_chain_size() > 4) {
    return absl::DataLossError("the coordinator sent no certificate");
  }
  for (const std::string& der : response.certificate_chain()) {
    LINNET_ASSIGN_OR_RETURN(base::Certificate certificate, base::Certificate::FromDer(der));
    chain.push_back(std::move(certificate));
  }
  return chain;
}

// Is this certificate ours: our id, our key, under that root?
absl::Status CheckIssued(const std::vector<base::Certificate>& chain, const base::Certificate& root,
                         const base::PublicKey& key, const std::string& device_id, absl::Time now) {
  // Just issued: it is now at least its beginning, whatever our clock says.
  const absl::Time at = std::max(now, chain.front().not_before());
  LINNET_ASSIGN_OR_RETURN(const std::string id, base::VerifyChain(chain, root, base::CertificateUse::kClient,
                                                                  base::kDeviceUri, at));
  if (id != base::Hex(device_id) || chain.front().public_key().Raw() != key.Raw()) {
    return absl::UnauthenticatedError("the coordinator sent a certificate for another device or key");
  }
  return absl::OkStatus();
}

std::string PemOf(const std::vector<base::Certificate>& chain) {
  std::string pem;
  for (const base::Certificate& certificate : chain) pem += certificate.ToPem();
  return pem;
}

}  // namespace

net::TlsIdentity IdentityOf(const update::Credentials& credentials) {
  if (credentials.key.hardware() != nullptr) return {PemOf(credentials.chain), "", credentials.key};
  return {PemOf(credentials.chain), credentials.key.ToPem()};
}

net::PeerVerifier CoordinatorOf(const update::Credentials& credentials, const Membership& membership) {
  return net::UnderRoot(credentials.fleet_root, base::CertificateUse::kServer,
                        std::string(base::kCoordinatorUri), [&membership] { return membership.Now(); });
}

absl::Status EnrollWith(std::string_view token_text, Membership& membership, UplinkGate& gate,
                        trust::TrustStore& trust) {
  LINNET_ASSIGN_OR_RETURN(const net::EnrollmentToken token, net::EnrollmentToken::Parse(token_text));
  if (const auto member = membership.enrolment(); member.has_value()) {
    return absl::AlreadyExistsError(
        absl::StrCat("this device is a member of the fleet at ", member->coordinator,
                     " already; start with a fresh state folder to join another"));
  }
  LINNET_ASSIGN_OR_RETURN(const base::PrivateKey key, membership.EnrollingKey());
  v1::EnrollRequest request;
  request.set_token_id(token.id);
  request.set_device_id(membership.device_id());
  request.set_public_key(key.public_key().Raw());
  request.set_nonce(base::RandomBytes(16));
  const std::string message =
      net::EnrollMessage(token.spki_sha256, request.device_id(), request.public_key(), request.nonce());
  request.set_mac(net::EnrollMac(token.secret, message));
  LINNET_ASSIGN_OR_RETURN(*request.mutable_signature(), key.SignRaw(message));

  const auto verdict = std::make_shared<Verdict>();
  LINNET_ASSIGN_OR_RETURN(
      const std::unique_ptr<FleetClient> client,
      FleetClient::Create(token.coordinator_address, std::nullopt,
                          Remembering(net::PinnedSpki(token.spki_sha256), verdict), gate));
  const absl::StatusOr<v1::EnrollResponse> response = client->Enroll(request);
  if (!response.ok() && verdict->refused) {
    return absl::UnauthenticatedError(
        absl::StrCat(token.coordinator_address,
                     ": this is not the coordinator that the token names (its key "
                     "differs); nothing was sent to it"));
  }
  if (!response.ok()) {
    return absl::Status(response.status().code(), absl::StrCat("enrolling at ", token.coordinator_address,
                                                               ": ", base::Message(response.status())));
  }

  const std::vector<std::string> ders(response->certificate_chain().begin(),
                                      response->certificate_chain().end());
  const std::string mac =
      net::EnrollReplyMac(token.secret, request.nonce(), ders, response->fleet_root(), response->tuf_root());
  if (!base::ConstantTimeEqual(mac, response->mac())) {
    return absl::UnauthenticatedError(
        "the coordinator does not prove that it knows the token; nothing was kept");
  }
  LINNET_ASSIGN_OR_RETURN(const base::Certificate root, base::Certificate::FromDer(response->fleet_root()));
  LINNET_ASSIGN_OR_RETURN(const std::vector<base::Certificate> chain, ChainOf(*response));
  LINNET_RETURN_IF_ERROR(
      CheckIssued(chain, root, key.public_key(), membership.device_id(), membership.Now()));

  // Looked at before it takes the place of one that this device has from a bundle, perhaps.
  LINNET_RETURN_IF_ERROR(trust::TrustedSet::Create(response->tuf_root(), membership.Now()).status());
  // The root of trust first: a member without it could never update. Another one that is there already is of
  // an enrolment that did not get as far as joining: this token decides.
  LINNET_ASSIGN_OR_RETURN(const std::optional<std::string> have, trust.Load("root"));
  if (have != response->tuf_root()) LINNET_RETURN_IF_ERROR(trust.StartOver(response->tuf_root()));
  LINNET_RETURN_IF_ERROR(trust::Updater::Open(trust, membership.Now()).status());
  repo::Enrolment enrolment;
  enrolment.coordinator = token.coordinator_address;
  enrolment.spki_sha256 = token.spki_sha256;
  enrolment.fleet_root_pem = root.ToPem();
  enrolment.certificate_chain_pem = PemOf(chain);
  enrolment.enrolled = membership.Now();
  return membership.Joined(std::move(enrolment), CleanName(response->device_name()),
                           chain.front().not_before());
}

absl::Time RenewalTime(const base::Certificate& certificate) {
  const base::Sha256Digest digest = base::Sha256(certificate.der());
  const double share = 0.5 + 0.2 * (digest[0] * 256 + digest[1]) / 65535.0;
  return certificate.not_before() + (certificate.not_after() - certificate.not_before()) * share;
}

absl::Status Renew(Membership& membership, UplinkGate& gate, const trust::TrustStore& trust) {
  LINNET_ASSIGN_OR_RETURN(const update::Credentials old, membership.credentials());
  const std::optional<repo::Enrolment> enrolment = membership.enrolment();
  LINNET_ASSIGN_OR_RETURN(const base::PrivateKey key, membership.PendingKey());
  v1::RenewRequest request;
  request.set_device_id(membership.device_id());
  request.set_new_public_key(key.public_key().Raw());
  request.set_nonce(base::RandomBytes(16));
  const std::string message =
      net::RenewMessage(request.device_id(), request.new_public_key(), request.nonce());
  LINNET_ASSIGN_OR_RETURN(*request.mutable_old_signature(), old.key.SignRaw(message));
  LINNET_ASSIGN_OR_RETURN(*request.mutable_new_signature(), key.SignRaw(message));

  // The pinned key, or one certified since: a clock that is years off must not shut us out for ever.
  const auto pinned = net::PinnedSpki(enrolment->spki_sha256);
  const auto certified = CoordinatorOf(old, membership);
  const auto either = [pinned, certified](const std::vector<base::Certificate>& chain) {
    return pinned(chain).ok() ? absl::OkStatus() : certified(chain);
  };
  LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<FleetClient> client,
                          FleetClient::Create(enrolment->coordinator, std::nullopt, either, gate));
  LINNET_ASSIGN_OR_RETURN(const v1::EnrollResponse response, client->Renew(request));
  LINNET_ASSIGN_OR_RETURN(const std::vector<base::Certificate> chain, ChainOf(response));
  // The roots stay those of enrolment: this answer carries no proof of the token.
  LINNET_RETURN_IF_ERROR(
      CheckIssued(chain, old.fleet_root, key.public_key(), membership.device_id(), membership.Now()));

  const update::Credentials next{old.device_id, old.fleet_root, chain, key};
  LINNET_ASSIGN_OR_RETURN(const std::unique_ptr<FleetClient> proof,
                          FleetClient::Create(enrolment->coordinator, IdentityOf(next), either, gate));
  v1::GetMetadataRequest probe;
  probe.set_role(v1::TIMESTAMP);
  if (const absl::Status works = proof->GetMetadata(probe).status();
      !works.ok() && !absl::IsNotFound(works)) {
    return absl::Status(works.code(),
                        absl::StrCat("the renewed certificate is not accepted: ", base::Message(works)));
  }
  return membership.Renewed(PemOf(chain), chain.front().not_before(), update::OfflineHorizon(trust));
}

}  // namespace linnet::fleet
