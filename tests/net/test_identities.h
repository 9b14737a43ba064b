#ifndef LINNET_TESTS_NET_TEST_IDENTITIES_H_
#define LINNET_TESTS_NET_TEST_IDENTITIES_H_

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "runtime/base/x509.h"
#include "runtime/net/tls.h"

namespace linnet::net {

// An authority of a test, and certificates under it.
class TestAuthority {
 public:
  TestAuthority() : root_(base::IssueSelfSigned(key_, Request(base::CertificateUse::kAuthority, ""))) {}

  const base::Certificate& root() const { return root_; }
  TlsIdentity Identity(base::CertificateUse use, std::string uri,
                       absl::Duration age = absl::ZeroDuration()) const {
    const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
    base::CertificateRequest request = Request(use, std::move(uri));
    request.not_before -= age;
    request.not_after -= age;
    return {base::Issue(root_, key_, key.public_key(), request)->ToPem(), key.ToPem()};
  }
  TlsIdentity Device(absl::Duration age = absl::ZeroDuration()) const {
    return Identity(base::CertificateUse::kClient, "linnet-device:00112233445566778899aabbccddeeff", age);
  }
  TlsIdentity Server() const { return Identity(base::CertificateUse::kServer, "linnet-coordinator:test"); }
  // The same certificate, shown with and without the intermediate that issued it.
  std::pair<TlsIdentity, TlsIdentity> DeviceUnderIntermediate() const {
    const base::PrivateKey middle_key = base::PrivateKey::Generate(base::KeyType::kP256);
    base::CertificateRequest request = Request(base::CertificateUse::kAuthority, "");
    request.common_name = "test intermediate";
    const base::Certificate middle = *base::Issue(root_, key_, middle_key.public_key(), request);
    const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
    const std::string leaf =
        base::Issue(middle, middle_key, key.public_key(),
                    Request(base::CertificateUse::kClient, "linnet-device:00112233445566778899aabbccddeeff"))
            ->ToPem();
    return {{leaf + middle.ToPem(), key.ToPem()}, {leaf, key.ToPem()}};
  }

 private:
  static base::CertificateRequest Request(base::CertificateUse use, std::string uri) {
    base::CertificateRequest request;
    request.common_name = use == base::CertificateUse::kAuthority ? "test root" : "test";
    request.uri = std::move(uri);
    request.use = use;
    request.not_before = absl::Now() - absl::Hours(1);
    request.not_after = absl::Now() + absl::Hours(1);
    request.path_length = 1;
    if (use == base::CertificateUse::kAuthority) {
      request.not_before -= absl::Hours(24 * 365);
      request.not_after += absl::Hours(24 * 365);
    }
    return request;
  }

  base::PrivateKey key_ = base::PrivateKey::Generate(base::KeyType::kP256);
  base::Certificate root_;
};

}  // namespace linnet::net

#endif  // LINNET_TESTS_NET_TEST_IDENTITIES_H_
