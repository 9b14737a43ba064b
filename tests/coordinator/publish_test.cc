// What an operator publishes, and what devices get of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/hash.h"
#include "storage/chunks/chunk_store.h"
#include "tests/coordinator/fleet_fixture.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class PublishTest : public FleetFixture {
 protected:
  grpc::Status Metadata(const TestDevice& device, fleet::v1::Role role, std::string_view name,
                        uint64_t version, std::string* bytes) {
    fleet::v1::GetMetadataRequest request;
    request.set_protocol(1);
    request.set_role(role);
    if (!name.empty()) request.set_role_name_sha256(std::string(base::AsView(base::Sha256(name))));
    request.set_version(version);
    fleet::v1::GetMetadataResponse response;
    Context context;
    grpc::Status status = As(device)->GetMetadata(&context, request, &response);
    *bytes = response.metadata();
    return status;
  }
  // Chunks until the stream ends.
  std::vector<std::string> Chunks(const TestDevice& device, const std::vector<std::string>& hashes,
                                  grpc::Status* status) {
    fleet::v1::GetChunksRequest request;
    request.set_protocol(1);
    for (const std::string& hash : hashes) request.add_sha256(hash);
    Context context;
    const auto stub = As(device);
    const auto stream = stub->GetChunks(&context, request);
    std::vector<std::string> data;
    fleet::v1::GetChunksResponse response;
    while (stream->Read(&response)) {
      EXPECT_EQ(base::AsView(base::Sha256(response.data())), response.sha256());
      data.push_back(response.data());
    }
    *status = stream->Finish();
    return data;
  }
  uint64_t TimestampVersion() {
    Context context;
    admin::v1::StatusResponse response;
    EXPECT_TRUE(admin().Status(&context, {}, &response).ok());
    return response.timestamp_version();
  }
};

TEST_F(PublishTest, DevicesGetMetadataAndChunksOfAModel) {
  const auto device = NewDevice("press");
  const Model model = SignModel("1", 3'000'000);
  const grpc::Status published = Publish(model);
  ASSERT_TRUE(published.ok()) << published.error_message();

  std::string bytes;
  EXPECT_TRUE(Metadata(*device, fleet::v1::ROOT, "", 1, &bytes).ok());
  EXPECT_EQ(bytes, device->enrolled.tuf_root());
  EXPECT_EQ(Metadata(*device, fleet::v1::ROOT, "", 2, &bytes).error_code(), StatusCode::NOT_FOUND);
  EXPECT_TRUE(Metadata(*device, fleet::v1::TIMESTAMP, "", 0, &bytes).ok());
  EXPECT_THAT(bytes, HasSubstr("snapshot.json"));
  EXPECT_TRUE(Metadata(*device, fleet::v1::TARGETS, "", 2, &bytes).ok());
  EXPECT_TRUE(Metadata(*device, fleet::v1::DELEGATED, "models/starter", 1, &bytes).ok());
  EXPECT_THAT(bytes, HasSubstr(model.target));
  EXPECT_EQ(Metadata(*device, fleet::v1::DELEGATED, "models/other", 1, &bytes).error_code(),
            StatusCode::NOT_FOUND);
  EXPECT_EQ(Metadata(*device, fleet::v1::ROLE_UNSPECIFIED, "", 1, &bytes).error_code(),
            StatusCode::INVALID_ARGUMENT);

  grpc::Status status;
  const auto index_bytes =
      Chunks(*device, {std::string(base::AsView(base::Sha256(model.index_json)))}, &status);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto index = chunks::ChunkIndex::FromJson(index_bytes.at(0));
  ASSERT_TRUE(index.ok());
  std::string whole;
  for (size_t at = 0; at < index->chunks.size(); at += 28) {
    std::vector<std::string> hashes;
    for (size_t i = at; i < std::min(at + 28, index->chunks.size()); ++i)
      hashes.push_back(index->chunks[i].sha256);
    for (const std::string& data : Chunks(*device, hashes, &status)) whole += data;
    ASSERT_TRUE(status.ok());
  }
  EXPECT_EQ(base::AsView(base::Sha256(whole)), model.sha256);

  EXPECT_TRUE(Chunks(*device, {std::string(32, 'x')}, &status).empty());
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_TRUE(Chunks(*device, {""}, &status).empty());
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(PublishTest, TheIndexOfALargeModelFits) {
  const Model model = SignModel("1", 60 * 33'000, 60);
  ASSERT_GT(model.index_json.size(), size_t{2} << 20);
  const grpc::Status published = Publish(model);
  EXPECT_TRUE(published.ok()) << published.error_message();
}

TEST_F(PublishTest, WatchTellsOfNewMetadata) {
  const auto device = NewDevice("press");
  const auto stub = As(*device);
  fleet::v1::WatchRequest request;
  request.set_protocol(1);
  Context context;
  const auto watch = stub->Watch(&context, request);
  fleet::v1::WatchResponse first;
  ASSERT_TRUE(watch->Read(&first));
  ASSERT_TRUE(Publish(SignModel("1")).ok());
  fleet::v1::WatchResponse second;
  ASSERT_TRUE(watch->Read(&second));
  EXPECT_GT(second.timestamp_version(), first.timestamp_version());
  context.TryCancel();
}

TEST_F(PublishTest, ATamperedModelIsRefusedAndNothingChanges) {
  const uint64_t before = TimestampVersion();
  Model model = SignModel("1");
  model.bytes[100] ^= 1;
  const grpc::Status status = Publish(model);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("tampered with or damaged"));
  EXPECT_THAT(status.error_message(), HasSubstr(base::Hex(model.sha256)));
  EXPECT_EQ(TimestampVersion(), before);
  EXPECT_FALSE(CurrentMetadata().contains("models/starter"));
  model.bytes[100] ^= 1;
  EXPECT_TRUE(Publish(model).ok());
}

TEST_F(PublishTest, AnUnsignedModelIsRefused) {
  const grpc::Status status = PublishParts({}, {{"models/starter/evil.gguf", "GGUF of nobody"}});
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("unsigned"));
}

TEST_F(PublishTest, TamperedAndForeignMetadataIsRefused) {
  const uint64_t before = TimestampVersion();
  const Model model = SignModel("1");
  auto metadata = model.publication.metadata;
  std::string& role = metadata.at("models/starter");
  const size_t at = role.find("Apache");
  ASSERT_NE(at, std::string::npos);
  role[at] = 'B';
  std::map<std::string, std::string> targets = model.publication.small_targets;
  targets[model.target] = model.bytes;
  const grpc::Status status = PublishParts(metadata, targets);
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("models/starter"));
  EXPECT_FALSE(PublishParts({{"targets", "{}"}}, {}).ok());
  EXPECT_FALSE(PublishParts({{"../../etc/passwd", "x"}}, {}).ok());
  EXPECT_EQ(TimestampVersion(), before);
}

TEST_F(PublishTest, MetadataWithoutItsBytesIsRefused) {
  const Model model = SignModel("1");
  const grpc::Status status = PublishParts(model.publication.metadata, model.publication.small_targets);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("neither sent nor"));
}

TEST_F(PublishTest, ARestoredCoordinatorTakesWhatWasSignedWithoutTheFilesThatItLost) {
  const Model model = SignModel("1");
  const grpc::Status taken = PublishParts(model.publication.metadata, {}, /*files_are_lost=*/true);
  ASSERT_TRUE(taken.ok()) << taken.error_message();
  // It is not rolled out without its bytes, and other things go on.
  const SignedPlan plan = PublishPlan(model, {});
  const grpc::Status started = Start(plan);
  EXPECT_EQ(started.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(started.error_message(), HasSubstr("publish it again"));
  const grpc::Status second = Publish(SignModel("2"));
  EXPECT_TRUE(second.ok()) << second.error_message();
  // The bytes come with nothing new to sign.
  const Model again = SignModel("1");
  EXPECT_TRUE(again.publication.metadata.empty());
  const grpc::Status back = Publish(again);
  ASSERT_TRUE(back.ok()) << back.error_message();
  EXPECT_TRUE(Start(plan).ok());
  // Without the list of revoked devices no device would look at a plan.
  trust::RevokedList list{.version = 1, .devices = {}};
  ASSERT_TRUE(list.Add({.device = std::string(32, 'a'),
                        .key_sha256 = "",
                        .revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()))})
                  .ok());
  const auto revoked = site_->SignRevoked(list, CurrentMetadata());
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  const grpc::Status listless = PublishParts(revoked->metadata, {}, /*files_are_lost=*/true);
  EXPECT_EQ(listless.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(listless.error_message(), HasSubstr("plans/revoked.json"));
  EXPECT_TRUE(PublishParts(revoked->metadata, revoked->small_targets, /*files_are_lost=*/true).ok());
}

TEST_F(PublishTest, BytesThatDoNotKeepToTheirAnnouncementAreRefused) {
  admin::v1::PublishResponse response;
  admin::v1::PublishRequest request;
  {
    Context context;
    const auto writer = admin().Publish(&context, &response);
    request.set_target_data("data of nothing");
    writer->Write(request);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
  }
  {
    Context context;
    const auto writer = admin().Publish(&context, &response);
    request.mutable_target()->set_name("a");
    request.mutable_target()->set_size_bytes(3);
    request.mutable_target()->set_sha256(std::string(32, 'h'));
    writer->Write(request);
    request.set_target_data("four");
    writer->Write(request);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
  }
  {
    Context context;
    const auto writer = admin().Publish(&context, &response);
    request.mutable_target()->set_name("a");
    request.mutable_target()->set_size_bytes(uint64_t{1} << 60);
    request.mutable_target()->set_sha256(std::string(32, 'h'));
    writer->Write(request);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), StatusCode::RESOURCE_EXHAUSTED);
  }
  EXPECT_TRUE(Publish(SignModel("1")).ok());  // the door is open again
}

// To gRPC it is: what came before it was whole, and would be published.
TEST_F(PublishTest, AMessageThatIsDamagedOrTooLargeIsNotTheEnd) {
  const uint64_t before = TimestampVersion();
  const Model model = SignModel("1");
  std::map<std::string, std::string> whole = model.publication.small_targets;
  whole[model.target] = model.bytes;
  // What is added to the whole is sent last. A name that is no UTF-8 does not parse.
  auto targets = whole;
  targets["\xff"] = "damaged";
  const grpc::Status damaged = PublishParts(model.publication.metadata, targets);
  EXPECT_EQ(damaged.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(damaged.error_message(), HasSubstr("damaged"));
  EXPECT_EQ(TimestampVersion(), before);
  targets = whole;
  targets[std::string(9 << 20, '~')] = "too large";
  EXPECT_EQ(PublishParts(model.publication.metadata, targets).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  // That was gRPC's own answer; the service may hear of it a moment later.
  grpc::Status again(StatusCode::UNAVAILABLE, "");
  for (int i = 0; i < 200 && again.error_code() == StatusCode::UNAVAILABLE; ++i) {
    again = PublishParts({}, {});
    if (!again.ok()) absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(again.ok()) << again.error_message();
  EXPECT_EQ(TimestampVersion(), before);
  EXPECT_TRUE(Publish(model).ok());
}

TEST_F(PublishTest, OneAtATimeAndACutConnectionLeavesNothing) {
  {
    grpc::ClientContext cut;
    admin::v1::PublishResponse response;
    const auto writer = admin().Publish(&cut, &response);
    admin::v1::PublishRequest request;
    request.mutable_target()->set_name("a");
    request.mutable_target()->set_size_bytes(1000);
    request.mutable_target()->set_sha256(std::string(32, 'h'));
    ASSERT_TRUE(writer->Write(request));
    const Model model = SignModel("1");
    grpc::Status busy;
    // The first message may still be on its way: until it has arrived the other one may win.
    for (int i = 0; i < 50 && busy.ok(); ++i) busy = PublishParts({}, {});
    EXPECT_EQ(busy.error_code(), StatusCode::UNAVAILABLE);
    cut.TryCancel();
    writer->Finish();
  }
  grpc::Status status;
  for (int i = 0; i < 200; ++i) {
    status = Publish(SignModel("1"));
    if (status.ok()) break;
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(PublishTest, ARestartKeepsWhatWasPublished) {
  const auto device = NewDevice("press");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const uint64_t before = TimestampVersion();
  RestartCoordinator();
  EXPECT_EQ(TimestampVersion(), before);
  grpc::Status status;
  EXPECT_EQ(Chunks(*device, {std::string(base::AsView(base::Sha256(model.index_json)))}, &status).size(), 1u);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(PublishTest, TheTimestampIsRefreshedInTime) {
  const uint64_t before = TimestampVersion();
  clock_.Advance(absl::Hours(18));
  coordinator_->Tick();
  EXPECT_GT(TimestampVersion(), before);
}

}  // namespace
}  // namespace linnet::coordinator
