#include <gtest/gtest.h>

#include <string>

#include "runtime/base/hash.h"
#include "runtime/base/keys.h"
#include "runtime/base/string_view.h"

namespace linnet::base {
namespace {

TEST(SealKeyTest, OpensWithItsPassphraseOnly) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kEd25519);
  const std::string file = SealKey(key, "correct horse");
  EXPECT_EQ(file.find("PRIVATE"), std::string::npos);
  const auto opened = OpenKey(file, "correct horse");
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->public_key().Raw(), key.public_key().Raw());
  const auto wrong = OpenKey(file, "correct house");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_NE(Message(wrong.status()).find("wrong passphrase"), std::string::npos);
  EXPECT_EQ(OpenKey(file, "").status().code(), absl::StatusCode::kUnauthenticated);
}

TEST(SealKeyTest, WritesPlainPemWithoutAPassphrase) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256);
  const std::string file = SealKey(key, "");
  EXPECT_TRUE(file.starts_with("-----BEGIN PRIVATE KEY-----"));
  EXPECT_TRUE(OpenKey(file, "").ok());
  EXPECT_TRUE(OpenKey(file, "ignored").ok());
}

TEST(SealKeyTest, SaysThatAChangedFileIsDamagedWhereverItWasChanged) {
  const std::string file = SealKey(PrivateKey::Generate(KeyType::kEd25519), "p");
  for (size_t i = 0; i + 1 < file.size(); ++i) {
    std::string changed = file;
    changed[i] = changed[i] == '0' ? '1' : '0';
    ASSERT_EQ(OpenKey(changed, "p").status().code(), absl::StatusCode::kDataLoss) << "byte " << i;
  }
  for (size_t size = 0; size + 1 < file.size(); size += 7) {
    ASSERT_EQ(OpenKey(file.substr(0, size), "p").status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(OpenKey(file + "x", "p").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(OpenKey("-----BEGIN PRIVATE KEY-----\n", "p").status().code(), absl::StatusCode::kDataLoss);
}

TEST(SealKeyTest, RefusesParametersThatAskForTooMuchMemoryOrTime) {
  for (const std::string parameters : {R"("n":1073741824,"r":8,"p":1)", R"("n":65536,"r":8,"p":1000000)",
                                       R"("n":3,"r":8,"p":1)", R"("n":0,"r":0,"p":0)"}) {
    const std::string body = R"({"linnet-key":1,"kdf":"scrypt",)" + parameters +
                             R"(,"salt":"00112233","sealed":")" + std::string(200, 'a') + R"(","sha256":")";
    const std::string file = body + Hex(Sha256(body)) + "\"}\n";
    EXPECT_EQ(OpenKey(file, "p").status().code(), absl::StatusCode::kDataLoss) << parameters;
  }
}

TEST(SealTest, OpensWhatItSealed) {
  const std::string key = RandomBytes(32);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{16}, size_t{1000}, size_t{1} << 20}) {
    const std::string plain = RandomBytes(size);
    const std::string sealed = Seal(key, plain, "row 7");
    EXPECT_EQ(sealed.size(), size + 28);
    const auto opened = Open(key, sealed, "row 7");
    ASSERT_TRUE(opened.ok()) << size;
    EXPECT_EQ(*opened, plain);
  }
  EXPECT_NE(Seal(key, "same", ""), Seal(key, "same", ""));
}

TEST(SealTest, RefusesChangedBytesOtherKeysAndOtherPlaces) {
  const std::string key = RandomBytes(32);
  const std::string sealed = Seal(key, "user text", "row 7");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] ^= 1;
    ASSERT_EQ(Open(key, changed, "row 7").status().code(), absl::StatusCode::kDataLoss) << "byte " << i;
  }
  EXPECT_FALSE(Open(key, sealed, "row 8").ok());
  EXPECT_FALSE(Open(RandomBytes(32), sealed, "row 7").ok());
  for (size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(Open(key, sealed.substr(0, size), "row 7").ok());
}

// NIST SP 800-38D test case 16 (AES-256-GCM with associated data): our layout is nonce || ciphertext || tag.
TEST(SealTest, OpensTheNistVector) {
  const auto bytes = [](std::string_view hex) { return *UnHex(hex); };
  const std::string key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string sealed = bytes(
      "cafebabefacedbaddecaf888"
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e"
      "63"
      "93ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b");
  const auto plain = Open(key, sealed, bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"));
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(Hex(*plain),
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
            "b16aedf5"
            "aa0de657ba637b39");
}

}  // namespace
}  // namespace linnet::base
