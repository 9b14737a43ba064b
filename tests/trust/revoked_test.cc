#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "storage/trust/revoked_list.h"
#include "tests/trust/site_fixture.h"

namespace linnet::trust {
namespace {

using linnet::testing::IsOk;
using linnet::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int64_t kWhen = 1893456000;

std::string IdOf(size_t n) {
  const std::string digits = absl::StrCat(n);
  return std::string(32 - digits.size(), '0') + digits;
}

RevokedDevice Device(size_t n, bool with_key = true) {
  return {.device = IdOf(n),
          .key_sha256 = with_key ? IdOf(n) + IdOf(7) : "",
          .revoked = absl::FromUnixSeconds(kWhen + static_cast<int64_t>(n))};
}

RevokedList ListOf(uint64_t version, size_t devices) {
  RevokedList list{.version = version, .devices = {}};
  for (size_t n = 1; n <= devices; ++n) EXPECT_THAT(list.Add(Device(n)), IsOk());
  return list;
}

TEST(RevokedListTest, SurvivesItsJson) {
  RevokedList list{.version = 3, .devices = {}};
  for (const size_t n : {5, 1, 3}) ASSERT_THAT(list.Add(Device(n, n != 3)), IsOk());
  EXPECT_THAT(list.Add(Device(3)), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(IdOf(3))));
  ASSERT_OK_AND_ASSIGN(const RevokedList read, RevokedList::FromJson(list.ToJson()));
  EXPECT_EQ(read.ToJson(), list.ToJson());
  EXPECT_EQ(read.version, 3u);
  ASSERT_EQ(read.devices.size(), 3u);
  ASSERT_NE(read.Find(IdOf(5)), nullptr);
  EXPECT_EQ(read.Find(IdOf(5))->key_sha256, Device(5).key_sha256);
  EXPECT_EQ(read.Find(IdOf(5))->revoked, absl::FromUnixSeconds(kWhen + 5));
  EXPECT_EQ(read.Find(IdOf(3))->key_sha256, "") << "a key that nobody knew";
  EXPECT_EQ(read.Find(IdOf(2)), nullptr);
  EXPECT_EQ(read.Find(""), nullptr);
  EXPECT_THAT(RevokedList::FromJson(ListOf(1, 0).ToJson()), IsOk()) << "nobody is revoked (any more)";
}

TEST(RevokedListTest, RefusesEveryFieldThatIsMissingOrWrong) {
  const std::string good = ListOf(2, 2).ToJson();
  const auto refused = [&](std::string_view from, std::string_view to, std::string_view why) {
    std::string json = good;
    const size_t at = json.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    json.replace(at, from.size(), to);
    EXPECT_THAT(RevokedList::FromJson(json),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(std::string(why))))
        << json;
  };
  refused("linnet-revoked-1", "linnet-revoked-2", "format");
  for (const char* name : {"format", "version", "devices", "device", "revoked"}) {
    refused(absl::StrCat("\"", name, "\":"), absl::StrCat("\"x", name, "\":"), name);
  }
  refused("\"version\":2", "\"version\":0", "version");
  refused("\"version\":2", "\"version\":-2", "version");
  refused("\"version\":2", "\"version\":9223372036854775807", "version");
  refused("\"version\":2", "\"version\":\"2\"", "version");
  refused("\"revoked\":1893456001", "\"revoked\":-1", "revoked");
  refused("\"revoked\":1893456001", "\"revoked\":1e9", "");
  refused(IdOf(1), IdOf(1).substr(1), "device");
  refused(IdOf(1), "A" + IdOf(1).substr(1), "device");
  refused(IdOf(1) + IdOf(7), IdOf(1), "key_sha256");
  for (const char* text : {"", "{}", "[]", "null", "\"linnet-revoked-1\""}) {
    EXPECT_THAT(RevokedList::FromJson(text), StatusIs(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(RevokedListTest, TakesTheCanonicalFormOnly) {
  const std::string good = ListOf(2, 2).ToJson();
  const auto replaced = [&](std::string_view from, std::string_view to) {
    std::string json = good;
    const size_t at = json.find(from);
    return at == std::string::npos ? std::string() : json.replace(at, from.size(), to);
  };
  for (const std::string& json :
       {good + "\n", " " + good, replaced(",\"version\"", ", \"version\""),
        replaced("\"version\":2", "\"version\":2,\"why\":\"stolen\""),
        replaced("\"revoked\":1893456001", "\"revoked\":1893456001,\"z\":1"),
        replaced("\"version\":2", "\"version\":2,\"version\":2"), replaced(IdOf(1), IdOf(2)),
        replaced(IdOf(1), IdOf(3)), replaced("linnet-revoked-1", "linnet-revoked\\u002d1")}) {
    ASSERT_FALSE(json.empty());
    EXPECT_THAT(RevokedList::FromJson(json), StatusIs(absl::StatusCode::kDataLoss)) << json;
  }
}

TEST(RevokedListTest, IsBounded) {
  RevokedList full = ListOf(9, kMostRevoked);
  const std::string json = full.ToJson();
  EXPECT_LT(json.size(), kMaxRevokedBytes);
  EXPECT_THAT(RevokedList::FromJson(json), IsOk());
  EXPECT_THAT(full.Add(Device(kMostRevoked + 1)),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4096")));
  full.devices.push_back(Device(kMostRevoked + 1));
  EXPECT_THAT(RevokedList::FromJson(full.ToJson()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(RevokedList::FromJson(std::string(kMaxRevokedBytes + 1, ' ')),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("bytes")));
  EXPECT_THAT(RevokedList::FromJson(std::string(100'000, '[')), StatusIs(absl::StatusCode::kDataLoss));
}

class SiteRevokedTest : public SiteTest {
 protected:
  void Publish(const Publication& publication) {
    ASSERT_THAT(repository_->Publish(publication.metadata), IsOk());
  }
};

TEST_F(SiteRevokedTest, SignsAListThatClientsFind) {
  ASSERT_OK_AND_ASSIGN(const auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(RevokedList list, site->Revoked({}, {}));
  EXPECT_EQ(list.version, 0u) << "none yet";
  ASSERT_OK_AND_ASSIGN(auto none, ClientFinds(std::string(kRevokedTarget)));
  EXPECT_FALSE(none.has_value());
  list = ListOf(1, 2);
  ASSERT_OK_AND_ASSIGN(const Publication first, site->SignRevoked(list, {}));
  EXPECT_EQ(first.small_targets.at(std::string(kRevokedTarget)), list.ToJson());
  Publish(first);
  ASSERT_OK_AND_ASSIGN(auto found, ClientFinds(std::string(kRevokedTarget)));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->role, "plans");
  EXPECT_EQ(found->length, list.ToJson().size());
  ASSERT_OK_AND_ASSIGN(const Publication again, site->SignRevoked(list, repository_->Current()));
  EXPECT_TRUE(again.metadata.empty()) << "the same list again is nothing new";

  ASSERT_THAT(list.Add(Device(9)), IsOk());
  ++list.version;
  ASSERT_OK_AND_ASSIGN(const Publication second, site->SignRevoked(list, repository_->Current()));
  Publish(second);
  ASSERT_OK_AND_ASSIGN(found, ClientFinds(std::string(kRevokedTarget)));
  EXPECT_EQ(found->length, list.ToJson().size());
  ASSERT_OK_AND_ASSIGN(const RevokedList read, site->Revoked({}, repository_->Current()));
  EXPECT_EQ(read.ToJson(), list.ToJson());
}

TEST_F(SiteRevokedTest, ItsVersionNeverGoesBack) {
  ASSERT_OK_AND_ASSIGN(const auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication first, site->SignRevoked(ListOf(5, 3), {}));
  Publish(first);
  for (const uint64_t version : {1, 4, 5}) {
    EXPECT_THAT(site->SignRevoked(ListOf(version, 2), repository_->Current()),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 5 is signed")));
  }
  EXPECT_THAT(site->SignRevoked(ListOf(0, 4), repository_->Current()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("version")));
}

TEST_F(SiteRevokedTest, OutlivesANewPlansKeyAndRenewals) {
  ASSERT_OK_AND_ASSIGN(const auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication first, site->SignRevoked(ListOf(1, 3), {}));
  Publish(first);
  for (const bool rotate : {true, false}) {
    const auto change = rotate ? site->RotateKey("plans", "", repository_->Current())
                               : site->Renew({"plans"}, absl::ZeroDuration(), repository_->Current());
    ASSERT_THAT(change, IsOk());
    ASSERT_OK_AND_ASSIGN(const Publication adopted, site->Adopt(*change, repository_->Current()));
    Publish(adopted);
    ASSERT_OK_AND_ASSIGN(const auto found, ClientFinds(std::string(kRevokedTarget)));
    EXPECT_TRUE(found.has_value());
    ASSERT_OK_AND_ASSIGN(const RevokedList read, site->Revoked({}, repository_->Current()));
    EXPECT_EQ(read.devices.size(), 3u);
  }
}

TEST_F(SiteRevokedTest, AListWhosePublicationFailedGoesOutWithTheNextOne) {
  ASSERT_OK_AND_ASSIGN(const auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication model, site->PublishModel(Release(), {}));
  Publish(model);
  ASSERT_THAT(site->SignRevoked(ListOf(1, 3), repository_->Current()), IsOk());  // and never published
  const std::string list = ListOf(1, 3).ToJson();
  ASSERT_OK_AND_ASSIGN(const Publication left, site->Unpublished(repository_->Current()));
  EXPECT_EQ(left.small_targets.at(std::string(kRevokedTarget)), list);
  ASSERT_OK_AND_ASSIGN(const Publication plan,
                       site->SignPlan(PlanFor(model.targets[0]), repository_->Current()));
  EXPECT_EQ(plan.small_targets.size(), 2u);
  EXPECT_EQ(plan.small_targets.at(std::string(kRevokedTarget)), list);
  EXPECT_NE(plan.targets.at(0).path, kRevokedTarget);
  Publish(plan);
  ASSERT_OK_AND_ASSIGN(const Publication none, site->Unpublished(repository_->Current()));
  EXPECT_TRUE(none.metadata.empty());
  EXPECT_TRUE(none.small_targets.empty());
}

TEST_F(SiteRevokedTest, AnotherMachineGetsItFromTheCoordinatorAndBelievesTheHashOnly) {
  ASSERT_OK_AND_ASSIGN(const auto site, OpenSite());
  ASSERT_OK_AND_ASSIGN(const Publication first, site->SignRevoked(ListOf(1, 3), {}));
  Publish(first);
  std::filesystem::remove_all(site_dir_ + "/revoked");
  const auto current = repository_->Current();
  EXPECT_THAT(site->Revoked({}, current),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linnet site revoked")));
  const auto liar = [](std::string_view) -> absl::StatusOr<std::string> { return ListOf(1, 2).ToJson(); };
  EXPECT_THAT(site->Revoked(liar, current), StatusIs(absl::StatusCode::kPermissionDenied));
  const auto gone = [](std::string_view) -> absl::StatusOr<std::string> {
    return absl::UnavailableError("nobody there");
  };
  EXPECT_THAT(site->Revoked(gone, current), StatusIs(absl::StatusCode::kUnavailable));
  const auto honest = [](std::string_view target) -> absl::StatusOr<std::string> {
    EXPECT_EQ(target, kRevokedTarget);
    return ListOf(1, 3).ToJson();
  };
  ASSERT_OK_AND_ASSIGN(const RevokedList fetched, site->Revoked(honest, current));
  EXPECT_EQ(fetched.devices.size(), 3u);
  EXPECT_THAT(site->Revoked({}, current), IsOk()) << "kept from then on";
  ASSERT_THAT(fs_.WriteFileAtomic(
                  absl::StrCat(site_dir_, "/revoked/", base::Hex(base::Sha256(fetched.ToJson())), ".json"),
                  "damaged"),
              IsOk());
  EXPECT_THAT(site->Revoked(honest, current), IsOk()) << "a damaged copy is fetched again";
}

}  // namespace
}  // namespace linnet::trust
