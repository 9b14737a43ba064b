// Every call of agent.proto with requests that no honest caller makes: from nobody, from a holder of all
// scopes, and through the Unix socket.
#include "tests/support/hostile_rpc.h"

#include <gtest/gtest.h>

#include "tests/agent/test_agent.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet {
namespace {

namespace v1 = agent::v1;
using grpc::StatusCode;
using linnet::testing::AnswerCodes;
using linnet::testing::CallWithHostileMessages;
using linnet::testing::Context;
using linnet::testing::HostileRounds;
using linnet::testing::TestAgent;
using linnet::testing::UnclearAnswers;
using std::chrono::milliseconds;

constexpr uint64_t kSeed = 20261129;
constexpr milliseconds kPatience(300);  // an answer without end is cut then

class HostileRpcTest : public ::testing::Test {
 protected:
  static const google::protobuf::ServiceDescriptor& Service() {
    return *v1::StatusRequest::descriptor()->file()->service(0);
  }
  void ExpectItServes() {
    v1::SetInventoryRequest stock;
    v1::InventoryItem& item = *stock.add_items();
    item.set_name("salmon");
    item.set_quantity(300);
    item.set_unit("g");
    v1::SetInventoryResponse taken;
    const grpc::Status set = agent_.Local()->SetInventory(Context().get(), stock, &taken);
    EXPECT_TRUE(set.ok()) << set.error_message();
    v1::StatusResponse status;
    EXPECT_TRUE(agent_.Local()->Status(Context().get(), {}, &status).ok());
    EXPECT_FALSE(status.model().empty());
  }

  static std::string Model(const std::string& path) {
    linnet::testing::WriteTinyModel(path);
    return path;
  }

  linnet::testing::TempDir dir_;
  TestAgent agent_{Model(dir_ / "tiny.gguf")};
};

TEST_F(HostileRpcTest, FromNobodyTheyOpenNothing) {
  const AnswerCodes codes =
      CallWithHostileMessages(agent_.TlsChannel(), Service(), HostileRounds(40), kSeed, kPatience);
  EXPECT_EQ(UnclearAnswers(codes), "");
  EXPECT_EQ(codes.count(StatusCode::OK), 0U);
  ExpectItServes();
}

TEST_F(HostileRpcTest, FromAHolderOfAllScopesTheyHaveClearAnswers) {
  const auto grant = agent_.Grant({"ask", "ingest", "read-data", "metrics", "manage"});
  EXPECT_EQ(UnclearAnswers(CallWithHostileMessages(
                agent_.TlsChannel(net::TlsIdentity{grant.certificate_pem(), grant.private_key_pem()}),
                Service(), HostileRounds(20), kSeed + 1, kPatience)),
            "");
  ExpectItServes();
}

TEST_F(HostileRpcTest, FromTheUnixSocketTheyHaveClearAnswers) {
  EXPECT_EQ(UnclearAnswers(CallWithHostileMessages(agent_.LocalChannel(), Service(), HostileRounds(20),
                                                   kSeed + 2, kPatience)),
            "");
  ExpectItServes();
}

// The doors' limit is gRPC's usual one (net::GrpcServerOptions); a byte more is refused by every call.
TEST_F(HostileRpcTest, AMessageAboveTheLimitIsRefusedByEveryCall) {
  constexpr size_t kLimit = 4 << 20;
  EXPECT_EQ(linnet::testing::NotTooLarge(linnet::testing::CallWithMessagesOf(
                kLimit + 1, agent_.LocalChannel(), Service(), kPatience * 20)),
            "");
  const auto grant = agent_.Grant({"ask", "ingest", "read-data", "metrics", "manage"});
  const auto tls = agent_.TlsChannel(net::TlsIdentity{grant.certificate_pem(), grant.private_key_pem()});
  EXPECT_EQ(linnet::testing::NotTooLarge(
                linnet::testing::CallWithMessagesOf(kLimit + 1, tls, Service(), kPatience * 20)),
            "");
  ExpectItServes();
}

// The same bytes once more, by who holds the grant (for others TLS keeps them): nothing doubles.
TEST_F(HostileRpcTest, WhatIsSaidTwiceIsDoneOnce) {
  const auto stub = agent_.Local();
  const auto readings = [&] {
    v1::StatusResponse status;
    EXPECT_TRUE(stub->Status(Context().get(), {}, &status).ok());
    return status.readings();
  };
  const auto grants = [&] {
    v1::ListGrantsResponse list;
    EXPECT_TRUE(stub->ListGrants(Context().get(), {}, &list).ok());
    return list.DebugString();
  };
  v1::IngestRequest values;
  values.set_channel("temperature");
  values.set_unit("C");
  for (int i = 0; i < 3; ++i) {
    v1::Reading& reading = *values.add_readings();
    reading.set_time_unix_micros(1'700'000'000'000'000 + i * 1'000'000);
    reading.set_value(20 + i);
  }
  for (int i = 0; i < 2; ++i) {
    v1::IngestResponse taken;
    const auto context = Context();
    const auto writer = stub->Ingest(context.get(), &taken);
    writer->Write(values);
    writer->WritesDone();
    EXPECT_TRUE(writer->Finish().ok());
    EXPECT_EQ(taken.readings(), i == 0 ? 3U : 0U);
    EXPECT_EQ(taken.rejected(), i == 0 ? 0U : 3U) << taken.first_rejection();
    EXPECT_EQ(readings(), 3U);
  }
  v1::SetInventoryRequest stock;
  stock.add_items()->set_name("salmon");
  stock.mutable_items(0)->set_quantity(300);
  stock.mutable_items(0)->set_unit("g");
  for (int i = 0; i < 2; ++i) {
    v1::SetInventoryResponse taken;
    EXPECT_TRUE(stub->SetInventory(Context().get(), stock, &taken).ok());
    EXPECT_EQ(taken.items(), 1U);
  }
  v1::RevokeGrantRequest revoke;
  revoke.set_id(agent_.Grant({"ask"}).id());
  v1::RevokeGrantResponse revoked;
  EXPECT_TRUE(stub->RevokeGrant(Context().get(), revoke, &revoked).ok());
  const std::string before = grants();
  EXPECT_TRUE(stub->RevokeGrant(Context().get(), revoke, &revoked).ok());
  EXPECT_EQ(grants(), before);
  for (int i = 0; i < 2; ++i) {
    v1::CheckForUpdateResponse checked;
    EXPECT_EQ(stub->CheckForUpdate(Context().get(), {}, &checked).error_code(),
              StatusCode::FAILED_PRECONDITION)
        << "of no fleet";
    v1::ForgetLogResponse forgotten;
    EXPECT_TRUE(stub->ForgetLog(Context().get(), {}, &forgotten).ok());
  }
}

}  // namespace
}  // namespace linnet
