// A coordinator that shows devices different metadata, and devices that meet as peers.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/fleet/hostile_coordinator.h"
#include "tests/fleet/peer_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::grpc::StatusCode;
using ::linnet::testing::IsOk;
using ::testing::HasSubstr;
using Kind = repo::LogEvidence::Kind;

class SplitViewTest : public PeerFixture {
 protected:
  void SetUp() override {
    a_ = NewPeer("press-line-3");
    b_ = NewPeer("fridge-kitchen");
    model_ = SignModel("1", 100'000);
    ASSERT_TRUE(Publish(model_).ok());
    plan_ = PublishPlan(model_, {});
    ASSERT_TRUE(RunUntil([&] { return Knows(*a_) && Knows(*b_); }));
  }
  static update::Witness::State Log(Member& member) {
    const auto log = member.agent->log();
    EXPECT_THAT(log, IsOk());
    return *log;
  }
  bool Knows(Member& member) { return Log(member).newest.has_value(); }
  static std::vector<Kind> Evidence(Member& member) {
    std::vector<Kind> kinds;
    for (const repo::LogEvidence& evidence : Log(member).evidence) kinds.push_back(evidence.kind);
    return kinds;
  }
  static bool Exchanged(const Member& member) {
    const auto messages = member.uplink();
    return std::any_of(messages.begin(), messages.end(), [](const repo::UplinkMessage& message) {
      return message.message == "linnet.peer.v1.ExchangeHeadsRequest";
    });
  }
  void Steal() {
    honest_ = CurrentMetadata();
    const std::string address = coordinator_->fleet_address();
    admin_.reset();
    coordinator_.reset();
    thief_ =
        std::make_unique<HostileCoordinator>(dir_ / "site/coordinator", config_.state_dir, address, clock_);
    thief_->Serve(honest_);
    thief_->AddModel(model_.bytes, model_.index_json);
    thief_->AddFile(plan_.json);
  }
  void Offer() {
    fleet::v1::CheckInResponse answer;
    answer.set_plan(plan_.target);
    thief_->Answer(answer);
  }
  // `b_` was off while the thief showed it another log than the rest; `a_` has installed what was signed, and
  // serves it.
  void Part() {
    b_->Kill();
    thief_->ServeTo(b_id_, honest_);
    thief_->Serve(honest_);
    Offer();
    ASSERT_TRUE(RunUntil([&] { return a_->Committed() && thief_->PeerPort(a_->id()) != 0; }))
        << a_->agent->status().last_update_error;
    thief_->NamePeers({absl::StrCat("127.0.0.1:", thief_->PeerPort(a_->id()))});
  }

  std::unique_ptr<Member> a_, b_;
  std::string b_id_;
  Model model_;
  SignedPlan plan_;
  std::map<std::string, std::string> honest_;
  std::unique_ptr<HostileCoordinator> thief_;
};

TEST_F(SplitViewTest, OfAnHonestCoordinatorDevicesThatMeetSeeNothing) {
  ASSERT_TRUE(Start(plan_).ok());
  ASSERT_TRUE(RunUntil([&] { return a_->Committed() && b_->Committed(); }));
  const auto third = NewPeer("voice-hall");
  ASSERT_TRUE(RunUntil([&] { return third->Committed(); })) << third->agent->status().last_update_error;
  EXPECT_TRUE(Exchanged(*third));
  clock_.Advance(absl::Hours(13));
  coordinator_->Tick();
  RestartCoordinator();
  // Restarted on other ports: the members keep what they know; so do those that come back.
  for (Member* member : {a_.get(), b_.get(), third.get()}) {
    member->Restart();
    EXPECT_TRUE(Evidence(*member).empty());
    EXPECT_TRUE(Knows(*member));
    EXPECT_EQ(member->agent->status().last_update_error.find("log"), std::string::npos);
  }
}

TEST_F(SplitViewTest, DifferentTimestampsForTwoDevicesAreSeenByBothWhenTheyMeet) {
  b_id_ = b_->id();
  Steal();
  Part();
  b_->Restart();
  ASSERT_TRUE(RunUntil([&] { return !Evidence(*a_).empty() && !Evidence(*b_).empty(); }))
      << b_->agent->status().last_update_error;
  EXPECT_TRUE(Exchanged(*b_));
  for (Member* member : {a_.get(), b_.get()}) {
    EXPECT_THAT(Evidence(*member), ::testing::Contains(Kind::kSplit));
    EXPECT_TRUE(Log(*member).holding.has_value());
    EXPECT_THAT(member->agent->status().last_update_error, HasSubstr("exclude each other"));
  }
  EXPECT_EQ(a_->host->running(), model_.bytes) << "what runs goes on";
  const int before = thief_->check_ins();
  ASSERT_TRUE(RunUntil([&] { return thief_->check_ins() >= before + 6; }));
  EXPECT_EQ(b_->host->running(), "") << "and nothing new is begun";
  b_->Restart();
  EXPECT_TRUE(Log(*b_).holding.has_value());
}

TEST_F(SplitViewTest, LogsOfDifferentSizesAreSeenWhenTheThiefCannotJoinThem) {
  b_id_ = b_->id();
  Steal();
  thief_->Pad("");
  Part();
  thief_->Pad(b_id_);
  b_->Restart();
  ASSERT_TRUE(RunUntil([&] { return !Evidence(*a_).empty() && !Evidence(*b_).empty(); }))
      << b_->agent->status().last_update_error;
  EXPECT_THAT(Evidence(*a_), ::testing::Contains(Kind::kNotGrown));
  EXPECT_THAT(Evidence(*b_), ::testing::Contains(Kind::kNotGrown));
  EXPECT_EQ(b_->host->running(), "");
}

TEST_F(SplitViewTest, AfterTheOwnerHasLookedIntoItTheDeviceGoesOn) {
  b_id_ = b_->id();
  Steal();
  Part();
  b_->Restart();
  ASSERT_TRUE(RunUntil([&] { return !Evidence(*b_).empty(); }));
  a_->Kill();  // else they meet again
  thief_->NamePeers({});
  ASSERT_THAT(b_->agent->ForgetLog(), IsOk());
  EXPECT_TRUE(Evidence(*b_).empty());
  ASSERT_TRUE(RunUntil([&] { return b_->Committed(); })) << b_->agent->status().last_update_error;
  EXPECT_EQ(b_->host->running(), model_.bytes);
}

TEST_F(SplitViewTest, AThiefThatHidesTheLogIsNotFollowed) {
  Steal();
  thief_->HideLog();
  Offer();
  const int before = thief_->check_ins();
  ASSERT_TRUE(RunUntil([&] { return thief_->check_ins() >= before + 6; }));
  EXPECT_EQ(a_->host->running(), "");
  EXPECT_THAT(a_->agent->status().last_update_error, HasSubstr("no more"));
  EXPECT_TRUE(Evidence(*a_).empty());
}

// What lying members can make a device see, on either end: nothing.
TEST_F(SplitViewTest, LyingPeersRaiseNoAlarm) {
  const auto liar = NewDevice("liar");
  BadPeer lies(BadPeer::Kind::kLies, liar->Identity());
  const base::PrivateKey own = base::PrivateKey::Generate(base::KeyType::kEd25519);
  audit::MerkleTree tree;
  while (tree.size() < Log(*a_).newest->size) tree.Append(std::string(32, 'l'));
  const audit::LogHead foreign = *audit::SignHead(tree, own);
  lies.head.set_size(foreign.size);
  lies.head.set_root_sha256(foreign.root);
  lies.head.set_signature(foreign.signature);
  Claim(*liar, model_, lies.port());
  ASSERT_TRUE(Start(plan_).ok());
  ASSERT_TRUE(RunUntil([&] { return a_->Committed() && b_->Committed(); }));
  EXPECT_GE(lies.exchanges(), 1);
  EXPECT_TRUE(Evidence(*a_).empty());
  EXPECT_TRUE(Evidence(*b_).empty());

  // At the door.
  std::set<std::string> doors;
  ASSERT_TRUE(RunUntil([&] {
    doors = PeersThatRun(*liar, ModelHash(model_));
    return doors.size() >= 2;
  }));
  const auto call = [&](const peer::v1::ExchangeHeadsRequest& request) {
    // Once a second for each device.
    std::this_thread::sleep_for(std::chrono::milliseconds(1050));
    StatusCode code = StatusCode::OK;
    for (const std::string& door : doors) {
      coordinator::Context context;
      peer::v1::ExchangeHeadsResponse response;
      const auto stub = peer::v1::Peer::NewStub(Door(door, liar->Identity()));
      code = stub->ExchangeHeads(&context, request, &response).error_code();
    }
    return code;
  };
  peer::v1::ExchangeHeadsRequest request;
  request.set_protocol(1);
  EXPECT_EQ(call(request), StatusCode::OK) << "it has none";
  *request.mutable_head() = lies.head;
  EXPECT_EQ(call(request), StatusCode::OK);
  request.mutable_head()->set_signature(std::string(64, 's'));
  EXPECT_EQ(call(request), StatusCode::OK);
  request.mutable_head()->set_signature("short");
  EXPECT_EQ(call(request), StatusCode::INVALID_ARGUMENT);
  *request.mutable_head() = lies.head;
  request.mutable_head()->set_size(~uint64_t{0});
  EXPECT_EQ(call(request), StatusCode::INVALID_ARGUMENT);
  *request.mutable_head() = lies.head;
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(9)->assign("a word");
  EXPECT_EQ(call(request), StatusCode::INVALID_ARGUMENT);
  request.Clear();
  request.set_protocol(2);
  EXPECT_EQ(call(request), StatusCode::FAILED_PRECONDITION);
  for (Member* member : {a_.get(), b_.get()}) {
    EXPECT_TRUE(Evidence(*member).empty());
    EXPECT_EQ(member->agent->status().last_update_error, "");
  }
}

TEST_F(SplitViewTest, ADoorSaysWhatItsDeviceKnowsToMembersOnlyAndNotTooOften) {
  ASSERT_TRUE(Start(plan_).ok());
  ASSERT_TRUE(RunUntil([&] { return a_->Committed() && b_->Committed(); }));
  const auto asker = NewDevice("asker");
  std::set<std::string> doors;
  ASSERT_TRUE(RunUntil([&] {
    doors = PeersThatRun(*asker, ModelHash(model_));
    return !doors.empty();
  }));
  peer::v1::ExchangeHeadsRequest request;
  request.set_protocol(1);
  const auto stub = peer::v1::Peer::NewStub(Door(*doors.begin(), asker->Identity()));
  coordinator::Context first, second;
  peer::v1::ExchangeHeadsResponse response;
  ASSERT_TRUE(stub->ExchangeHeads(&first, request, &response).ok());
  EXPECT_GT(response.head().size(), 0u);
  EXPECT_EQ(stub->ExchangeHeads(&second, request, &response).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  coordinator::Context third;
  EXPECT_EQ(peer::v1::Peer::NewStub(Door(*doors.begin(), std::nullopt))
                ->ExchangeHeads(&third, request, &response)
                .error_code(),
            StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace linnet::fleet
