#include "runtime/net/tls.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/log.h"
#include "runtime/base/mutex.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/string_view.h"
#include "runtime/net/peer.h"
#include "runtime/net/tls_engine.h"

namespace linnet::net {
namespace {

namespace tls = grpc::experimental;

std::string_view View(grpc::string_ref s) { return {s.data(), s.size()}; }

// gRPC calls this after the handshake's own checks (the peer holds the leaf's key), before any byte of
// HTTP/2.
class Verifier : public tls::ExternalCertificateVerifier {
  // Whose chain it is differs, what stands above the leaf is the same for a whole fleet.
  static constexpr size_t kMostKnown = 16;

 public:
  Verifier(PeerVerifier verify, bool anonymous_allowed, bool server)
      : verify_(std::move(verify)), anonymous_allowed_(anonymous_allowed), server_(server) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    const absl::Status verdict = Judge(*request);
    if (!verdict.ok()) {
      // The refused side learns little from TLS 1.3: the reason is here.
      base::Log(base::Severity::kWarning, server_ ? "client refused" : "server refused",
                {{"error", base::LogValue::Error(verdict)}});
    }
    *sync_status = verdict.ok() ? grpc::Status::OK
                                : grpc::Status(grpc::StatusCode::UNAUTHENTICATED, base::Message(verdict));
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Judge(tls::TlsCustomVerificationCheckRequest& request) const {
    std::vector<base::Certificate> chain;
    if (!request.peer_cert().empty()) {
      // The leaf comes first; on servers OpenSSL leaves it out of the chain.
      LINNET_ASSIGN_OR_RETURN(base::Certificate leaf, base::Certificate::FromPem(View(request.peer_cert())));
      chain.push_back(std::move(leaf));
      if (!request.peer_cert_full_chain().empty()) {
        LINNET_ASSIGN_OR_RETURN(const std::vector<base::Certificate> rest,
                                Parsed(View(request.peer_cert_full_chain())));
        for (const base::Certificate& certificate : rest) {
          if (certificate.der() != chain.front().der()) chain.push_back(certificate);
        }
      }
    }
    if (chain.empty() && anonymous_allowed_) return absl::OkStatus();
    return verify_(chain);
  }

  absl::StatusOr<std::vector<base::Certificate>> Parsed(std::string_view pem) const {
    {
      const base::MutexLock lock(mutex_);
      if (const auto known = known_.find(pem); known != known_.end()) return known->second;
    }
    LINNET_ASSIGN_OR_RETURN(std::vector<base::Certificate> chain, base::Certificate::ChainFromPem(pem));
    // Clients get the leaf in it, too: nothing to keep. And nothing that anybody may send without end.
    const base::MutexLock lock(mutex_);
    if (server_ && known_.size() < kMostKnown) known_.emplace(pem, chain);
    return chain;
  }

  const PeerVerifier verify_;
  const bool anonymous_allowed_;
  const bool server_;
  mutable base::Mutex mutex_;
  mutable std::map<std::string, std::vector<base::Certificate>, std::less<>> known_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::shared_ptr<tls::CertificateProviderInterface>> ProviderOf(const TlsIdentity& identity) {
  const auto chain = base::Certificate::ChainFromPem(identity.certificate_chain_pem);
  if (!chain.ok())
    return absl::InvalidArgumentError(absl::StrCat("TLS identity: ", base::Message(chain.status())));
  const bool in_hardware = identity.hardware_key.has_value() && identity.hardware_key->hardware() != nullptr;
  const auto key = in_hardware ? absl::StatusOr<base::PrivateKey>(*identity.hardware_key)
                               : base::PrivateKey::FromPem(identity.private_key_pem);
  if (!key.ok())
    return absl::InvalidArgumentError(absl::StrCat("TLS identity: ", base::Message(key.status())));
  if (key->public_key().SpkiDer() != chain->front().public_key().SpkiDer()) {
    return absl::InvalidArgumentError("TLS identity: the private key does not belong to the certificate");
  }
  return std::make_shared<tls::StaticDataCertificateProvider>(std::vector<tls::IdentityKeyCertPair>{
      {in_hardware ? EngineNameOf(*key) : identity.private_key_pem, identity.certificate_chain_pem}});
}

}  // namespace

PeerVerifier UnderRoot(base::Certificate root, base::CertificateUse use, std::string scheme,
                       std::function<absl::Time()> now) {
  return [root = std::move(root), use, scheme = std::move(scheme),
          now = std::move(now)](const std::vector<base::Certificate>& chain) {
    return base::VerifyChain(chain, root, use, scheme, now()).status();
  };
}

PeerVerifier PinnedSpki(std::string spki_sha256) {
  return [pin = std::move(spki_sha256)](const std::vector<base::Certificate>& chain) {
    if (chain.empty()) return absl::UnauthenticatedError("no certificate was shown");
    if (!base::ConstantTimeEqual(base::AsView(chain[0].SpkiSha256()), pin)) {
      return absl::UnauthenticatedError("the server's key is not the one that was pinned");
    }
    return absl::OkStatus();
  };
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    std::optional<TlsIdentity> identity, PeerVerifier verifier) {
  std::shared_ptr<tls::CertificateProviderInterface> provider;
  if (identity.has_value()) {
    LINNET_ASSIGN_OR_RETURN(provider, ProviderOf(*identity));
  }
  // From here on to TlsCredentials nothing may fail: only that frees the options (gRPC 1.51).
  tls::TlsChannelCredentialsOptions options;
  if (provider != nullptr) {
    options.set_certificate_provider(std::move(provider));
    options.watch_identity_key_cert_pairs();
  }
  // Our verifier is the only judge: no system roots, and identity is the URI or the pin, not the host's name.
  options.set_verify_server_certs(false);
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<Verifier>(std::move(verifier), false, false));
  auto credentials = tls::TlsCredentials(options);
  if (credentials == nullptr) return absl::InternalError("TLS: client credentials could not be made");
  return credentials;
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(TlsIdentity identity,
                                                                           PeerVerifier verifier,
                                                                           bool require_client_certificate) {
  LINNET_ASSIGN_OR_RETURN(auto provider, ProviderOf(identity));
  tls::TlsServerCredentialsOptions options(std::move(provider));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(require_client_certificate
                                    ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_BUT_DONT_VERIFY
                                    : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<Verifier>(
      std::move(verifier), !require_client_certificate, true));
  auto credentials = tls::TlsServerCredentials(options);
  if (credentials == nullptr) return absl::InternalError("TLS: server credentials could not be made");
  return credentials;
}

std::string PeerPem(const grpc::ServerContextBase& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr) return "";
  const std::vector<grpc::string_ref> pem = auth->FindPropertyValues("x509_pem_cert");
  return pem.size() == 1 ? std::string(View(pem[0])) : "";
}

std::optional<base::Certificate> PeerOf(const grpc::ServerContextBase& context) {
  const std::string pem = PeerPem(context);
  if (pem.empty()) return std::nullopt;
  auto certificate = base::Certificate::FromPem(pem);
  if (!certificate.ok()) return std::nullopt;
  return *std::move(certificate);
}

}  // namespace linnet::net
