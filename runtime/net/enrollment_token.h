#ifndef LINNET_RUNTIME_NET_ENROLLMENT_TOKEN_H_
#define LINNET_RUNTIME_NET_ENROLLMENT_TOKEN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace linnet::net {

// What an operator carries to a new device, as one string: where the coordinator is, how to know it, and a
// secret that both prove to each other without sending it. "linnet1-" and base64url of: pin (32) || token id
// (8) || secret (32) || address || the first 4 bytes of SHA-256 over all before.
struct EnrollmentToken {
  std::string coordinator_address;  // "host:port", at most 255 bytes
  std::string spki_sha256;          // 32 bytes: the only coordinator key that the device talks to
  std::string id;                   // 8 bytes
  std::string secret;               // 32 bytes; never sent, never logged

  std::string Encode() const;
  // InvalidArgument: not a token; cut or mistyped; of a newer version. Spaces and line ends around it are
  // dropped.
  static absl::StatusOr<EnrollmentToken> Parse(std::string_view text);
};

// The byte strings of fleet.proto, in one place for both sides.
// "linnet-enroll-1" || pin || device_id || public_key || nonce: what mac and signature of EnrollRequest
// cover.
std::string EnrollMessage(std::string_view spki_sha256, std::string_view device_id,
                          std::string_view public_key, std::string_view nonce);
std::string EnrollMac(std::string_view secret, std::string_view enroll_message);
// The coordinator's proof. sha256(certificate_chain) is over each certificate's length (4 bytes, big-endian)
// and DER.
std::string EnrollReplyMac(std::string_view secret, std::string_view nonce,
                           const std::vector<std::string>& certificate_chain, std::string_view fleet_root,
                           std::string_view tuf_root);
// "linnet-renew-1" || device_id || new_public_key || nonce.
std::string RenewMessage(std::string_view device_id, std::string_view new_public_key, std::string_view nonce);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_ENROLLMENT_TOKEN_H_
