// The coordinator's host and every key of the fleet are stolen, and a whole agent with its owner's data is in
// reach. The thief tries each door of the device with each certificate that these keys can make, asks as the
// coordinator, and reads what the device says by itself: nothing of the owner's is in any of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/agent.h"
#include "coordinator/site_files.h"
#include "linnet/agent/v1/agent.grpc.pb.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "tests/fleet/hostile_coordinator.h"
#include "tests/fleet/peer_fixture.h"
#include "tests/support/hostile_rpc.h"

namespace linnet::fleet {
namespace {

using ::grpc::StatusCode;
using ::linnet::testing::AnswerCodes;
using ::testing::HasSubstr;
using ::testing::Not;

// Words that are nowhere but in what the owner said and has.
constexpr const char* kStock = "quincegrove";
constexpr const char* kRoom = "zimmerwald";
constexpr const char* kChannel = "flumevibration";
constexpr const char* kQuestion = "Turn on the light in the zimmerwald";
constexpr const char* kGrant = "zweitgeraet";

class RedTeamUserDataTest : public PeerFixture {
 protected:
  void SetUp() override {
    model_ = SignModel("1");
    ASSERT_TRUE(Publish(model_).ok());
    agent::Config config;
    config.state_dir = home_ / "state";
    config.token = NewToken("press-line-3");
    config.listen = config.http = "127.0.0.1:0";
    config.peers = "127.0.0.1:0";
    config.check_in_seconds = 1;
    config.threads = 1;
    agent::StartFailure failure;
    agent_ = agent::Agent::Start(config, clock_, "1.2.3", &failure);
    ASSERT_NE(agent_, nullptr) << failure.status;
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(agent_->ready_text(), '\n'))) {
      if (line.starts_with("grpc=")) door_ = line.substr(5);
      if (line.starts_with("device=")) id_ = base::UnHex(line.substr(7)).value_or("");
    }
    ASSERT_EQ(id_.size(), 16U);
    GiveData();
  }
  void GiveData() {
    const auto stub = agent::v1::Agent::NewStub(grpc::CreateChannel(
        absl::StrCat("unix:", home_ / "state/agent.sock"), grpc::InsecureChannelCredentials()));
    const auto took = [](const grpc::Status& status) { EXPECT_TRUE(status.ok()) << status.error_message(); };
    coordinator::Context a, b, c, d, e;
    agent::v1::SetInventoryRequest stock;
    stock.add_items()->set_name(kStock);
    stock.mutable_items(0)->set_quantity(1);
    agent::v1::SetInventoryResponse stocked;
    took(stub->SetInventory(&a, stock, &stocked));
    agent::v1::IngestResponse ingested;
    const auto writer = stub->Ingest(&b, &ingested);
    agent::v1::IngestRequest readings;
    readings.set_channel(kChannel);
    readings.set_unit("mm/s");
    readings.add_readings()->set_value(987.125);
    writer->Write(readings);
    writer->WritesDone();
    took(writer->Finish());
    agent::v1::AskRequest question;
    question.set_text(kQuestion);
    agent::v1::AskResponse answer;
    stub->Ask(&c, question, &answer);  // kept or refused: it was said
    agent::v1::CreateGrantRequest grant;
    grant.set_name(kGrant);
    grant.add_scopes("read-data");
    took(stub->CreateGrant(&d, grant, &grant_));
    // Control: with the owner's own grant the data are there to be read.
    agent::v1::PrivacyJournalResponse journal;
    e.AddMetadata("authorization", "Bearer " + grant_.bearer_token());
    took(agent::v1::Agent::NewStub(Door(door_, std::nullopt))->PrivacyJournal(&e, {}, &journal));
  }
  void Steal() {
    const auto honest = CurrentMetadata();
    const std::string address = coordinator_->fleet_address();
    site_files_ = *coordinator::LoadSiteFiles(base::FileSystem::Real(), config_.site_dir);
    admin_.reset();
    coordinator_.reset();
    thief_ =
        std::make_unique<HostileCoordinator>(dir_ / "site/coordinator", config_.state_dir, address, clock_);
    thief_->Serve(honest);
    thief_->Answer({});
  }
  // By the stolen device authority, for a key of the thief's.
  net::TlsIdentity Issued(const std::string& uri, base::CertificateUse use) const {
    const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
    base::CertificateRequest request;
    request.common_name = uri;
    request.uri = uri;
    request.use = use;
    request.not_before = clock_.Now() - absl::Hours(1);
    request.not_after = clock_.Now() + absl::Hours(1);
    const auto leaf =
        base::Issue(site_files_->device_ca, site_files_->device_ca_key, key.public_key(), request);
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return {leaf->ToPem() + site_files_->device_ca.ToPem(), key.ToPem()};
  }
  static AnswerCodes Try(const std::string& address, std::optional<net::TlsIdentity> identity) {
    return linnet::testing::CallWithHostileMessages(Door(address, std::move(identity)),
                                                    *agent::v1::AskRequest::descriptor()->file()->service(0),
                                                    2, 20261130, std::chrono::milliseconds(2000));
  }

  linnet::testing::TempDir home_{true};
  std::unique_ptr<agent::Agent> agent_;
  std::string door_, id_;
  Model model_;
  agent::v1::CreateGrantResponse grant_;
  std::optional<coordinator::SiteFiles> site_files_;
  std::unique_ptr<HostileCoordinator> thief_;
};

TEST_F(RedTeamUserDataTest, NoCertificateOfTheStolenKeysOpensTheOwnersDoor) {
  Steal();
  const std::string id = base::Hex(id_);
  std::vector<std::pair<std::string, net::TlsIdentity>> identities = {
      {"the coordinator's own", site_files_->server}};
  for (const base::CertificateUse use : {base::CertificateUse::kClient, base::CertificateUse::kServer}) {
    for (const std::string& uri :
         {absl::StrCat(std::string(base::kDeviceUri), id), absl::StrCat(std::string(base::kOwnerUri), id),
          absl::StrCat(std::string(base::kOwnerUri), grant_.id()),
          absl::StrCat(std::string(base::kOperatorUri), "anna"), std::string(base::kCoordinatorUri)}) {
      identities.emplace_back(uri, Issued(uri, use));
    }
  }
  for (const auto& [who, identity] : identities) {
    const AnswerCodes codes = Try(door_, identity);
    EXPECT_EQ(codes.size(), 1U) << who;
    EXPECT_GT(codes.count(StatusCode::UNAVAILABLE), 0U) << who << ": not even a handshake";
  }
  const AnswerCodes nobody = Try(door_, std::nullopt);
  EXPECT_EQ(nobody.count(StatusCode::OK), 0U);
  EXPECT_GT(nobody.count(StatusCode::UNAUTHENTICATED), 0U);
}

TEST_F(RedTeamUserDataTest, AMemberOfItsOwnMakingGetsPublishedChunksFromADeviceAndNothingElse) {
  Steal();
  ASSERT_TRUE(RunUntil([&] { return thief_->PeerPort(id_) != 0; })) << "its door for peers is open";
  const std::string peers = absl::StrCat("127.0.0.1:", thief_->PeerPort(id_));
  const net::TlsIdentity member = Issued(absl::StrCat(std::string(base::kDeviceUri), std::string(32, 'b')),
                                         base::CertificateUse::kClient);
  const AnswerCodes codes = Try(peers, member);
  EXPECT_EQ(codes.size(), 1U);
  EXPECT_GT(codes.count(StatusCode::UNIMPLEMENTED), 0U) << "the owner's service is not there";
  // By the hash of what it guesses: of words, and of whole files of the device.
  std::vector<std::string> guesses;
  for (const char* text : {kStock, kRoom, kChannel, kQuestion, kGrant}) {
    guesses.emplace_back(base::AsView(base::Sha256(text)));
  }
  std::vector<std::string> files = {"user/user.db", "user/key", "state.db"};
  const auto keys = base::FileSystem::Real().List(home_ / "state/identity");
  ASSERT_TRUE(keys.ok()) << keys.status();
  for (const std::string& key : *keys) files.push_back("identity/" + key);
  for (const std::string& file : files) {
    const auto bytes = base::FileSystem::Real().ReadFile(home_ / ("state/" + file), 64 << 20);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    guesses.emplace_back(base::AsView(base::Sha256(*bytes)));
  }
  EXPECT_GE(guesses.size(), 9U);
  for (const std::string& guess : guesses) {
    const Fetched fetched = Fetch(Door(peers, member), {guess});
    EXPECT_EQ(fetched.status.error_code(), StatusCode::NOT_FOUND);
    EXPECT_TRUE(fetched.chunks.empty());
  }
}

TEST_F(RedTeamUserDataTest, WhatTheDeviceSaysToTheThiefHasNothingOfTheOwners) {
  const SignedPlan plan = PublishPlan(model_, {});
  Steal();
  thief_->AddModel(model_.bytes, model_.index_json);
  thief_->AddFile(plan.json);
  fleet::v1::CheckInResponse answer;
  answer.set_plan(plan.target);
  thief_->Answer(answer);  // signed, so the device has much to do, and fails: these bytes are no model
  ASSERT_TRUE(RunUntil([&] { return !thief_->reports().empty() && thief_->check_ins() >= 5; }));
  std::string all;
  for (const std::string& message : thief_->heard()) all += message;
  for (const std::string& beside : thief_->heard_beside()) all += beside;
  std::transform(all.begin(), all.end(), all.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  EXPECT_GT(all.size(), 500U);
  for (const char* word : {kStock, kRoom, kChannel, "light", kGrant, "press-line", "mm/s"}) {
    EXPECT_THAT(all, Not(HasSubstr(word)));
  }
  EXPECT_THAT(all, Not(HasSubstr(grant_.bearer_token())));
}

}  // namespace
}  // namespace linnet::fleet
