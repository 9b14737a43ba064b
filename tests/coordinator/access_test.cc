// Who may call what, and what happens to those who may not.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "runtime/base/file_system.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;
using testing::StatusIs;

class AccessTest : public FleetFixture {};

TEST_F(AccessTest, WithoutCertificateOnlyEnrollAndRenew) {
  const auto stub = Anonymous();
  fleet::v1::CheckInRequest check_in;
  check_in.set_protocol(1);
  fleet::v1::CheckInResponse checked_in;
  Context a;
  EXPECT_EQ(stub->CheckIn(&a, check_in, &checked_in).error_code(), StatusCode::UNAUTHENTICATED);
  fleet::v1::GetMetadataRequest metadata;
  metadata.set_protocol(1);
  metadata.set_role(fleet::v1::TIMESTAMP);
  fleet::v1::GetMetadataResponse got;
  Context b;
  EXPECT_EQ(stub->GetMetadata(&b, metadata, &got).error_code(), StatusCode::UNAUTHENTICATED);
  fleet::v1::ReportRequest report;
  report.set_protocol(1);
  fleet::v1::ReportResponse reported;
  Context c;
  EXPECT_EQ(stub->Report(&c, report, &reported).error_code(), StatusCode::UNAUTHENTICATED);
  fleet::v1::GetChunksRequest chunks;
  chunks.set_protocol(1);
  fleet::v1::GetChunksResponse chunk;
  Context d;
  const auto stream = stub->GetChunks(&d, chunks);
  EXPECT_FALSE(stream->Read(&chunk));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
  fleet::v1::WatchRequest watch;
  watch.set_protocol(1);
  fleet::v1::WatchResponse watched;
  Context e;
  const auto watching = stub->Watch(&e, watch);
  EXPECT_FALSE(watching->Read(&watched));
  EXPECT_EQ(watching->Finish().error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(AccessTest, AFleetCertificateOpensNothingOnTheAdminPort) {
  const auto device = NewDevice("press");
  const auto stub = AdminWith(device->Identity());
  admin::v1::StatusResponse response;
  Context a;
  EXPECT_EQ(stub->Status(&a, {}, &response).error_code(), StatusCode::UNAVAILABLE);
  Context b;
  EXPECT_EQ(AdminWith(std::nullopt)->Status(&b, {}, &response).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(AccessTest, AnOperatorsCertificateOpensNothingOnTheFleetPort) {
  const auto stub = FleetWith(OperatorIdentity());
  fleet::v1::CheckInRequest request;
  request.set_protocol(1);
  fleet::v1::CheckInResponse response;
  Context context;
  EXPECT_EQ(stub->CheckIn(&context, request, &response).error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(AccessTest, ServicesAreNotOnEachOthersPort) {
  // The right certificate for the port, the other port's method.
  const auto fleet_on_admin = fleet::v1::Fleet::NewStub(grpc::CreateChannel(
      coordinator_->admin_address(),
      *net::ClientCredentials(OperatorIdentity(), [](const auto&) { return absl::OkStatus(); })));
  fleet::v1::EnrollResponse response;
  Context context;
  EXPECT_EQ(fleet_on_admin->Enroll(&context, {}, &response).error_code(), StatusCode::UNIMPLEMENTED);
}

TEST_F(AccessTest, MalformedRequestsAreRefusedAndHarmNothing) {
  const auto device = NewDevice("press");
  const auto stub = As(*device);
  fleet::v1::CheckInRequest request;
  fleet::v1::CheckInResponse response;
  {
    Context context;
    EXPECT_EQ(stub->CheckIn(&context, request, &response).error_code(), StatusCode::FAILED_PRECONDITION);
  }
  request.set_protocol(1);
  request.set_model_sha256("short");
  {
    Context context;
    const grpc::Status status = stub->CheckIn(&context, request, &response);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("model_sha256: has 5 bytes, expected 32"));
  }
  request.clear_model_sha256();
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(50, "text");
  {
    Context context;
    EXPECT_EQ(stub->CheckIn(&context, request, &response).error_code(), StatusCode::INVALID_ARGUMENT);
  }
  request.DiscardUnknownFields();
  request.set_model_sha256(std::string(64 << 10, 'x'));
  {
    Context context;
    EXPECT_EQ(stub->CheckIn(&context, request, &response).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  }
  request.clear_model_sha256();
  {
    Context context;
    EXPECT_TRUE(stub->CheckIn(&context, request, &response).ok());
  }
}

TEST_F(AccessTest, BytesThatAreNoMessageAreRefused) {
  const auto device = NewDevice("press");
  auto credentials = net::ClientCredentials(device->Identity(), [](const auto&) { return absl::OkStatus(); });
  grpc::GenericStub stub(grpc::CreateChannel(coordinator_->fleet_address(), *credentials));
  for (const char* method : {"/linnet.fleet.v1.Fleet/CheckIn", "/linnet.fleet.v1.Fleet/Nothing"}) {
    Context context;
    grpc::CompletionQueue queue;
    const grpc::Slice junk(std::string("\xff\xff\xff\xff"));
    grpc::ByteBuffer request(&junk, 1);
    grpc::ByteBuffer response;
    grpc::Status status;
    const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_FALSE(status.ok());
  }
  fleet::v1::CheckInResponse response;
  EXPECT_TRUE(CheckIn(*device, &response).ok());
}

TEST_F(AccessTest, TheLatestWatchOfADeviceWins) {
  const auto device = NewDevice("press");
  const auto stub = As(*device);
  fleet::v1::WatchRequest request;
  request.set_protocol(1);
  Context first_context;
  const auto first = stub->Watch(&first_context, request);
  fleet::v1::WatchResponse response;
  ASSERT_TRUE(first->Read(&response));
  Context second_context;
  const auto second = stub->Watch(&second_context, request);
  ASSERT_TRUE(second->Read(&response));
  EXPECT_FALSE(first->Read(&response));
  EXPECT_EQ(first->Finish().error_code(), StatusCode::ABORTED);
  // Shutting down ends it, too.
  coordinator_.reset();
  EXPECT_FALSE(second->Read(&response));
  EXPECT_EQ(second->Finish().error_code(), StatusCode::UNAVAILABLE);
}

TEST_F(AccessTest, StatusAndAuditTellWhatHappened) {
  NewDevice("press");
  admin::v1::StatusResponse status;
  Context a;
  ASSERT_TRUE(admin().Status(&a, {}, &status).ok());
  EXPECT_EQ(status.version(), "1.2.3");
  EXPECT_EQ(status.devices(), 1u);
  EXPECT_GT(status.resident_bytes(), 0u);
  EXPECT_GT(status.timestamp_expires_unix_micros(), absl::ToUnixMicros(clock_.Now()));
  admin::v1::ListAuditResponse audit;
  Context b;
  ASSERT_TRUE(admin().ListAudit(&b, {}, &audit).ok());
  ASSERT_EQ(audit.entries_size(), 2);
  EXPECT_EQ(audit.entries(0).action(), "enrol");
  EXPECT_EQ(audit.entries(1).action(), "create token");
  EXPECT_EQ(audit.entries(1).actor(), "operator");
  EXPECT_EQ(audit.entries(0).hash().size(), 32u);
}

TEST_F(AccessTest, ASecondCoordinatorOnTheSameStateIsRefused) {
  const auto second = Coordinator::Start(config_, base::FileSystem::Real(), clock_);
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("another coordinator")));
}

TEST_F(AccessTest, StartingSaysWhatIsWrong) {
  CoordinatorConfig config = config_;
  config.state_dir = dir_ / "other";
  config.site_dir = dir_ / "nothing";
  EXPECT_THAT(Coordinator::Start(config, base::FileSystem::Real(), clock_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linnet site init")));
  config = config_;
  config.state_dir = dir_ / "other";
  config.listen = coordinator_->fleet_address();
  EXPECT_THAT(Coordinator::Start(config, base::FileSystem::Real(), clock_),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(coordinator_->fleet_address())));
  config.listen = "0.0.0.0:0";
  EXPECT_THAT(Coordinator::Start(config, base::FileSystem::Real(), clock_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--advertise")));
  config.listen = "127.0.0.1:0";
  config.admin = "somewhere";
  EXPECT_THAT(Coordinator::Start(config, base::FileSystem::Real(), clock_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HOST:PORT")));
  for (const std::string& bad : {std::string("linnet.example"), std::string(":7300"),
                                 std::string("linnet.example:0"), std::string("linnet.example:70000"),
                                 std::string("two words:7300"), std::string(256, 'a') + ":7300"}) {
    config = config_;
    config.state_dir = dir_ / "other";
    config.advertise = bad;
    EXPECT_THAT(Coordinator::Start(config, base::FileSystem::Real(), clock_),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--advertise")))
        << bad;
  }
  config = config_;
  config.state_dir = "/proc/none";
  EXPECT_FALSE(Coordinator::Start(config, base::FileSystem::Real(), clock_).ok());
}

}  // namespace
}  // namespace linnet::coordinator
