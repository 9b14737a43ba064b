// What the TUF specification says and its conformance suite does not ask, and what stands between: hashes,
// spacing, key ids, delegated roles, stores that are damaged, full or emptied.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <functional>

#include "tests/support/faulty_files.h"
#include "tests/trust/updater_fixture.h"

namespace linnet::trust {
namespace {

using base::KeyType;
using base::PrivateKey;
using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class SpecTest : public UpdaterTest {
 protected:
  // A root like the last one, with its keys under other ids and with other fields: signed as it is.
  void ChangeNextRoot(const std::function<void(Json&)>& change) {
    repository_.PublishRoot();
    std::string& bytes = repository_.File("root", repository_.roles["root"].version);
    Json root = Envelope::Parse(bytes)->signed_part;
    change(root);
    bytes = SignMetadata(root, repository_.roles["root"].signers);
  }
};

Json& Member(Json& json, std::string_view name) { return json.object()->find(name)->second; }

TEST_F(SpecTest, ASnapshotThatIsNotTheHashOrLengthThatWasSignedIsRefused) {
  repository_.list_hashes = true;
  repository_.PublishAll();
  std::string& snapshot = repository_.File("snapshot", 2);
  const std::string good = snapshot;
  snapshot = good + " ";
  EXPECT_THAT(Refresh(), StatusIs(Code::kResourceExhausted, HasSubstr("snapshot")));
  snapshot = good.substr(0, good.size() - 1);
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("snapshot")));
  snapshot = std::string(good.size(), ' ');
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("sha256")));
  EXPECT_FALSE(Stored("snapshot").has_value());
  EXPECT_FALSE(Requested("2.targets"));
  snapshot = good;
  EXPECT_THAT(Refresh(), IsOk());
}

TEST_F(SpecTest, ASnapshotThatForgetsTheTopLevelTargetsIsRefused) {
  ASSERT_THAT(Refresh(), IsOk());
  repository_.snapshot_meta.erase("targets.json");
  repository_.PublishSnapshot();
  repository_.PublishTimestamp();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("targets.json is gone")));
}

TEST_F(SpecTest, BytesAreKeptAsTheyCameHoweverTheyAreSpacedAndOrdered) {
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    std::string& bytes = repository_.File(role, role == "timestamp" ? 0 : 1);
    const Json file = *ParseJson(bytes);
    bytes = "\n { \"signed\" : " + file.Find("signed")->Dump() +
            " ,\r\n\t\"beside\" : [ ] , \"signatures\" : " + file.Find("signatures")->Dump() + " }\n\n";
  }
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_EQ(Stored("timestamp"), repository_.File("timestamp", 0));
  EXPECT_EQ(Stored("snapshot"), repository_.File("snapshot", 1));
  EXPECT_EQ(Stored("targets"), repository_.File("targets", 1));
}

TEST_F(SpecTest, OldFieldsOfKeysAndIdsThatAreNoHashesDoNoHarm) {
  const std::string old_id = KeyId(repository_.roles["timestamp"].listed.keys[0]);
  ChangeNextRoot([&](Json& root) {
    for (auto& [id, key] : *Member(root, "keys").object()) {
      key.object()->emplace("keyid_hash_algorithms", Json::Array{"sha256", "sha512"});
    }
    Json key = Member(Member(root, "keys"), old_id);
    Member(root, "keys").object()->erase(old_id);
    Member(root, "keys").object()->emplace("the clock on the wall", std::move(key));
    Member(root, "roles")
        .object()
        ->insert_or_assign("timestamp",
                           Json::Object{{"keyids", Json::Array{"the clock on the wall"}}, {"threshold", 1}});
  });
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("timestamp")));
  Json file = *ParseJson(repository_.File("timestamp", 0));
  Json signature = (*file.Find("signatures")->array())[0];
  signature.object()->insert_or_assign("keyid", "the clock on the wall");
  file.object()->insert_or_assign("signatures", Json::Array{signature});
  repository_.File("timestamp", 0) = file.Dump();
  EXPECT_THAT(Refresh(), IsOk());
}

PrivateKey RsaKey() {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  BIO* out = BIO_new(BIO_s_mem());
  EXPECT_EQ(PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  const auto made = PrivateKey::FromPem(std::string_view(data, static_cast<size_t>(size)));
  EXPECT_THAT(made, IsOk());
  BIO_free(out);
  EVP_PKEY_free(key);
  return *made;
}

TEST_F(SpecTest, RolesSignedWithRsaPssAreBelieved) {
  repository_.roles["snapshot"].signers = {RsaKey()};
  repository_.roles["snapshot"].listed.keys = {repository_.roles["snapshot"].signers[0].public_key()};
  repository_.PublishRoot();
  EXPECT_THAT(repository_.File("root", 2), HasSubstr("rsassa-pss-sha256"));
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), IsOk());
  EXPECT_EQ(updater_->version("snapshot"), 2u);
  std::string& bytes = repository_.File("snapshot", 2);
  bytes.replace(bytes.find("\"version\":2"), 11, "\"version\":3");
  ASSERT_THAT(store_.Delete("snapshot"), IsOk());
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("snapshot")));
}

TEST_F(SpecTest, ADelegatedRoleOfAnotherVersionThanTheSnapshotSaysIsRefused) {
  repository_.Delegate("targets", "A", {"*"});
  repository_.AddTarget("A", "f", "content");
  repository_.PublishTargets("A");
  repository_.PublishTargets("A");
  repository_.PublishAll();
  const std::string good = repository_.File("A", 2);
  repository_.File("A", 2) = repository_.File("A", 1);
  ASSERT_THAT(Refresh(), IsOk());
  EXPECT_THAT(Find("f"), StatusIs(Code::kFailedPrecondition, HasSubstr("A: has version 1, expected 2")));
  EXPECT_FALSE(Stored("A").has_value());
  repository_.File("A", 2) = good;
  ASSERT_OK_AND_ASSIGN(const auto found, Find("f"));
  EXPECT_TRUE(found.has_value());
}

TEST_F(SpecTest, ADelegatedRoleIsNotRolledBack) {
  repository_.Delegate("targets", "A", {"*"});
  repository_.PublishTargets("A");
  repository_.PublishTargets("A");
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  repository_.roles["A"].version = 0;
  repository_.PublishTargets("A");
  repository_.PublishAll();
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("A.json")));
}

TEST_F(SpecTest, AfterAFactoryResetAnOldRootServesNoLongerThanItsExpiry) {
  // Root 2 went wrong and root 3 took its keys away; a device that has forgotten all but root 1 is shown no
  // more than root 2, and what its old timestamp key signed.
  repository_.lifetime = absl::Hours(1);
  repository_.Rotate("timestamp");
  repository_.PublishRoot();
  repository_.PublishTimestamp();
  const std::string old_timestamp = repository_.File("timestamp", 0);
  repository_.lifetime = absl::Hours(24 * 365);
  repository_.Rotate("timestamp");
  repository_.PublishRoot();
  repository_.PublishAll();
  ASSERT_THAT(Refresh(), IsOk());
  ASSERT_EQ(updater_->version("root"), 3u);
  ASSERT_THAT(store_.StartOver(repository_.File("root", 1)), IsOk());
  const std::string newest = repository_.File("root", 3);
  repository_.files.erase({"root", 3});
  repository_.File("timestamp", 0) = old_timestamp;
  repository_.now += absl::Hours(2);
  EXPECT_THAT(Refresh(), StatusIs(Code::kFailedPrecondition, HasSubstr("root: expired")));
  EXPECT_FALSE(Requested("timestamp"));
  repository_.File("root", 3) = newest;  // who sees it is not fooled by that timestamp
  EXPECT_THAT(Refresh(), StatusIs(Code::kUnauthenticated, HasSubstr("timestamp")));
}

TEST_F(SpecTest, ATornFileInTheStoreIsFetchedAgain) {
  ASSERT_THAT(Refresh(), IsOk());
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    for (const std::string& torn : {Stored(role)->substr(0, 100), std::string(), std::string(500, '\0')}) {
      ASSERT_THAT(store_.Save(role, torn), IsOk());
      EXPECT_THAT(Refresh(), IsOk()) << role;
      EXPECT_EQ(Stored(role), repository_.File(role, role == "timestamp" ? 0 : 1)) << role;
    }
  }
}

TEST_F(SpecTest, AFullOrReadOnlyDiskIsSaidAndNothingIsLost) {
  ASSERT_THAT(Refresh(), IsOk());
  repository_.PublishRoot();
  repository_.PublishAll();
  for (const absl::Status& error : {absl::ResourceExhaustedError("no space left"),
                                    absl::PermissionDeniedError("read-only file system")}) {
    for (int n = 0; n < 16; ++n) {  // four changes for each of four files
      testing::TempDir dir;
      for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
        TrustStore copy(base::FileSystem::Real(), dir.path());
        ASSERT_THAT(copy.Save(role, *Stored(role)), IsOk());
      }
      testing::FaultyFiles faulty;
      TrustStore store(faulty, dir.path());
      faulty.FailAfter(n, error);
      ASSERT_OK_AND_ASSIGN(auto updater, Updater::Open(store, repository_.now));
      EXPECT_THAT(updater->Refresh(repository_), StatusIs(error.code())) << n;
      faulty.Repair();
      ASSERT_OK_AND_ASSIGN(updater, Updater::Open(store, repository_.now));
      EXPECT_GE(updater->version("root"), 1u);
      EXPECT_THAT(updater->Refresh(repository_), IsOk()) << n;
      EXPECT_EQ(updater->version("targets"), 2u);
    }
  }
}

TEST_F(SpecTest, VersionsBeyondAllNumbersAreRefused) {
  for (const char* version : {"9223372036854775808", "1.0", "1e1", "-1", "0", "\"1\"", "true", "null"}) {
    std::string text = repository_.File("timestamp", 0);
    const size_t at = text.rfind("\"version\":1");
    text.replace(at, 11, std::string("\"version\":") + version);
    repository_.File("timestamp", 0).swap(text);
    EXPECT_THAT(Refresh(), StatusIs(Code::kDataLoss)) << version;
    repository_.File("timestamp", 0).swap(text);
  }
  EXPECT_THAT(Refresh(), IsOk());
  repository_.roles["timestamp"].version = (uint64_t{1} << 63) - 2;
  repository_.PublishTimestamp();
  EXPECT_THAT(Refresh(), IsOk()) << "the highest that there is";
}

}  // namespace
}  // namespace linnet::trust
