#include "agent/owner/owner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "runtime/base/hash.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace linnet::owner {
namespace {

using linnet::testing::FakeClock;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using linnet::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kId[] = "00112233445566778899aabbccddeeff";

class OwnerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Owner> Open() {
    Owner::Options options;
    options.directory = dir_ / "owner";
    options.device_id_hex = kId;
    options.now = [this] { return clock_.Now(); };
    auto owner = Owner::Open(base::FileSystem::Real(), options, repo::FieldCipher(std::string(32, 'k')));
    EXPECT_THAT(owner, IsOk());
    return owner.ok() ? *std::move(owner) : nullptr;
  }
  static Scopes Of(Scope scope) {
    Scopes scopes;
    scopes.Add(scope);
    return scopes;
  }
  static Credential Bearer(const std::string& token) { return {false, std::nullopt, token}; }
  static Credential Shown(const std::string& pem) { return {false, *base::Certificate::FromPem(pem), ""}; }

  TempDir dir_;
  FakeClock clock_;
};

TEST_F(OwnerTest, KeepsItsKeyOverARestart) {
  const base::Sha256Digest pin = Open()->server_certificate().SpkiSha256();
  EXPECT_EQ(Open()->server_certificate().SpkiSha256(), pin);
  EXPECT_EQ(Open()->server_certificate().UriOf(base::kAgentUri), kId);
  EXPECT_EQ(base::FileSystem::Real().Stat(dir_ / "owner")->mode, 0700U);
  EXPECT_EQ(base::FileSystem::Real().Stat(dir_ / "owner/root.pem")->mode, 0600U);
}

TEST_F(OwnerTest, ItsServerCertificateHoldsUnderItsRootWhateverTheClock) {
  const auto owner = Open();
  const std::vector<base::Certificate> chain = {owner->server_certificate()};
  for (const absl::Time now :
       {absl::FromUnixSeconds(1), clock_.Now(), clock_.Now() + absl::Hours(24 * 365 * 50)}) {
    EXPECT_THAT(base::VerifyChain(chain, owner->root(), base::CertificateUse::kServer, base::kAgentUri, now),
                IsOk());
  }
}

TEST_F(OwnerTest, AGrantOpensItsScopesByCertificateAndByToken) {
  const auto owner = Open();
  for (const Scope scope : {Scope::kAsk, Scope::kIngest, Scope::kReadData, Scope::kManage, Scope::kMetrics}) {
    const auto grant = owner->CreateGrant("app", Of(scope), absl::ZeroDuration());
    ASSERT_THAT(grant, IsOk());
    for (const Scope wanted :
         {Scope::kAsk, Scope::kIngest, Scope::kReadData, Scope::kManage, Scope::kMetrics}) {
      const auto expected = wanted == scope ? absl::StatusCode::kOk : absl::StatusCode::kPermissionDenied;
      EXPECT_THAT(owner->Authorize(Bearer(grant->bearer_token), wanted), StatusIs(expected));
      EXPECT_THAT(owner->Authorize(Shown(grant->certificate_pem), wanted), StatusIs(expected));
    }
  }
}

TEST_F(OwnerTest, TheLocalUserMayDoAllAndNobodyNothing) {
  const auto owner = Open();
  EXPECT_THAT(owner->Authorize({true, std::nullopt, ""}, Scope::kManage), IsOk());
  EXPECT_THAT(owner->Authorize({}, Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("no grant was shown")));
  EXPECT_THAT(owner->Authorize(Bearer("linnet_wrong"), Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("not known")));
}

TEST_F(OwnerTest, GrantsEnd) {
  const auto owner = Open();
  const auto grant = owner->CreateGrant("app", Scopes::All(), absl::Hours(1));
  ASSERT_THAT(grant, IsOk());
  clock_.Advance(absl::Minutes(59));
  EXPECT_THAT(owner->Authorize(Bearer(grant->bearer_token), Scope::kAsk), IsOk());
  EXPECT_THAT(owner->Authorize(Shown(grant->certificate_pem), Scope::kAsk), IsOk());
  clock_.Advance(absl::Minutes(2));
  EXPECT_THAT(owner->Authorize(Bearer(grant->bearer_token), Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("ended at 2030")));
  EXPECT_THAT(owner->Authorize(Shown(grant->certificate_pem), Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(OwnerTest, ARevocationHoldsAtOnceAndOverARestart) {
  std::string token, certificate, id;
  {
    const auto owner = Open();
    const auto grant = owner->CreateGrant("app", Scopes::All(), absl::ZeroDuration());
    ASSERT_THAT(grant, IsOk());
    token = grant->bearer_token;
    certificate = grant->certificate_pem;
    id = grant->grant.id;
    ASSERT_THAT(owner->RevokeGrant(id), IsOk());
    EXPECT_THAT(owner->RevokeGrant(id), IsOk());
    EXPECT_THAT(owner->Authorize(Bearer(token), Scope::kAsk), StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_THAT(owner->RevokeGrant("0000000000000000"), StatusIs(absl::StatusCode::kNotFound));
  }
  const auto owner = Open();
  EXPECT_THAT(owner->Authorize(Bearer(token), Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("revoked")));
  EXPECT_THAT(owner->Authorize(Shown(certificate), Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_THAT(owner->ListGrants(), SizeIs(1));
  EXPECT_TRUE(owner->ListGrants()[0].revoked);
}

// Each certificate is good in its own domain.
TEST_F(OwnerTest, CertificatesOfOtherDomainsOpenNothing) {
  const auto owner = Open();
  const base::PrivateKey authority_key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest request;
  request.common_name = "another authority";
  request.use = base::CertificateUse::kAuthority;
  request.not_before = clock_.Now() - absl::Hours(1);
  request.not_after = clock_.Now() + absl::Hours(1);
  const base::Certificate authority = base::IssueSelfSigned(authority_key, request);
  const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
  request.use = base::CertificateUse::kClient;
  const std::string id = owner->CreateGrant("app", Scopes::All(), absl::ZeroDuration())->grant.id;
  for (const std::string& uri :
       {std::string(base::kDeviceUri) + kId, std::string(base::kOperatorUri) + "anna",
        std::string(base::kCoordinatorUri) + "site", std::string(base::kOwnerUri) + id}) {
    request.uri = uri;
    const auto foreign = base::Issue(authority, authority_key, key.public_key(), request);
    ASSERT_THAT(foreign, IsOk());
    for (const Scope scope :
         {Scope::kAsk, Scope::kIngest, Scope::kReadData, Scope::kManage, Scope::kMetrics}) {
      EXPECT_THAT(owner->Authorize({false, *foreign, ""}, scope),
                  StatusIs(absl::StatusCode::kUnauthenticated))
          << uri;
    }
  }
  // The device's own server certificate is no grant either.
  EXPECT_THAT(owner->Authorize({false, owner->server_certificate(), ""}, Scope::kAsk),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(OwnerTest, ABadCertificateIsNotMadeGoodByAToken) {
  const auto owner = Open();
  const auto grant = owner->CreateGrant("app", Scopes::All(), absl::ZeroDuration());
  Credential both = Bearer(grant->bearer_token);
  both.certificate = owner->server_certificate();
  EXPECT_THAT(owner->Authorize(both, Scope::kAsk), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(OwnerTest, NeitherTokensNorNamesStandInTheFile) {
  const auto owner = Open();
  const auto grant = owner->CreateGrant("phone of Anna", Scopes::All(), absl::ZeroDuration());
  std::ifstream file(dir_ / "owner/grants", std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(bytes.find("Anna"), std::string::npos);
  EXPECT_EQ(bytes.find(grant->bearer_token), std::string::npos);
  EXPECT_FALSE(bytes.empty());
}

TEST_F(OwnerTest, SaysWhatIsWrongWithARequest) {
  const auto owner = Open();
  EXPECT_THAT(owner->CreateGrant("", Scopes::All(), absl::ZeroDuration()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name")));
  EXPECT_THAT(owner->CreateGrant(std::string(65, 'x'), Scopes::All(), absl::ZeroDuration()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(owner->CreateGrant("a", Scopes::All(), absl::Hours(24 * 4'000)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("valid_seconds")));
  EXPECT_THAT(Scopes::FromNames({"ask", "everything"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"everything\" is unknown")));
  EXPECT_THAT(Scopes::FromNames({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Scopes::FromNames({"metrics", "ask"})->Names(), (std::vector<std::string>{"ask", "metrics"}));
}

TEST_F(OwnerTest, RevokedGrantsMakeRoom) {
  const auto owner = Open();
  std::string first;
  for (size_t i = 0; i < GrantStore::kMaxGrants; ++i) {
    const auto grant = owner->CreateGrant("app", Of(Scope::kAsk), absl::ZeroDuration());
    ASSERT_THAT(grant, IsOk());
    if (i == 0) first = grant->grant.id;
  }
  EXPECT_THAT(owner->CreateGrant("one more", Of(Scope::kAsk), absl::ZeroDuration()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("revoke one")));
  ASSERT_THAT(owner->RevokeGrant(first), IsOk());
  EXPECT_THAT(owner->CreateGrant("one more", Of(Scope::kAsk), absl::ZeroDuration()), IsOk());
  EXPECT_THAT(owner->ListGrants(), SizeIs(GrantStore::kMaxGrants));
}

// Well sealed, but not what this version writes: an error, not an exception.
TEST_F(OwnerTest, GrantsOfWrongTypesAreNamed) {
  const repo::FieldCipher cipher(std::string(32, 'k'));
  const std::string hash(64, 'a');
  ASSERT_THAT(base::FileSystem::Real().CreateDirectories(dir_ / "owner", 0700), IsOk());
  const auto open = [&](const std::string& text) {
    EXPECT_THAT(base::FileSystem::Real().WriteFileAtomic(dir_ / "owner/grants",
                                                         cipher.Seal(text, "owner.grants"), 0600),
                IsOk());
    Owner::Options options{dir_ / "owner", kId, [this] { return clock_.Now(); }};
    return Owner::Open(base::FileSystem::Real(), options, cipher).status();
  };
  const auto grant = [&](const std::string& id, const std::string& name, const std::string& scopes,
                         const std::string& expires, const std::string& revoked, const std::string& sha256) {
    return "[{\"id\":" + id + ",\"name\":" + name + ",\"scopes\":" + scopes +
           ",\"created\":0,\"expires\":" + expires + ",\"revoked\":" + revoked +
           ",\"token_sha256\":" + sha256 + "}]";
  };
  const std::string sha256 = '"' + hash + '"';
  EXPECT_THAT(open(grant("\"a\"", "\"b\"", "3", "5", "false", sha256)), IsOk());
  for (const std::string& text :
       {grant("7", "\"b\"", "3", "5", "false", sha256), grant("\"a\"", "null", "3", "5", "false", sha256),
        grant("\"a\"", "\"b\"", "\"all\"", "5", "false", sha256),
        grant("\"a\"", "\"b\"", "-1", "5", "false", sha256),
        grant("\"a\"", "\"b\"", "259", "5", "false", sha256),
        grant("\"a\"", "\"b\"", "3", "\"never\"", "false", sha256),
        grant("\"a\"", "\"b\"", "3", "1e300", "false", sha256),
        grant("\"a\"", "\"b\"", "3", "5", "0", sha256), grant("\"a\"", "\"b\"", "3", "5", "false", "[]"),
        std::string("[{}]"), std::string("[1]"), std::string("{}")}) {
    EXPECT_THAT(open(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("grants"))) << text;
  }
}

TEST_F(OwnerTest, DamagedFilesAreNamed) {
  Open()->CreateGrant("app", Scopes::All(), absl::ZeroDuration()).IgnoreError();
  const auto damaged = [&](const std::string& name) {
    const std::string path = dir_ / ("owner/" + name);
    const std::string old = *base::FileSystem::Real().ReadFile(path, 1 << 20);
    EXPECT_THAT(base::FileSystem::Real().WriteFileAtomic(path, old.substr(0, old.size() / 2)), IsOk());
    Owner::Options options{dir_ / "owner", kId, [this] { return clock_.Now(); }};
    EXPECT_THAT(Owner::Open(base::FileSystem::Real(), options, repo::FieldCipher(std::string(32, 'k'))),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(name)));
    EXPECT_THAT(base::FileSystem::Real().WriteFileAtomic(path, old), IsOk());
  };
  damaged("root.pem");
  damaged("server.pem");
  damaged("grants");
  EXPECT_NE(Open(), nullptr);
}

}  // namespace
}  // namespace linnet::owner
