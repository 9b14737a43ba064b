#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "tests/fleet/member_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

class FleetAgentTest : public MemberFixture {};

TEST_F(FleetAgentTest, TheCanaryInstallsThenTheRestOnItsReceipt) {
  const auto canary = NewMember("press-line-3");
  const auto second = NewMember("fridge-kitchen");
  EXPECT_EQ(canary->name(), "press-line-3");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  coordinator::TestDevice named;
  named.id = canary->id();
  named.pin = base::Hex(canary->agent->status().key_sha256);
  const SignedPlan plan = PublishPlan(model, {&named});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(RunUntil([&] { return canary->Committed() && second->Committed(); }))
      << canary->agent->status().update_state << " " << canary->agent->status().last_update_error << " / "
      << second->agent->status().update_state << " " << second->agent->status().last_update_error;
  EXPECT_EQ(canary->host->running(), model.bytes);
  EXPECT_EQ(second->host->running(), model.bytes);
  ASSERT_TRUE(RunUntil([&] { return canary->agent->status().update_state == "IDLE"; }));
  const FleetStatus status = canary->agent->status();
  EXPECT_TRUE(status.enrolled);
  EXPECT_TRUE(status.coordinator_reachable);
  EXPECT_EQ(status.last_update_error, "");
  EXPECT_EQ(status.coordinator, coordinator_->fleet_address());

  // The coordinator dies; the device starts again with its model.
  coordinator_.reset();
  canary->Restart();
  ASSERT_TRUE(canary->agent->WaitUntilModelLoaded(absl::Seconds(20)));
  EXPECT_EQ(canary->host->running(), model.bytes);
}

TEST_F(FleetAgentTest, AModelThatRotsIsFetchedAgainAndTheFleetHearsNothingOfIt) {
  const auto member = NewMember("fridge-kitchen");
  const Model model = SignModel("1", 60'000);
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  const auto runs = [&] {
    return member->host->running() == model.bytes && member->Committed() &&
           member->agent->status().update_state == "IDLE";
  };
  ASSERT_TRUE(RunUntil(runs)) << member->agent->status().last_update_error;
  ASSERT_TRUE(RunUntil([&] { return NewestRollout().state() == admin::v1::COMPLETED; }));
  const std::string file = member->dir / ("models/" + base::Hex(model.sha256));
  member->Kill();
  {
    std::fstream rots(file, std::ios::in | std::ios::out | std::ios::binary);
    rots.seekp(30'000);
    rots.put(static_cast<char>(~model.bytes[30'000]));
  }
  member->Restart();
  ASSERT_TRUE(member->agent->WaitUntilModelLoaded(absl::Seconds(20)));
  // It answers at once, and is hashed meanwhile.
  const auto is_mended = [&] {
    std::ostringstream bytes;
    bytes << std::ifstream(file, std::ios::binary).rdbuf();
    return bytes.str() == model.bytes;
  };
  ASSERT_TRUE(RunUntil([&] { return is_mended() && runs(); })) << member->agent->status().last_update_error;
  EXPECT_EQ(NewestRollout().state(), admin::v1::COMPLETED);
  EXPECT_EQ(NewestRollout().why(), "every device has reported");
}

TEST_F(FleetAgentTest, AnAgentThatIsStoppedOnPurposeLosesNoTrialStart) {
  const auto member = NewMember("fridge-kitchen");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const std::string file = member->dir / "offered.linnet";
  std::ofstream(file, std::ios::binary) << model.bytes;
  ASSERT_THAT(member->agent->OfferModel(file, ""), IsOk());
  // The clock stands still, so the trial goes on. A device has three starts for crashes.
  for (int start = 0; start < 5; ++start) {
    member->Restart();
    ASSERT_TRUE(member->agent->WaitUntilModelLoaded(absl::Seconds(20)));
    ASSERT_EQ(member->host->running(), model.bytes) << start;
    ASSERT_FALSE(member->Committed()) << start;
  }
  ASSERT_TRUE(RunUntil([&] { return member->Committed(); }));
}

TEST_F(FleetAgentTest, ItKnowsWhoIsRevokedFromTheSignedListWithTheCoordinatorGone) {
  const auto member = NewMember("fridge-kitchen");
  const auto stolen = NewMember("press-line-3");
  EXPECT_FALSE(member->agent->revocations().IsRevoked(stolen->id()));
  trust::RevokedList list{.version = 1, .devices = {}};
  ASSERT_THAT(list.Add({.device = base::Hex(stolen->id()),
                        .key_sha256 = base::Hex(stolen->agent->status().key_sha256),
                        .revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()))}),
              IsOk());
  const auto publication = site_->SignRevoked(list, CurrentMetadata());
  ASSERT_THAT(publication, IsOk());
  ASSERT_TRUE(PublishParts(publication->metadata, publication->small_targets).ok());
  ASSERT_TRUE(RunUntil([&] {
    return member->agent->revocations().IsRevoked(stolen->id()) &&
           stolen->agent->revocations().IsRevoked(stolen->id());
  }));
  EXPECT_FALSE(member->agent->revocations().IsRevoked(member->id()));
  EXPECT_EQ(member->agent->status().last_update_error, "");
  EXPECT_THAT(stolen->agent->status().last_update_error, HasSubstr("list of revoked devices"));
  EXPECT_THAT(stolen->agent->OfferModel("/none", "").status(), ::testing::Not(IsOk()));

  // What the operator's command asks for.
  coordinator::Context context;
  admin::v1::GetTargetRequest request;
  request.set_target(std::string(trust::kRevokedTarget));
  admin::v1::GetTargetResponse response;
  ASSERT_TRUE(admin().GetTarget(&context, request, &response).ok());
  EXPECT_EQ(response.content(), list.ToJson());
  request.set_target("plans/none.json");
  coordinator::Context unknown;
  EXPECT_EQ(admin().GetTarget(&unknown, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);

  coordinator_.reset();
  member->Restart();
  EXPECT_TRUE(member->agent->revocations().IsRevoked(stolen->id())) << "known before anything is asked";
}

TEST_F(FleetAgentTest, AFolderThatCannotBeUsedIsAnErrorThatNamesIt) {
  const linnet::testing::TempDir dir;
  std::ofstream(dir / "identity") << "a file where a folder belongs";
  const auto state = repo::StateDatabase::Open(dir / "state.db");
  ASSERT_THAT(state, IsOk());
  MemoryHost host;
  FleetAgentOptions options;
  options.state_dir = dir.path();
  const auto agent = FleetAgent::Create(options, **state, base::FileSystem::Real(), clock_, host);
  ASSERT_FALSE(agent.ok());
  EXPECT_THAT(agent.status().ToString(), HasSubstr("/identity"));
}

TEST_F(FleetAgentTest, EverythingThatItSaysIsInTheJournalFieldByField) {
  const auto member = NewMember("voice-hall");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  ASSERT_TRUE(
      RunUntil([&] { return member->Committed() && member->agent->status().update_state == "IDLE"; }));
  std::set<std::string> kinds_of_message, for_update, of_budget;
  uint64_t last_id = 0;
  for (const repo::UplinkMessage& message : member->uplink()) {
    kinds_of_message.insert(message.message);
    EXPECT_GT(message.id, last_id);
    last_id = message.id;
    uint64_t bytes = 0;
    for (const repo::UplinkField& field : message.fields) {
      bytes += field.bytes;
      EXPECT_NE(field.kind, "KIND_UNSPECIFIED") << field.name;
      EXPECT_NE(field.value, "") << field.name;
      // Numbers or hex: there is no way to say a word.
      EXPECT_EQ(field.value.find_first_not_of("0123456789abcdef"), std::string::npos) << field.name;
    }
    EXPECT_LE(bytes, message.bytes) << message.message;
    EXPECT_LE(message.bytes, bytes + 4 * message.fields.size() + 16) << message.message << ": tags only";
    EXPECT_LE(message.bytes, 1024U) << message.message;
    (message.for_update ? for_update : of_budget).insert(message.message);
  }
  // Until the plan was believed all is the budget's: the metadata, the plan, the index. What the update then
  // needs is beside it; looking into the metadata once more, right before it is activated, too.
  EXPECT_THAT(for_update, ::testing::UnorderedElementsAre("linnet.fleet.v1.GetMetadataRequest",
                                                          "linnet.fleet.v1.GetChunksRequest",
                                                          "linnet.fleet.v1.ReportRequest"));
  EXPECT_THAT(of_budget, ::testing::UnorderedElementsAre(
                             "linnet.fleet.v1.EnrollRequest", "linnet.fleet.v1.WatchRequest",
                             "linnet.fleet.v1.CheckInRequest", "linnet.fleet.v1.GetMetadataRequest",
                             "linnet.fleet.v1.GetChunksRequest", "linnet.fleet.v1.GetLogProofRequest"));
  EXPECT_THAT(kinds_of_message, ::testing::UnorderedElementsAre(
                                    "linnet.fleet.v1.EnrollRequest", "linnet.fleet.v1.WatchRequest",
                                    "linnet.fleet.v1.CheckInRequest", "linnet.fleet.v1.GetMetadataRequest",
                                    "linnet.fleet.v1.GetChunksRequest", "linnet.fleet.v1.GetLogProofRequest",
                                    "linnet.fleet.v1.ReportRequest"));
}

TEST_F(FleetAgentTest, WithNoUpdateUnderWayEveryByteIsOfTheBudget) {
  const auto member = NewMember("voice-hall");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());  // new metadata, no plan
  const auto asked = [&] {
    const auto uplink = member->uplink();
    return std::count_if(uplink.begin(), uplink.end(), [](const repo::UplinkMessage& message) {
      return message.message == "linnet.fleet.v1.GetMetadataRequest";
    });
  };
  ASSERT_TRUE(RunUntil([&] { return asked() >= 4 && member->agent->status().update_state == "IDLE"; }));
  EXPECT_THAT(member->state->Read([&]() -> absl::Status {
    const auto totals = repo::UplinkJournal(member->state->db()).Totals(clock_.Now());
    if (!totals.ok()) return totals.status();
    EXPECT_GT(totals->bytes_today, 0U);
    EXPECT_EQ(totals->bytes_today, totals->budget_bytes_today);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST_F(FleetAgentTest, AnIdleDeviceStaysWithinItsBudgetAndThenIsSilent) {
  Member member(clock_);
  member.budget = 400;
  member.Restart();
  ASSERT_THAT(member.agent->Enroll(NewToken("small-budget")), IsOk());
  ASSERT_TRUE(RunUntil([&] {
    EXPECT_THAT(member.agent->CheckNow(), IsOk());
    return member.agent->status().last_update_error.find("uplink") != std::string::npos;
  })) << member.agent->status().last_update_error;
  uint64_t counted = 0;
  for (const repo::UplinkMessage& message : member.uplink()) {
    if (!message.for_update) counted += message.bytes;
  }
  EXPECT_LE(counted, 400u);
}

TEST_F(FleetAgentTest, AStopReachesADeviceThatWatches) {
  const auto member = NewMember("press-line-3");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const SignedPlan plan = PublishPlan(model, {});
  ASSERT_TRUE(Start(plan).ok());
  ASSERT_TRUE(
      RunUntil([&] { return member->agent->status().update_state == "CONFIRM" || member->Committed(); }));
  coordinator::Context context;
  admin::v1::StopRolloutRequest stop;
  admin::v1::StopRolloutResponse response;
  ASSERT_TRUE(admin().StopRollout(&context, stop, &response).ok());
  if (!member->Committed()) {
    EXPECT_TRUE(RunUntil([&] {
      return member->Committed() || member->agent->status().last_update_error.find("held on trial") == 0;
    })) << member->agent->status().last_update_error;
  }
}

TEST_F(FleetAgentTest, OnlySignedFilesAreTaken) {
  const auto member = NewMember("fridge-kitchen");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const std::string file = member->dir / "model.linnet";
  std::string tampered = model.bytes;
  tampered[99] ^= 1;
  std::ofstream(file) << tampered;
  EXPECT_THAT(member->agent->OfferModel(file, model.target),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("differs from the signed")));
  EXPECT_THAT(member->agent->OfferModel(file, ""),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("no key that this device trusts")));
  EXPECT_EQ(member->host->running(), "");
  std::ofstream(file) << model.bytes;
  EXPECT_EQ(member->agent->OfferModel(file, "").value_or(""), model.target);
  EXPECT_EQ(member->host->running(), model.bytes);
  EXPECT_THAT(member->agent->OfferModel(member->dir / "nothing", ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("under way")));
}

TEST_F(FleetAgentTest, WithoutEnrolmentItWaitsAndSaysWhatToDo) {
  Member member(clock_);
  ASSERT_TRUE(member.agent->WaitUntilModelLoaded(absl::Seconds(20)));
  EXPECT_FALSE(member.agent->status().enrolled);
  EXPECT_EQ(member.agent->status().update_state, "IDLE");
  EXPECT_THAT(member.agent->CheckNow(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("device token")));
  EXPECT_THAT(member.agent->OfferModel("/x", ""), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(member.uplink().empty());
}

// Accepts connections and says nothing.
class BlackHole {
 public:
  BlackHole() {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~BlackHole() { close(fd_); }
  const std::string& address() const { return address_; }

 private:
  int fd_;
  std::string address_;
};

TEST_F(FleetAgentTest, StopsAtOnceWhateverItWaitsFor) {
  auto member = NewMember("press-line-3");
  // From now on the coordinator's place is held by something that accepts and says nothing.
  const BlackHole hole;
  ASSERT_THAT(member->state->Write([&]() -> absl::Status {
    return member->state->db().Execute(
        absl::StrCat("UPDATE enrolment SET coordinator='", hole.address(), "'"));
  }),
              IsOk());
  member->Restart();
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().update_state == "CHECK"; }));
  const auto start = std::chrono::steady_clock::now();
  member->agent->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace linnet::fleet
