#include "runtime/base/keys.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/base/hash.h"
#include "tests/base/key_vectors.h"

namespace linnet::base {
namespace {

std::string Bytes(std::string_view hex) {
  const std::optional<std::string> bytes = UnHex(hex);
  EXPECT_TRUE(bytes.has_value()) << hex;
  return bytes.value_or("");
}

// RFC 8032, section 7.1: tests 1, 2, 3 and "SHA(abc)".
struct Ed25519Vector {
  std::string_view public_key, message, signature;
};
constexpr Ed25519Vector kEd25519Vectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "0595b"
     "be24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb430"
     "2aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "9716e"
     "d28dc027beceea1ec40a"},
    {"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d442"
     "3643c"
     "e80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179"
     "c138a"
     "c17ad9bef1177331a704"},
};

TEST(PublicKeyTest, VerifiesTheEd25519VectorsOfRfc8032) {
  for (const Ed25519Vector& v : kEd25519Vectors) {
    const auto key = PublicKey::FromEd25519(Bytes(v.public_key));
    ASSERT_TRUE(key.ok());
    EXPECT_TRUE(key->Verify(Bytes(v.message), Bytes(v.signature)).ok()) << v.public_key;
    std::string wrong = Bytes(v.signature);
    wrong[63] ^= 1;
    EXPECT_EQ(key->Verify(Bytes(v.message), wrong).code(), absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(key->Verify(Bytes(v.message) + "x", Bytes(v.signature)).code(),
              absl::StatusCode::kUnauthenticated);
    EXPECT_EQ(key->Raw(), Bytes(v.public_key));
  }
}

// RFC 6979, A.2.5: ECDSA, P-256, SHA-256, messages "sample" and "test".
constexpr std::string_view kP256Point =
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b2"
    "0c2d7e9f"
    "5177a3c294d4462299";
constexpr std::string_view kP256Sample =
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900db"
    "b9aff406"
    "4dc4ab2f843acda8";
constexpr std::string_view kP256Test =
    "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60"
    "d3814b4c"
    "0cc84250e46f0083";

TEST(PublicKeyTest, VerifiesTheP256VectorsOfRfc6979) {
  const auto key = PublicKey::FromP256Point(Bytes(kP256Point));
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->VerifyRaw("sample", Bytes(kP256Sample)).ok());
  EXPECT_TRUE(key->VerifyRaw("test", Bytes(kP256Test)).ok());
  EXPECT_EQ(key->VerifyRaw("test", Bytes(kP256Sample)).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(key->VerifyRaw("test", std::string(64, '\0')).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(key->VerifyRaw("test", "short").code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(key->Raw(), Bytes(kP256Point));
}

TEST(PublicKeyTest, RefusesPointsThatAreNotOnTheCurve) {
  std::string point = Bytes(kP256Point);
  point[64] ^= 1;
  EXPECT_EQ(PublicKey::FromP256Point(point).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(PublicKey::FromP256Point(std::string("\0", 1)).ok());  // the point at infinity
  EXPECT_FALSE(PublicKey::FromP256Point("").ok());
  point[64] ^= 1;
  point[0] = 2;
  EXPECT_FALSE(PublicKey::FromP256Point(point).ok());
}

TEST(PublicKeyTest, RefusesKeysOfTheWrongSizeOrType) {
  EXPECT_FALSE(PublicKey::FromEd25519(std::string(31, 'a')).ok());
  EXPECT_FALSE(PublicKey::FromPem("").ok());
  EXPECT_FALSE(PublicKey::FromPem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").ok());
  EXPECT_FALSE(PublicKey::FromPem(std::string(1 << 20, 'A')).ok());
  EXPECT_FALSE(PublicKey::FromPem(kP384Pem).ok());
}

TEST(PublicKeyTest, VerifiesRsaPssWithAnySaltLength) {
  const auto key = PublicKey::FromPem(kRsaPublicPem);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->type(), KeyType::kRsa);
  EXPECT_TRUE(key->Verify("linnet", Bytes(kRsaSalt32)).ok());
  EXPECT_TRUE(key->Verify("linnet", Bytes(kRsaSalt20)).ok());
  EXPECT_FALSE(key->Verify("Linnet", Bytes(kRsaSalt32)).ok());
  EXPECT_FALSE(key->Verify("linnet", Bytes(kRsaPkcs1)).ok()) << "PKCS #1 v1.5 is another scheme";
}

TEST(PrivateKeyTest, WhatItSignsItsPublicKeyVerifies) {
  for (const KeyType type : {KeyType::kEd25519, KeyType::kP256}) {
    const PrivateKey key = PrivateKey::Generate(type);
    const PrivateKey other = PrivateKey::Generate(type);
    const std::string signature = *key.Sign("message");
    EXPECT_TRUE(key.public_key().Verify("message", signature).ok());
    EXPECT_FALSE(other.public_key().Verify("message", signature).ok());
    const auto pem = PublicKey::FromPem(key.public_key().ToPem());
    ASSERT_TRUE(pem.ok());
    EXPECT_TRUE(pem->Verify("message", signature).ok());
    EXPECT_EQ(pem->Raw(), key.public_key().Raw());
    EXPECT_EQ(pem->SpkiDer(), key.public_key().SpkiDer());
    const auto again = PrivateKey::FromPem(key.ToPem());
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(key.public_key().Verify("x", *again->Sign("x")).ok());
  }
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256);
  EXPECT_TRUE(key.public_key().VerifyRaw("raw", *key.SignRaw("raw")).ok());
  const auto point = PublicKey::FromP256Point(key.public_key().Raw());
  ASSERT_TRUE(point.ok());
  EXPECT_TRUE(point->VerifyRaw("raw", *key.SignRaw("raw")).ok());
  EXPECT_EQ(point->SpkiDer(), key.public_key().SpkiDer());
}

TEST(PublicKeyTest, OneKeyHasOneRawFormHoweverItsPointIsWritten) {
  const auto compressed = PublicKey::FromPem(kCompressedPem);
  ASSERT_TRUE(compressed.ok()) << compressed.status();
  EXPECT_EQ(Hex(compressed->Raw()), kCompressedPoint);
}

}  // namespace
}  // namespace linnet::base
