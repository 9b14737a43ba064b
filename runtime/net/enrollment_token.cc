#include "runtime/net/enrollment_token.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::net {
namespace {

constexpr std::string_view kPrefix = "linnet1-";
constexpr size_t kPinBytes = 32;
constexpr size_t kIdBytes = 8;
constexpr size_t kSecretBytes = 32;
constexpr size_t kCheckBytes = 4;
constexpr size_t kMaxAddressBytes = 255;
constexpr size_t kFixedBytes = kPinBytes + kIdBytes + kSecretBytes + kCheckBytes;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string Checksum(std::string_view bytes) {
  // The prefix is covered too, so that a token of another version does not pass by chance.
  const base::Sha256Digest digest = base::Sha256(std::string(kPrefix) + std::string(bytes));
  return std::string(base::AsView(digest).substr(0, kCheckBytes));
}

// "linnet2" of "linnet2-..."; empty: not written so. It is repeated to whoever pasted the text, so it is no
// more than that.
std::string_view VersionOf(std::string_view text) {
  constexpr std::string_view kName = "linnet";
  constexpr size_t kMostDigits = 6;
  const size_t end = text.find('-');
  if (end == std::string_view::npos || !text.starts_with(kName)) return {};
  const std::string_view version = text.substr(0, end);
  const std::string_view digits = version.substr(kName.size());
  const bool number = digits.find_first_not_of("0123456789") == std::string_view::npos;
  return number && !digits.empty() && digits.size() <= kMostDigits ? version : std::string_view();
}

std::string Digest(std::string_view bytes) { return std::string(base::AsView(base::Sha256(bytes))); }

std::string Join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out.append(part);
  return out;
}

}  // namespace

std::string EnrollmentToken::Encode() const {
  LINNET_CHECK(spki_sha256.size() == kPinBytes && id.size() == kIdBytes && secret.size() == kSecretBytes &&
               !coordinator_address.empty() && coordinator_address.size() <= kMaxAddressBytes);
  const std::string body = Join({spki_sha256, id, secret, coordinator_address});
  return std::string(kPrefix) + base::Base64Url(body + Checksum(body));
}

absl::StatusOr<EnrollmentToken> EnrollmentToken::Parse(std::string_view text) {
  text = Trim(text);
  if (!text.starts_with(kPrefix)) {
    if (const std::string_view version = VersionOf(text); !version.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("enrolment token: version \"", std::string(version),
                       "\" is not known here, expected \"linnet1\"; update this program"));
    }
    return absl::InvalidArgumentError(
        "enrolment token: does not begin with \"linnet1-\"; copy the whole line that `linnet device token` "
        "printed");
  }
  text.remove_prefix(kPrefix.size());
  const absl::Status damaged = absl::InvalidArgumentError(
      "enrolment token: checksum does not match, it was cut or mistyped; copy it again, or make a new one "
      "with "
      "`linnet device token`");
  if (text.size() > 2 * (kFixedBytes + kMaxAddressBytes)) return damaged;
  const std::optional<std::string> bytes = base::UnBase64Url(text);
  if (!bytes.has_value() || bytes->size() <= kFixedBytes || bytes->size() > kFixedBytes + kMaxAddressBytes) {
    return damaged;
  }
  const std::string_view body = std::string_view(*bytes).substr(0, bytes->size() - kCheckBytes);
  if (Checksum(body) != std::string_view(*bytes).substr(body.size())) return damaged;
  EnrollmentToken token;
  token.spki_sha256 = body.substr(0, kPinBytes);
  token.id = body.substr(kPinBytes, kIdBytes);
  token.secret = body.substr(kPinBytes + kIdBytes, kSecretBytes);
  token.coordinator_address = body.substr(kPinBytes + kIdBytes + kSecretBytes);
  return token;
}

std::string EnrollMessage(std::string_view spki_sha256, std::string_view device_id,
                          std::string_view public_key, std::string_view nonce) {
  return Join({"linnet-enroll-1", spki_sha256, device_id, public_key, nonce});
}

std::string EnrollMac(std::string_view secret, std::string_view enroll_message) {
  return std::string(base::AsView(base::HmacSha256(secret, enroll_message)));
}

std::string EnrollReplyMac(std::string_view secret, std::string_view nonce,
                           const std::vector<std::string>& certificate_chain, std::string_view fleet_root,
                           std::string_view tuf_root) {
  std::string chain;
  for (const std::string& der : certificate_chain) {
    for (int shift = 24; shift >= 0; shift -= 8) chain += static_cast<char>((der.size() >> shift) & 255);
    chain += der;
  }
  return std::string(base::AsView(base::HmacSha256(
      secret, Join({"linnet-enroll-reply-1", nonce, Digest(chain), Digest(fleet_root), Digest(tuf_root)}))));
}

std::string RenewMessage(std::string_view device_id, std::string_view new_public_key,
                         std::string_view nonce) {
  return Join({"linnet-renew-1", device_id, new_public_key, nonce});
}

}  // namespace linnet::net
