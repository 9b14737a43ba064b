#include "runtime/net/enrollment_token.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "runtime/base/string_view.h"

namespace linnet::net {
namespace {

EnrollmentToken Sample() {
  return {"127.0.0.1:7300", std::string(32, 'p'), std::string("\0\1\2\3\4\5\6\7", 8), std::string(32, 's')};
}

TEST(EnrollmentTokenTest, RoundTrips) {
  const auto parsed = EnrollmentToken::Parse("  " + Sample().Encode() + "\r\n");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->coordinator_address, Sample().coordinator_address);
  EXPECT_EQ(parsed->spki_sha256, Sample().spki_sha256);
  EXPECT_EQ(parsed->id, Sample().id);
  EXPECT_EQ(parsed->secret, Sample().secret);
}

TEST(EnrollmentTokenTest, RefusesEveryCutAndEveryChangedCharacter) {
  const std::string token = Sample().Encode();
  for (size_t i = 0; i < token.size(); ++i) {
    EXPECT_FALSE(EnrollmentToken::Parse(token.substr(0, i)).ok()) << i;
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(EnrollmentToken::Parse(changed).ok()) << i;
  }
  EXPECT_FALSE(EnrollmentToken::Parse(token + "A").ok());
}

TEST(EnrollmentTokenTest, SaysWhatIsWrong) {
  const auto why = [](std::string_view text) { return base::Message(EnrollmentToken::Parse(text).status()); };
  EXPECT_TRUE(absl::StrContains(why("hello"), "copy the whole line"));
  EXPECT_TRUE(absl::StrContains(why("linnet2-abc"), "update this program"));
  EXPECT_TRUE(absl::StrContains(why("linnet1-abc"), "checksum"));
  EXPECT_TRUE(absl::StrContains(why(std::string("linnet1-") + std::string(1 << 20, 'A')), "checksum"));
}

TEST(EnrollmentTokenTest, MessagesDifferByPurposeAndContent) {
  const std::string id(16, 'd');
  const std::string key(65, 'k');
  const std::string nonce(16, 'n');
  const std::string message = EnrollMessage(std::string(32, 'p'), id, key, nonce);
  EXPECT_EQ(message.size(), 15u + 32 + 16 + 65 + 16);
  EXPECT_NE(EnrollMac("a", message), EnrollMac("b", message));
  EXPECT_TRUE(RenewMessage(id, key, nonce).starts_with("linnet-renew-1"));
  // Where one certificate ends is part of what is proved.
  EXPECT_NE(EnrollReplyMac("s", nonce, {"ab", "c"}, "r", "t"),
            EnrollReplyMac("s", nonce, {"a", "bc"}, "r", "t"));
}

}  // namespace
}  // namespace linnet::net
