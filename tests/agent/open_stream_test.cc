#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/test_agent.h"

namespace linnet::testing {
namespace {

namespace v1 = agent::v1;
using ::testing::HasSubstr;

v1::IngestRequest OneReading(int64_t seconds) {
  v1::IngestRequest request;
  request.set_channel("bearing temperature");
  request.set_unit("°C");
  v1::Reading& reading = *request.add_readings();
  reading.set_time_unix_micros((1'700'000'000 + seconds) * 1'000'000);
  reading.set_value(40);
  return request;
}

TEST(OpenStreamTest, ARevokedGrantEndsTheStreamThatItOpened) {
  TestAgent agent;
  const v1::CreateGrantResponse grant = agent.Grant({"ingest"});
  const auto stub = agent.Tls();
  const auto context = Context(grant.bearer_token());
  v1::IngestResponse response;
  const auto stream = stub->Ingest(context.get(), &response);
  ASSERT_TRUE(stream->Write(OneReading(0)));
  v1::RevokeGrantRequest revoke;
  revoke.set_id(grant.id());
  v1::RevokeGrantResponse revoked;
  ASSERT_TRUE(agent.Local()->RevokeGrant(Context().get(), revoke, &revoked).ok());
  for (int i = 1; i < 1000 && stream->Write(OneReading(i)); ++i) {
  }
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("revoked"));
}

// To gRPC it is: the sender would be told that all was kept.
TEST(OpenStreamTest, AMessageThatIsDamagedIsNotTheEndOfTheStream) {
  TestAgent agent;
  const auto stub = agent.Local();
  const auto context = Context();
  v1::IngestResponse response;
  const auto stream = stub->Ingest(context.get(), &response);
  ASSERT_TRUE(stream->Write(OneReading(0)));
  v1::IngestRequest damaged = OneReading(1);
  damaged.set_unit("\xff");  // no UTF-8: does not parse
  stream->Write(damaged);
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("damaged"));
}

}  // namespace
}  // namespace linnet::testing
