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
};

// A self-signed authority, and certificates issued by one. Issue: `issuer` must be an authority whose key
// `issuer_key` is.
Certificate IssueSelfSigned(const PrivateKey& key, const CertificateRequest& request);
absl::StatusOr<Certificate> Issue(const Certificate& issuer, const PrivateKey& issuer_key,
                                  const PublicKey& subject, const CertificateRequest& request);

// Is `chain` (leaf first) issued under `root`, for `use`, with exactly one URI of `scheme`, and valid at
// `now`? Returns the URI's rest. Unauthenticated says what is wrong ("expired 3 days ago", "issued by another
// authority", ...). `now` is max(system time, last time believed): the caller's business. `allow_expired`:
// for Renew.
absl::StatusOr<std::string> VerifyChain(std::span<const Certificate> chain, const Certificate& root,
                                        CertificateUse use, std::string_view scheme, absl::Time now,
                                        bool allow_expired = false);

}  // namespace linnet::base

#endif  // LINNET_RUNTIME_BASE_X509_H_
