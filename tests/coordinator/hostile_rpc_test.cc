// Every call of fleet.proto and admin.proto with requests that no honest caller makes, over real TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/hostile_rpc.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using testing::AnswerCodes;
using testing::CallWithHostileMessages;
using testing::HostileRounds;
using testing::UnclearAnswers;

constexpr uint64_t kSeed = 20261129;
constexpr milliseconds kPatience(300);  // Watch is open until then

class HostileRpcTest : public FleetFixture {
 protected:
  std::shared_ptr<grpc::Channel> Channel(const std::string& address,
                                         std::optional<net::TlsIdentity> identity) {
    auto credentials =
        net::ClientCredentials(std::move(identity), [](const auto&) { return absl::OkStatus(); });
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(address, *credentials, arguments);
  }
  static const google::protobuf::ServiceDescriptor& FleetService() {
    return *fleet::v1::EnrollRequest::descriptor()->file()->service(0);
  }
  static const google::protobuf::ServiceDescriptor& AdminService() {
    return *admin::v1::StatusRequest::descriptor()->file()->service(0);
  }
  // Everything that the coordinator tells an operator but the time and the memory it takes.
  std::string State() {
    std::string all;
    admin::v1::ListDevicesResponse devices;
    Context a;
    EXPECT_TRUE(admin().ListDevices(&a, {}, &devices).ok());
    admin::v1::ListRolloutsResponse rollouts;
    Context b;
    EXPECT_TRUE(admin().ListRollouts(&b, {}, &rollouts).ok());
    for (const auto& [role, bytes] : CurrentMetadata()) all += role + bytes;
    return devices.SerializeAsString() + rollouts.SerializeAsString() + all;
  }
  // A fleet in the middle of a rollout, with a device that checks in.
  void Begin() {
    device_ = NewDevice("press");
    fleet::v1::CheckInResponse response;
    EXPECT_TRUE(CheckIn(*device_, &response).ok());
    const Model model = SignModel("1");
    EXPECT_TRUE(Publish(model).ok());
    EXPECT_TRUE(Start(PublishPlan(model, {device_.get()})).ok());
  }
  void ExpectItServes() {
    fleet::v1::CheckInResponse response;
    EXPECT_TRUE(CheckIn(*device_, &response).ok());
    EXPECT_NE(NewDevice("another"), nullptr);
  }

  std::unique_ptr<TestDevice> device_;
};

TEST_F(HostileRpcTest, FromNobodyOnTheFleetPortChangesNothing) {
  Begin();
  const std::string before = State();
  const AnswerCodes codes = CallWithHostileMessages(
      Channel(coordinator_->fleet_address(), std::nullopt),
      *fleet::v1::EnrollRequest::descriptor()->file()->service(0), HostileRounds(60), kSeed, kPatience);
  EXPECT_EQ(UnclearAnswers(codes), "");
  EXPECT_EQ(codes.count(StatusCode::OK), 0U);
  EXPECT_TRUE(State() == before);
  ExpectItServes();
}

TEST_F(HostileRpcTest, FromAMemberTheyChangeNobodyElse) {
  Begin();
  const auto enemy = NewDevice("enemy");
  const auto others = [&] {
    admin::v1::ListDevicesResponse devices;
    Context context;
    EXPECT_TRUE(admin().ListDevices(&context, {}, &devices).ok());
    std::string all;
    for (const admin::v1::Device& device : devices.devices()) {
      all += device.id() == enemy->id ? device.name() + device.key_sha256() + (device.revoked() ? "-" : "+")
                                      : device.SerializeAsString();
    }
    admin::v1::Rollout rollout = NewestRollout();
    for (admin::v1::DeviceProgress& device : *rollout.mutable_devices()) {
      if (device.id() == enemy->id) device.clear_state();  // its own to say
    }
    return all + rollout.SerializeAsString();
  };
  const std::string before = others();
  EXPECT_EQ(UnclearAnswers(CallWithHostileMessages(Channel(coordinator_->fleet_address(), enemy->Identity()),
                                                   FleetService(), HostileRounds(60), kSeed + 1, kPatience)),
            "");
  EXPECT_TRUE(others() == before);
  ExpectItServes();
}

// An operator may stop a rollout, and a message that was cut does: nothing more can come of one.
TEST_F(HostileRpcTest, FromAnOperatorTheyPublishNothingAndTakeNoMember) {
  Begin();
  const auto state = [&] {
    admin::v1::ListDevicesResponse devices;
    Context context;
    EXPECT_TRUE(admin().ListDevices(&context, {}, &devices).ok());
    std::string all = devices.SerializeAsString();
    for (const auto& [role, bytes] : CurrentMetadata()) all += role + bytes;
    const admin::v1::Rollout rollout = NewestRollout();
    for (const admin::v1::Wave& wave : rollout.waves()) all += wave.name() + (wave.open() ? "+" : "-");
    return all;
  };
  const std::string before = state();
  EXPECT_EQ(UnclearAnswers(CallWithHostileMessages(Channel(coordinator_->admin_address(), OperatorIdentity()),
                                                   AdminService(), HostileRounds(40), kSeed + 2, kPatience)),
            "");
  EXPECT_TRUE(state() == before);
  ExpectItServes();
}

// Each port has its limit (coordinator.cc); a byte more is refused by every call, and nothing comes of it.
TEST_F(HostileRpcTest, AMessageAboveThePortsLimitIsRefusedByEveryCall) {
  Begin();
  constexpr size_t kFleetLimit = 6 << 10, kAdminLimit = 6 << 20;
  const std::string before = State();
  const auto fleet = Channel(coordinator_->fleet_address(), device_->Identity());
  EXPECT_EQ(testing::NotTooLarge(
                testing::CallWithMessagesOf(kFleetLimit + 1, fleet, FleetService(), kPatience * 10)),
            "");
  const auto at_limit = testing::CallWithMessagesOf(kFleetLimit, fleet, FleetService(), kPatience * 10);
  for (const auto& [method, code] : at_limit) {
    EXPECT_EQ(code, StatusCode::FAILED_PRECONDITION) << method << ": it is read, and names no protocol";
  }
  const auto admin_port = Channel(coordinator_->admin_address(), OperatorIdentity());
  EXPECT_EQ(testing::NotTooLarge(
                testing::CallWithMessagesOf(kAdminLimit + 1, admin_port, AdminService(), kPatience * 10)),
            "");
  EXPECT_TRUE(State() == before);
  ExpectItServes();
}

}  // namespace
}  // namespace linnet::coordinator
