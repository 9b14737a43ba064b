#ifndef LINNET_RUNTIME_NET_TLS_H_
#define LINNET_RUNTIME_NET_TLS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/keys.h"
#include "runtime/base/x509.h"

namespace grpc {
class ChannelCredentials;
class ServerCredentials;
class ServerContextBase;
}  // namespace grpc

namespace linnet::net {

// Our side of a TLS connection.
struct TlsIdentity {
  std::string certificate_chain_pem;
  std::string private_key_pem;
  // In the place of the PEM: a key that cannot be written down.
  std::optional<base::PrivateKey> hardware_key = std::nullopt;
};

// Decides about the other side's chain (leaf first; empty when none was shown). OK lets the handshake pass.
using PeerVerifier = std::function<absl::Status(const std::vector<base::Certificate>& chain)>;

// Verifiers. `now` is asked at each handshake: max(system time, last time believed).
PeerVerifier UnderRoot(base::Certificate root, base::CertificateUse use, std::string scheme,
                       std::function<absl::Time()> now);
PeerVerifier PinnedSpki(std::string spki_sha256);

// Client and server credentials whose only judge is `verifier` (chain building by gRPC's own store is off).
// `identity` of a client may be absent (enrolment, bearer tokens). A server asks for a client certificate
// and, when `require_client_certificate` is false, lets clients without one in (each RPC then decides by
// PeerOf). InvalidArgument when PEM does not parse or the key does not match the certificate.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    std::optional<TlsIdentity> identity, PeerVerifier verifier);
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(TlsIdentity identity,
                                                                           PeerVerifier verifier,
                                                                           bool require_client_certificate);

// The client's leaf certificate on a server's context; nullopt when it showed none (or the transport is not
// TLS).
std::optional<base::Certificate> PeerOf(const grpc::ServerContextBase& context);

}  // namespace linnet::net

#endif  // LINNET_RUNTIME_NET_TLS_H_
