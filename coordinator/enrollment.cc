#include "coordinator/enrollment.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/status_macros.h"
#include "runtime/net/enrollment_token.h"

namespace linnet::coordinator {
namespace {

constexpr absl::Duration kDefaultValidity = absl::Minutes(10);
constexpr absl::Duration kLongestValidity = absl::Hours(24 * 7);
// A device that was in a drawer for longer enrols again.
constexpr absl::Duration kRenewalGrace = absl::Hours(24 * 180);
constexpr size_t kMaxNameBytes = 63;

absl::Status CheckName(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameBytes && name.front() != '-' && name.back() != '-' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "device name: 1 to 63 of a-z, 0-9 and \"-\" expected, not beginning or ending with \"-\", e.g. "
      "fridge-kitchen");
}

// Not told apart on purpose: who guesses learns nothing.
absl::Status BadToken() {
  return absl::UnauthenticatedError(
      "token is unknown here, expired, or already used up; make a new one with `linnet device token`");
}

// Is what this device was certified for last worth giving to it again?
bool Lasts(const repo::DeviceRow& device, absl::Time now) {
  return device.certificate_expires > now + Authority::kLifetime / 2;
}

absl::Status CheckSignature(std::string_view key, std::string_view message, std::string_view signature) {
  LINNET_ASSIGN_OR_RETURN(const base::PublicKey public_key, base::PublicKey::FromP256Point(key));
  return public_key.VerifyRaw(message, signature);
}

}  // namespace

absl::StatusOr<NewToken> Enrollment::CreateToken(std::string_view actor, std::string_view device_name,
                                                 absl::Duration valid_for) {
  LINNET_RETURN_IF_ERROR(CheckName(device_name));
  if (valid_for == absl::ZeroDuration()) valid_for = kDefaultValidity;
  if (valid_for < absl::Seconds(1) || valid_for > kLongestValidity) {
    return absl::InvalidArgumentError(
        absl::StrCat("token: valid for 1 to ", absl::ToInt64Seconds(kLongestValidity), " seconds expected, ",
                     absl::ToInt64Seconds(valid_for), " asked"));
  }
  const absl::Time now = clock_.Now();
  const base::MutexLock lock(fleet_.mutex);
  const net::EnrollmentToken token{.coordinator_address = coordinates_.address,
                                   .spki_sha256 = coordinates_.spki_sha256,
                                   .id = base::RandomBytes(8),
                                   .secret = base::RandomBytes(32)};
  if (cohort_.FindByName(device_name) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("device \"", std::string(device_name),
                     "\" is a member already; choose another name, or revoke it first"));
  }
  const absl::Status saved = fleet_.db->Transact([&]() -> absl::Status {
    LINNET_RETURN_IF_ERROR(fleet_.tokens.DeleteExpired(now));
    LINNET_RETURN_IF_ERROR(
        fleet_.tokens.Add({token.id, token.secret, std::string(device_name), now + valid_for, ""}));
    return fleet_.audit.Append(now, actor, "create token",
                               absl::StrCat(std::string(device_name), " ", base::Hex(token.id)));
  });
  if (!saved.ok()) return saved;
  return NewToken{token.Encode(), now + valid_for};
}

absl::StatusOr<fleet::v1::EnrollResponse> Enrollment::Answer(const IssuedCertificate& issued,
                                                             std::string_view name) const {
  fleet::v1::EnrollResponse response;
  for (const std::string& der : issued.chain) response.add_certificate_chain(der);
  response.set_fleet_root(authority_.fleet_root().der());
  response.set_tuf_root(coordinates_.tuf_root);
  response.set_device_name(std::string(name));
  return response;
}

absl::Status Enrollment::Change(std::string_view actor, std::string_view action,
                                const repo::DeviceRow& device, const repo::TokenRow* spent) {
  const absl::Status status = fleet_.db->Transact([&]() -> absl::Status {
    if (spent != nullptr) LINNET_RETURN_IF_ERROR(fleet_.tokens.Bind(spent->id, device.public_key));
    LINNET_RETURN_IF_ERROR(fleet_.devices.Put(device));
    return fleet_.audit.Append(clock_.Now(), actor, action,
                               absl::StrCat(device.name, " ", base::Hex(device.id)));
  });
  if (status.ok()) cohort_.Keep(device);  // memory follows what is on the disk
  return status;
}

absl::StatusOr<fleet::v1::EnrollResponse> Enrollment::Enroll(const fleet::v1::EnrollRequest& request) {
  const absl::Time now = clock_.Now();
  const std::string message = net::EnrollMessage(coordinates_.spki_sha256, request.device_id(),
                                                 request.public_key(), request.nonce());
  const base::MutexLock lock(fleet_.mutex);
  LINNET_ASSIGN_OR_RETURN(const std::optional<repo::TokenRow> token, fleet_.tokens.Find(request.token_id()));
  if (!token.has_value() || token->expires <= now ||
      !base::ConstantTimeEqual(net::EnrollMac(token->secret, message), request.mac())) {
    return BadToken();
  }
  if (request.device_id().empty() || request.nonce().empty() ||
      !CheckSignature(request.public_key(), message, request.signature()).ok()) {
    return absl::UnauthenticatedError(
        "the device does not prove that it holds the key which it wants certified");
  }
  if (!token->public_key.empty() && token->public_key != request.public_key()) {
    base::Log(base::Severity::kWarning, "token used by a second device",
              {{"token", base::LogValue::Id(base::Hex(token->id))}});
    fleet_.db
        ->Transact(
            [&] { return fleet_.audit.Append(now, "token", "second use refused", base::Hex(token->id)); })
        .IgnoreError();
    return absl::AlreadyExistsError(
        "token has been used by another device; make a new one with `linnet device token`, and find out who "
        "used it");
  }
  const repo::DeviceRow* known = cohort_.Find(request.device_id());
  if (known != nullptr && known->revoked) {
    return absl::PermissionDeniedError("this device was revoked; reset its state to give it a new identity");
  }
  if (known != nullptr && known->public_key != request.public_key()) {
    return absl::AlreadyExistsError(
        "a device with this id is a member already, with another key; revoke it first");
  }
  if (const repo::DeviceRow* named = cohort_.FindByName(token->device_name);
      named != nullptr && named->id != request.device_id()) {
    return absl::AlreadyExistsError(
        absl::StrCat("a device named \"", token->device_name,
                     "\" has enrolled meanwhile; make a token with another name"));
  }
  // Asked again with the same token, or by somebody who has the bytes: a certificate that ends with the
  // first.
  const bool again = known != nullptr && !token->public_key.empty() && Lasts(*known, now);
  LINNET_ASSIGN_OR_RETURN(const IssuedCertificate issued,
                          authority_.Issue(request.device_id(), request.public_key(), now,
                                           again ? known->certificate_expires : absl::InfiniteFuture()));
  repo::DeviceRow device;
  if (known != nullptr) device = *known;
  if (!again) {
    device.id = request.device_id();
    device.name = token->device_name;
    device.public_key = request.public_key();
    device.next_key.clear();
    if (known == nullptr) device.enrolled = device.report.last_seen = now;
    device.certificate_expires = issued.expires;
    LINNET_RETURN_IF_ERROR(Change("token", known == nullptr ? "enrol" : "enrol again", device, &*token));
  }
  LINNET_ASSIGN_OR_RETURN(fleet::v1::EnrollResponse response, Answer(issued, device.name));
  response.set_mac(net::EnrollReplyMac(token->secret, request.nonce(), issued.chain, response.fleet_root(),
                                       response.tuf_root()));
  return response;
}

absl::StatusOr<fleet::v1::EnrollResponse> Enrollment::Renew(const fleet::v1::RenewRequest& request) {
  const absl::Time now = clock_.Now();
  const std::string message =
      net::RenewMessage(request.device_id(), request.new_public_key(), request.nonce());
  const base::MutexLock lock(fleet_.mutex);
  const repo::DeviceRow* known = cohort_.Find(request.device_id());
  if (known == nullptr || known->revoked) {
    return absl::PermissionDeniedError(
        "this device is not a member of the fleet, or was revoked; enrol it with a new token");
  }
  if (now > known->certificate_expires + kRenewalGrace) {
    return absl::PermissionDeniedError(
        "the certificate expired more than 180 days ago; enrol again with a new token");
  }
  repo::DeviceRow device = *known;
  // Which key on record signed? A device that got a certificate but did not use it yet may renew from there,
  // too. And one that used it, then lost power before it saved that, holds the key on record as its new one.
  if (!CheckSignature(device.public_key, message, request.old_signature()).ok()) {
    if (!device.next_key.empty() && CheckSignature(device.next_key, message, request.old_signature()).ok()) {
      device.public_key = device.next_key;
    } else if (request.new_public_key() != device.public_key) {  // its signature is checked below
      return absl::PermissionDeniedError("the request is not signed with the key on record");
    }
  }
  if (request.nonce().empty() ||
      !CheckSignature(request.new_public_key(), message, request.new_signature()).ok()) {
    return absl::PermissionDeniedError("the device does not prove that it holds the new key");
  }
  // As for Enroll: nothing is changed, above all not a newer key that the device has asked for since.
  const bool again =
      (request.new_public_key() == known->public_key || request.new_public_key() == known->next_key) &&
      Lasts(*known, now);
  if (again) {
    LINNET_ASSIGN_OR_RETURN(
        const IssuedCertificate same,
        authority_.Issue(request.device_id(), request.new_public_key(), now, known->certificate_expires));
    return Answer(same, known->name);
  }
  LINNET_ASSIGN_OR_RETURN(const IssuedCertificate issued,
                          authority_.Issue(request.device_id(), request.new_public_key(), now));
  if (request.new_public_key() != device.public_key) {
    device.next_key = request.new_public_key();
  } else if (device.next_key == device.public_key) {
    device.next_key.clear();
  }
  device.certificate_expires = issued.expires;
  LINNET_RETURN_IF_ERROR(Change("device", "renew", device, nullptr));
  return Answer(issued, device.name);
}

absl::Status Enrollment::Revoke(std::string_view actor, std::string_view device_id) {
  const base::MutexLock lock(fleet_.mutex);
  const repo::DeviceRow* known = cohort_.Find(device_id);
  if (known == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("device ", base::Hex(device_id), ": not a member; see `linnet device list`"));
  }
  if (known->revoked) return absl::OkStatus();
  repo::DeviceRow device = *known;
  device.revoked = true;
  return Change(actor, "revoke", device, nullptr);
}

}  // namespace linnet::coordinator
