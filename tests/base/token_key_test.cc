// Names and files of keys on tokens. The tokens themselves: tests/e2e/token_keys_test.py.
#include "runtime/base/token_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace linnet::base {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr char kUri[] = "pkcs11:token=linnet;object=root-1";

TEST(TokenUriTest, NamesATokenAndAKeyAndHoldsNoPin) {
  for (const char* good :
       {kUri, "pkcs11:serial=0123;id=%01", "pkcs11:model=X;token=a%20b;object=k;type=private"}) {
    EXPECT_THAT(CheckTokenUri(good), IsOk()) << good;
  }
  const std::pair<std::string, std::string> kBad[] = {
      {"", "pkcs11:"},
      {"file:/etc/key", "pkcs11:"},
      {"pkcs11:", "token"},
      {"pkcs11:token=a", "object="},
      {"pkcs11:object=a", "token="},
      {std::string(kUri) + "?pin-value=1234", "PIN"},
      {std::string(kUri) + ";pin-value=1234", "PIN"},
      {std::string(kUri) + ";type=public", "private"},
      {std::string(kUri) + "\"", "%XX"},
      {std::string(kUri) + "\n", "%XX"},
      {std::string(kUri) + std::string(2000, 'a'), "1024"},
  };
  for (const auto& [uri, says] : kBad) {
    EXPECT_THAT(CheckTokenUri(uri), StatusIs(Code::kInvalidArgument, HasSubstr(says))) << uri;
  }
}

TEST(TokenKeyFileTest, ComesBackAsItWasAndEveryChangeShows) {
  const PublicKey key = PrivateKey::Generate(KeyType::kP256).public_key();
  const std::string file = TokenKeyFile{.uri = kUri, .key = key}.ToFile();
  EXPECT_TRUE(TokenKeyFile::Is(file));
  EXPECT_FALSE(TokenKeyFile::Is(SealKey(PrivateKey::Generate(KeyType::kEd25519), "p")));
  const auto parsed = TokenKeyFile::Parse(file);
  ASSERT_THAT(parsed, IsOk());
  EXPECT_EQ(parsed->uri, kUri);
  EXPECT_EQ(parsed->key.Raw(), key.Raw());
  for (size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] ^= 1;
    EXPECT_FALSE(TokenKeyFile::Parse(changed).ok()) << at;
    EXPECT_FALSE(TokenKeyFile::Parse(file.substr(0, at)).ok()) << at;
  }
  EXPECT_FALSE(TokenKeyFile::Parse(file + "x").ok());
}

TEST(HardwareKeyTest, ASignatureOfAnotherKeyIsRefused) {
  class Swapped final : public HardwareKey {
   public:
    absl::StatusOr<std::string> SignDigest(std::string_view) const override { return key_.Sign("x"); }

   private:
    const PrivateKey key_ = PrivateKey::Generate(KeyType::kP256);
  };
  const PrivateKey key = PrivateKey::InHardware(PrivateKey::Generate(KeyType::kP256).public_key(),
                                                std::make_shared<const Swapped>());
  EXPECT_THAT(key.Sign("x"), StatusIs(Code::kPermissionDenied, HasSubstr("another key")));
}

}  // namespace
}  // namespace linnet::base
