#include "runtime/base/x509.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "absl/strings/match.h"
#include "runtime/base/string_view.h"

namespace linnet::base {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

CertificateRequest RequestFor(CertificateUse use, std::string uri) {
  CertificateRequest request;
  request.common_name = "test";
  request.uri = std::move(uri);
  request.use = use;
  request.not_before = kNow - absl::Hours(1);
  request.not_after = kNow + absl::Hours(24 * 30);
  return request;
}

struct Authority {
  PrivateKey key = PrivateKey::Generate(KeyType::kP256);
  Certificate certificate;
  explicit Authority(int path_length = 1) : certificate(Make(path_length)) {}
  Certificate Make(int path_length) const {
    CertificateRequest request = RequestFor(CertificateUse::kAuthority, "");
    request.common_name = "root";
    request.path_length = path_length;
    return IssueSelfSigned(key, request);
  }
};

class X509Test : public testing::Test {
 protected:
  Certificate Leaf(CertificateUse use, std::string uri, const Authority& by) {
    auto leaf = Issue(by.certificate, by.key, subject_.public_key(), RequestFor(use, std::move(uri)));
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return *leaf;
  }
  std::string Why(std::vector<Certificate> chain, CertificateUse use, std::string_view scheme,
                  absl::Time now = kNow) {
    const auto name = VerifyChain(chain, root_.certificate, use, scheme, now);
    return name.ok() ? "accepted " + *name : Message(name.status());
  }

  Authority root_;
  PrivateKey subject_ = PrivateKey::Generate(KeyType::kP256);
};

TEST_F(X509Test, AcceptsALeafUnderTheRootAndNamesIt) {
  EXPECT_EQ(
      Why({Leaf(CertificateUse::kClient, "linnet-device:00ff", root_)}, CertificateUse::kClient, kDeviceUri),
      "accepted 00ff");
}

TEST_F(X509Test, AcceptsALeafUnderAnIntermediateOnlyWithIt) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256);
  CertificateRequest request = RequestFor(CertificateUse::kAuthority, "");
  request.common_name = "intermediate";
  const auto intermediate = Issue(root_.certificate, root_.key, key.public_key(), request);
  ASSERT_TRUE(intermediate.ok());
  const auto leaf = Issue(*intermediate, key, subject_.public_key(),
                          RequestFor(CertificateUse::kClient, "linnet-device:01"));
  ASSERT_TRUE(leaf.ok());
  EXPECT_EQ(Why({*leaf, *intermediate}, CertificateUse::kClient, kDeviceUri), "accepted 01");
  EXPECT_EQ(Why({*leaf}, CertificateUse::kClient, kDeviceUri), "certificate was issued by another authority");
}

TEST_F(X509Test, RefusesPathsLongerThanTheAuthorityAllows) {
  const Authority root(0);
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256);
  CertificateRequest request = RequestFor(CertificateUse::kAuthority, "");
  request.common_name = "intermediate";
  const auto intermediate = Issue(root.certificate, root.key, key.public_key(), request);
  ASSERT_TRUE(intermediate.ok());
  const auto leaf = Issue(*intermediate, key, subject_.public_key(),
                          RequestFor(CertificateUse::kClient, "linnet-device:01"));
  ASSERT_TRUE(leaf.ok());
  EXPECT_FALSE(VerifyChain(std::vector{*leaf, *intermediate}, root.certificate, CertificateUse::kClient,
                           kDeviceUri, kNow)
                   .ok());
}

TEST_F(X509Test, RefusesAnotherRoot) {
  const Authority other;
  EXPECT_EQ(Why({Leaf(CertificateUse::kClient, "linnet-device:01", other), other.certificate},
                CertificateUse::kClient, kDeviceUri),
            "certificate was issued by another authority (an authority above it)");
  EXPECT_EQ(
      Why({Leaf(CertificateUse::kClient, "linnet-device:01", other)}, CertificateUse::kClient, kDeviceUri),
      "certificate was issued by another authority");
}

TEST_F(X509Test, RefusesAnotherSchemeAndTwoNames) {
  const Certificate device = Leaf(CertificateUse::kClient, "linnet-device:01", root_);
  EXPECT_EQ(Why({device}, CertificateUse::kClient, kOperatorUri),
            "certificate does not name exactly one \"linnet-operator:\"");
}

TEST_F(X509Test, RefusesAnotherUse) {
  const Certificate server = Leaf(CertificateUse::kServer, "linnet-coordinator:s", root_);
  EXPECT_EQ(Why({server}, CertificateUse::kServer, kCoordinatorUri), "accepted s");
  EXPECT_EQ(Why({server}, CertificateUse::kClient, kCoordinatorUri), "certificate is for another use");
  EXPECT_FALSE(VerifyChain(std::vector{root_.certificate}, root_.certificate, CertificateUse::kClient,
                           kDeviceUri, kNow)
                   .ok());
}

TEST_F(X509Test, SaysHowLongAgoItExpired) {
  const Certificate leaf = Leaf(CertificateUse::kClient, "linnet-device:01", root_);
  const absl::Time late = leaf.not_after() + absl::Hours(24 * 3);
  EXPECT_TRUE(
      absl::StrContains(Why({leaf}, CertificateUse::kClient, kDeviceUri, late), "expired 3 days ago"));
  EXPECT_TRUE(
      absl::StrContains(Why({leaf}, CertificateUse::kClient, kDeviceUri, absl::UnixEpoch()), "clock"));
  EXPECT_TRUE(VerifyChain(std::vector{leaf}, root_.certificate, CertificateUse::kClient, kDeviceUri, late,
                          /*allow_expired=*/true)
                  .ok());
}

// An authority for devices under the root, as a site has it; all that OpenSSL says of chains below it, and
// what is ours to add.
class ConfinedTest : public X509Test {
 protected:
  static Certificate Confined(const Authority& root, const PrivateKey& key, std::string to) {
    CertificateRequest request = RequestFor(CertificateUse::kAuthority, "");
    request.common_name = "device authority";
    request.path_length = 0;
    request.confined_to = std::move(to);
    return *Issue(root.certificate, root.key, key.public_key(), request);
  }
  Certificate Below(const Certificate& authority, CertificateUse use, std::string uri,
                    std::optional<std::string> organization = std::nullopt) {
    CertificateRequest request = RequestFor(use, std::move(uri));
    request.organization = std::move(organization);
    const auto leaf = Issue(authority, key_, subject_.public_key(), request);
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return *leaf;
  }
  // X509_verify_cert with no purpose and no rule of ours.
  int OpenSslSays(const Certificate& leaf, const Certificate& authority, int purpose = 0) {
    X509_STORE* store = X509_STORE_new();
    X509_STORE_CTX* context = X509_STORE_CTX_new();
    STACK_OF(X509)* untrusted = sk_X509_new_null();
    X509_STORE_add_cert(store, root_.certificate.get());
    sk_X509_push(untrusted, authority.get());
    X509_STORE_CTX_init(context, store, leaf.get(), untrusted);
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, absl::ToTimeT(kNow));
    if (purpose != 0) X509_VERIFY_PARAM_set_purpose(param, purpose);
    X509_verify_cert(context);
    const int error = X509_STORE_CTX_get_error(context);
    sk_X509_free(untrusted);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return error;
  }

  PrivateKey key_ = PrivateKey::Generate(KeyType::kP256);
  Certificate devices_ = Confined(root_, key_, "linnet-device");
};

TEST_F(ConfinedTest, AnAuthorityForDevicesCertifiesDevices) {
  const Certificate device = Below(devices_, CertificateUse::kClient, "linnet-device:01");
  EXPECT_EQ(Why({device, devices_}, CertificateUse::kClient, kDeviceUri), "accepted 01");
  EXPECT_EQ(OpenSslSays(device, devices_), X509_V_OK);
  EXPECT_EQ(OpenSslSays(device, devices_, X509_PURPOSE_SSL_CLIENT), X509_V_OK);
}

TEST_F(ConfinedTest, ItCertifiesNobodyElse) {
  for (const char* uri :
       {"linnet-operator:anna", "linnet-owner:01", "linnet-agent:01", "linnet-coordinator:s", ""}) {
    const Certificate other = Below(devices_, CertificateUse::kClient, uri);
    EXPECT_EQ(OpenSslSays(other, devices_), X509_V_ERR_PERMITTED_VIOLATION) << uri;
    EXPECT_EQ(Why({other, devices_}, CertificateUse::kClient, kOperatorUri),
              "certificate is of a kind that its authority may not issue")
        << uri;
  }
  // A server, under whatever subject: by its names, and by its use.
  const Certificate server =
      Below(devices_, CertificateUse::kServer, "linnet-coordinator:s", "linnet-device");
  EXPECT_EQ(OpenSslSays(server, devices_), X509_V_ERR_EXCLUDED_VIOLATION);
  EXPECT_EQ(OpenSslSays(server, devices_, X509_PURPOSE_SSL_SERVER), X509_V_ERR_INVALID_PURPOSE);
  EXPECT_FALSE(VerifyChain(std::vector{server, devices_}, root_.certificate, CertificateUse::kServer,
                           kCoordinatorUri, kNow)
                   .ok());
  // Nor another authority.
  CertificateRequest request = RequestFor(CertificateUse::kAuthority, "");
  request.organization = "linnet-device";
  const auto below = Issue(devices_, key_, subject_.public_key(), request);
  ASSERT_TRUE(below.ok());
  EXPECT_EQ(Why({*below, devices_}, CertificateUse::kAuthority, ""), "accepted ");
  const auto leaf =
      Issue(*below, subject_, subject_.public_key(), RequestFor(CertificateUse::kClient, "linnet-device:01"));
  ASSERT_TRUE(leaf.ok());
  EXPECT_FALSE(VerifyChain(std::vector{*leaf, *below, devices_}, root_.certificate, CertificateUse::kClient,
                           kDeviceUri, kNow)
                   .ok());
}

// The subject is what OpenSSL constrains, the URI is whom we believe: they must agree.
TEST_F(ConfinedTest, ADevicesSubjectSpeaksForNoOtherDomain) {
  for (const char* organization : {"linnet-device", "Linnet-Device", "linnet-device "}) {
    const Certificate thief = Below(devices_, CertificateUse::kClient, "linnet-operator:anna", organization);
    EXPECT_EQ(OpenSslSays(thief, devices_), X509_V_OK)
        << organization << ": OpenSSL compares no letters' case";
    EXPECT_EQ(Why({thief, devices_}, CertificateUse::kClient, kOperatorUri),
              "certificate's subject is not of \"linnet-operator\"");
  }
}

TEST_F(ConfinedTest, SitesFromBeforeGoOnWorking) {
  const Certificate free = Confined(root_, key_, "");
  for (const auto& organization : {std::optional<std::string>(""), std::optional<std::string>()}) {
    const Certificate device = Below(free, CertificateUse::kClient, "linnet-device:01", organization);
    EXPECT_EQ(Why({device, free}, CertificateUse::kClient, kDeviceUri), "accepted 01");
  }
  // A certificate that such a site issued has no O: under a confined authority it would be nobody's.
  const Certificate bare = Below(devices_, CertificateUse::kClient, "linnet-device:01", "");
  EXPECT_EQ(OpenSslSays(bare, devices_), X509_V_ERR_PERMITTED_VIOLATION);
}

TEST_F(X509Test, RefusesNoCertificate) {
  EXPECT_EQ(Why({}, CertificateUse::kClient, kDeviceUri), "no certificate was shown");
}

TEST_F(X509Test, RoundTripsThroughPemAndDer) {
  const Certificate leaf = Leaf(CertificateUse::kServer, "linnet-coordinator:site", root_);
  const auto chain = Certificate::ChainFromPem(leaf.ToPem() + root_.certificate.ToPem());
  ASSERT_TRUE(chain.ok()) << chain.status();
  ASSERT_EQ(chain->size(), 2u);
  EXPECT_EQ((*chain)[0].der(), leaf.der());
  EXPECT_EQ((*chain)[0].public_key().Raw(), subject_.public_key().Raw());
  EXPECT_EQ((*chain)[0].SpkiSha256(), Sha256(subject_.public_key().SpkiDer()));
  EXPECT_EQ(leaf.not_before(), kNow - absl::Hours(1));
}

TEST_F(X509Test, RefusesDamagedBytes) {
  const Certificate leaf = Leaf(CertificateUse::kClient, "linnet-device:01", root_);
  for (size_t size = 0; size < leaf.der().size(); size += 7) {
    EXPECT_FALSE(Certificate::FromDer(std::string_view(leaf.der()).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Certificate::FromDer(leaf.der() + "x").ok());
  EXPECT_FALSE(Certificate::FromPem("no certificate here").ok());
  EXPECT_FALSE(Certificate::ChainFromPem(leaf.ToPem() + "-----BEGIN CERTIFICATE-----\n!!\n").ok());
  std::string changed = leaf.der();
  changed[changed.size() - 5] ^= 1;  // inside the signature
  const auto parsed = Certificate::FromDer(changed);
  if (parsed.ok()) {
    EXPECT_EQ(Why({*parsed}, CertificateUse::kClient, kDeviceUri),
              "certificate was issued by another authority");
  }
}

TEST_F(X509Test, IssueRefusesAForeignKeyAndALeafAsIssuer) {
  const Authority other;
  const CertificateRequest request = RequestFor(CertificateUse::kClient, "linnet-device:01");
  EXPECT_FALSE(Issue(root_.certificate, other.key, subject_.public_key(), request).ok());
  const Certificate leaf = Leaf(CertificateUse::kClient, "linnet-device:01", root_);
  EXPECT_FALSE(Issue(leaf, subject_, subject_.public_key(), request).ok());
}

}  // namespace
}  // namespace linnet::base
