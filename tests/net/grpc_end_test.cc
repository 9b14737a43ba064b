#include "runtime/net/grpc_end.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <memory>

namespace linnet::net {
namespace {

TEST(GrpcEndTest, WhereNothingIsLeftItReturnsAtOnce) { EXPECT_TRUE(GrpcEnd::Await(absl::ZeroDuration())); }

TEST(GrpcEndTest, AwaitsTheLastChannelAndNoLongerThanItsPatience) {
  auto channel = grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials());
  channel->GetState(/*try_to_connect=*/true);
  EXPECT_FALSE(GrpcEnd::Await(absl::Milliseconds(20)));
  channel.reset();
  EXPECT_TRUE(GrpcEnd::Await(absl::Seconds(10)));
  EXPECT_EQ(grpc_is_initialized(), 0);
}

}  // namespace
}  // namespace linnet::net
