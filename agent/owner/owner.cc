#include "agent/owner/owner.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"

namespace linnet::owner {
namespace {

constexpr std::string_view kTokenPrefix = "linnet_";
constexpr uint64_t kMaxFileBytes = 64 << 10;

// A device may boot in 1970 and its owner's key is for life, so these two certificates hold for every date
// that a clock may show; what ends is a grant, and its end is in the grant.
absl::Time Always() { return absl::FromUnixSeconds(0); }
absl::Time Ever() { return absl::FromUnixSeconds(4'102'444'800); }  // 2100-01-01

struct KeyAndCertificate {
  base::PrivateKey key;
  base::Certificate certificate;
};

// A key and its certificate in one file, so that one rename makes both. `issue` makes the certificate of a
// new key.
absl::StatusOr<KeyAndCertificate> ReadOrMake(
    base::FileSystem& fs, const std::string& path,
    const std::function<absl::StatusOr<base::Certificate>(const base::PrivateKey&)>& issue) {
  const absl::StatusOr<std::string> text = fs.ReadFile(path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) {
    base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
    LINNET_ASSIGN_OR_RETURN(base::Certificate certificate, issue(key));
    LINNET_RETURN_IF_ERROR(fs.WriteFileAtomic(path, key.ToPem() + certificate.ToPem(), 0600));
    return KeyAndCertificate{std::move(key), std::move(certificate)};
  }
  LINNET_RETURN_IF_ERROR(text.status());
  absl::StatusOr<base::PrivateKey> key = base::PrivateKey::FromPem(*text);
  absl::StatusOr<base::Certificate> certificate = base::Certificate::FromPem(*text);
  if (!key.ok() || !certificate.ok() || certificate->public_key().SpkiDer() != key->public_key().SpkiDer()) {
    return absl::DataLossError(
        absl::StrCat(path,
                     ": expected a private key and its certificate as PEM; restore the file, or remove "
                     "it to make new ones (every grant must then be given again)"));
  }
  return KeyAndCertificate{*std::move(key), *std::move(certificate)};
}

bool IsGoodName(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Owner>> Owner::Open(base::FileSystem& fs, Options options,
                                                   repo::FieldCipher cipher) {
  LINNET_RETURN_IF_ERROR(fs.CreateDirectories(options.directory, 0700));
  LINNET_ASSIGN_OR_RETURN(KeyAndCertificate root,
                          ReadOrMake(fs, absl::StrCat(options.directory, "/root.pem"),
                                     [&](const base::PrivateKey& key) -> absl::StatusOr<base::Certificate> {
                                       base::CertificateRequest request;
                                       request.common_name = absl::StrCat("Linnet owner of ",
                                                                          options.device_id_hex.substr(0, 8));
                                       request.use = base::CertificateUse::kAuthority;
                                       request.not_before = Always();
                                       request.not_after = Ever();
                                       return base::IssueSelfSigned(key, request);
                                     }));
  LINNET_ASSIGN_OR_RETURN(
      KeyAndCertificate server,
      ReadOrMake(fs, absl::StrCat(options.directory, "/server.pem"), [&](const base::PrivateKey& key) {
        base::CertificateRequest request;
        request.common_name = absl::StrCat("linnet-agent ", options.device_id_hex.substr(0, 8));
        request.uri = absl::StrCat(std::string(base::kAgentUri), options.device_id_hex);
        request.use = base::CertificateUse::kServer;
        request.not_before = Always();
        request.not_after = Ever();
        return base::Issue(root.certificate, root.key, key.public_key(), request);
      }));
  LINNET_ASSIGN_OR_RETURN(
      std::unique_ptr<GrantStore> grants,
      GrantStore::Open(fs, absl::StrCat(options.directory, "/grants"), std::move(cipher)));
  return std::unique_ptr<Owner>(new Owner(std::move(options), std::move(root.key),
                                          std::move(root.certificate), std::move(server.key),
                                          std::move(server.certificate), std::move(grants)));
}

absl::StatusOr<NewGrant> Owner::CreateGrant(const std::string& name, Scopes scopes, absl::Duration valid) {
  if (!IsGoodName(name)) {
    return absl::InvalidArgumentError(
        "name: a grant needs a name of 1 to 64 bytes without control characters");
  }
  if (valid < absl::ZeroDuration() || valid > kMaxValidity) {
    return absl::InvalidArgumentError(
        absl::StrCat("valid_seconds: at most ", absl::ToInt64Seconds(kMaxValidity), " (ten years)"));
  }
  if (valid == absl::ZeroDuration()) valid = kDefaultValidity;
  const absl::Time now = options_.now();
  NewGrant made;
  made.grant.id = base::Hex(std::string_view(base::RandomBytes(8)));
  made.grant.name = name;
  made.grant.scopes = scopes;
  made.grant.created = now;
  made.grant.expires = now + valid;
  made.bearer_token = absl::StrCat(std::string(kTokenPrefix), base::Base64Url(base::RandomBytes(32)));

  const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest request;
  request.common_name = absl::StrCat("grant ", made.grant.id);
  request.uri = absl::StrCat(std::string(base::kOwnerUri), made.grant.id);
  request.use = base::CertificateUse::kClient;
  request.not_before = Always();
  request.not_after = made.grant.expires;
  LINNET_ASSIGN_OR_RETURN(const base::Certificate certificate,
                          base::Issue(root_, root_key_, key.public_key(), request));
  made.certificate_pem = certificate.ToPem() + root_.ToPem();
  made.private_key_pem = key.ToPem();

  base::MutexLock lock(mutex_);
  LINNET_RETURN_IF_ERROR(
      grants_->Add(made.grant, std::string(base::AsView(base::Sha256(made.bearer_token))), now));
  return made;
}

std::vector<Grant> Owner::ListGrants() const {
  base::MutexLock lock(mutex_);
  return grants_->List();
}

absl::Status Owner::RevokeGrant(const std::string& id) {
  base::MutexLock lock(mutex_);
  return grants_->Revoke(id);
}

absl::StatusOr<Grant> Owner::GrantOf(const Credential& credential) const {
  const absl::Time now = options_.now();
  std::optional<Grant> grant;
  if (credential.certificate.has_value()) {
    const std::vector<base::Certificate> chain = {*credential.certificate};
    LINNET_ASSIGN_OR_RETURN(
        const std::string id,
        base::VerifyChain(chain, root_, base::CertificateUse::kClient, base::kOwnerUri, now));
    base::MutexLock lock(mutex_);
    grant = grants_->FindById(id);
  } else if (!credential.bearer_token.empty()) {
    const base::Sha256Digest hash = base::Sha256(credential.bearer_token);
    base::MutexLock lock(mutex_);
    grant = grants_->FindByToken(base::AsView(hash));
  } else {
    return absl::UnauthenticatedError(
        "no grant was shown; send \"authorization: Bearer TOKEN\" or a client certificate of this device's "
        "owner");
  }
  if (!grant.has_value()) {
    return absl::UnauthenticatedError("this grant is not known on this device; ask its owner for one");
  }
  if (grant->revoked) return absl::UnauthenticatedError("this grant was revoked by the device's owner");
  if (grant->expires <= now) {
    return absl::UnauthenticatedError(absl::StrCat(
        "this grant ended at ", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", grant->expires, absl::UTCTimeZone()),
        "; ask the device's owner for a new one"));
  }
  return *grant;
}

absl::Status Owner::Authorize(const Credential& credential, Scope scope) const {
  if (credential.local_user) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const Grant grant, GrantOf(credential));
  if (!grant.scopes.Has(scope)) {
    return absl::PermissionDeniedError(
        absl::StrCat("this grant lacks the scope \"", std::string(Name(scope)), "\"; it has: ", [&] {
          std::string list;
          for (const std::string& name : grant.scopes.Names()) {
            absl::StrAppend(&list, list.empty() ? "" : ", ", name);
          }
          return list;
        }()));
  }
  return absl::OkStatus();
}

absl::Status Owner::AuthorizeGiving(const Credential& credential, Scopes scopes) const {
  if (credential.local_user) return absl::OkStatus();
  LINNET_ASSIGN_OR_RETURN(const Grant grant, GrantOf(credential));
  const Scopes missing = Scopes::FromBits(static_cast<uint8_t>(scopes.bits() & ~grant.scopes.bits()));
  if (missing.bits() == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("scopes: this grant lacks the scope \"", missing.Names().front(),
                   "\" and cannot give it; leave it out, or ask for it on the device itself"));
}

}  // namespace linnet::owner
