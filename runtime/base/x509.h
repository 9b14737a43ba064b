#ifndef LINNET_RUNTIME_BASE_X509_H_
#define LINNET_RUNTIME_BASE_X509_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/hash.h"
#include "runtime/base/keys.h"

typedef struct x509_st X509;

namespace linnet::base {

// URI schemes of the three domains (TRUST.md): a certificate of one opens nothing of another.
inline constexpr std::string_view kDeviceUri = "linnet-device:";            // + 32 hex digits
inline constexpr std::string_view kCoordinatorUri = "linnet-coordinator:";  // + site id
inline constexpr std::string_view kOperatorUri = "linnet-operator:";        // + operator name
inline constexpr std::string_view kOwnerUri = "linnet-owner:";              // + grant id
inline constexpr std::string_view kAgentUri =
    "linnet-agent:";  // + 32 hex digits: a device's server on its owner's door

// The scheme without its colon: what the O of a certificate's subject says.
constexpr std::string_view DomainOf(std::string_view uri) { return uri.substr(0, uri.find(':')); }

enum class CertificateUse { kAuthority, kClient, kServer };

// A parsed X.509 certificate. Immutable, thread-safe, cheap to copy.
class Certificate {
 public:
  static absl::StatusOr<Certificate> FromDer(std::string_view der);
  static absl::StatusOr<Certificate> FromPem(std::string_view pem);  // the first one of the text
  static absl::StatusOr<std::vector<Certificate>> ChainFromPem(std::string_view pem);

  const std::string& der() const { return der_; }
  std::string ToPem() const;
  PublicKey public_key() const;
  Sha256Digest SpkiSha256() const;
  std::vector<std::string> uris() const;
  // The one URI of this scheme, without the scheme; nullopt when there is none or more than one.
  std::optional<std::string> UriOf(std::string_view scheme) const;
  absl::Time not_before() const;
  absl::Time not_after() const;
  X509* get() const { return x509_.get(); }

 private:
  Certificate(std::string der, std::shared_ptr<X509> x509) : der_(std::move(der)), x509_(std::move(x509)) {}
  std::string der_;
  std::shared_ptr<X509> x509_;
};

struct CertificateRequest {
  std::string common_name;
  std::string uri;  // with its scheme; empty for authorities
  CertificateUse use = CertificateUse::kClient;
  std::vector<std::string> dns_names;  // servers: also "localhost" and 127.0.0.1 are added
  absl::Time not_before, not_after;
  int path_length = 0;  // authorities
  // O of the subject; nullopt: the domain of `uri`, if there is one.
  std::optional<std::string> organization = std::nullopt;
  // Authorities: the one O that subjects below it may have; then it certifies clients only, without DNS names
  // and addresses. OpenSSL holds it to that (RFC 5280, 4.2.1.10: directoryName; an URI without a host cannot
  // be constrained). Empty: whatever it likes.
  std::string confined_to = "";
};

// A self-signed authority, and certificates issued by one. Issue: `issuer` must be an authority whose key
// `issuer_key` is.
Certificate IssueSelfSigned(const PrivateKey& key, const CertificateRequest& request);
absl::StatusOr<Certificate> Issue(const Certificate& issuer, const PrivateKey& issuer_key,
                                  const PublicKey& subject, const CertificateRequest& request);

// Is `chain` (leaf first) issued under `root`, for `use`, with exactly one URI of `scheme`, and valid at
// `now`? An O of its subject must be the scheme's domain: by their subjects an authority's are confined.
// Returns the URI's rest. Unauthenticated says what is wrong ("expired 3 days ago", "issued by another
// authority", ...). `now` is max(system time, last time believed): the caller's business. `allow_expired`:
// for Renew.
absl::StatusOr<std::string> VerifyChain(std::span<const Certificate> chain, const Certificate& root,
                                        CertificateUse use, std::string_view scheme, absl::Time now,
                                        bool allow_expired = false);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_X509_H_
