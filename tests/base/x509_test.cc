#include "runtime/base/x509.h"

#include <gtest/gtest.h>

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
