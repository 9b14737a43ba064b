// What a device says and what it takes in answer, seen from a coordinator that notes everything: revisions of
// the protocol, answers that do not keep to it, sizes, and what comes beside the messages.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/strings/str_cat.h"
#include "runtime/net/message_check.h"
#include "tests/fleet/stolen_fixture.h"

namespace linnet::fleet {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProtocolTest : public StolenFixture {
 protected:
  void SetUp() override {
    StolenFixture::SetUp();
    plan_ = PublishPlan(model_, {});
    Steal();
  }
  bool Installs() {
    Offer(plan_);
    return RunUntil([&] { return member_->Committed() && !thief_->reports().empty() && Told(); });
  }
  // The end of the update was reported, too.
  bool Told() { return thief_->reports().back().has_receipt(); }

  SignedPlan plan_;
};

TEST_F(ProtocolTest, ACoordinatorOfTheRevisionBeforeIsSpokenToInIt) {
  thief_->Speak(1);
  ASSERT_TRUE(Installs()) << member_->agent->status().last_update_error;
  EXPECT_THAT(thief_->heard_revisions(), ElementsAre(1));
  EXPECT_EQ(thief_->reports().back().receipt().certificate_chain_size(), 2) << "as it has to be there";
}

TEST_F(ProtocolTest, InTheNewestRevisionNoMessageIsAboveOneKibibyte) {
  ASSERT_TRUE(Installs()) << member_->agent->status().last_update_error;
  EXPECT_THAT(thief_->heard_revisions(), ElementsAre(2));
  EXPECT_EQ(thief_->reports().back().receipt().certificate_chain_size(), 0);
  size_t largest = 0;
  for (const std::string& message : thief_->heard()) largest = std::max(largest, message.size());
  EXPECT_LE(largest, net::kMostSaidBytes);
  EXPECT_GT(largest, 100U);
}

TEST_F(ProtocolTest, EachEndMayBeReplacedByAnOlderOrANewerOneAtAnyTime) {
  thief_->Answer({});
  ASSERT_TRUE(RunUntil([&] { return thief_->heard_revisions().contains(2); }));
  thief_->Speak(1);
  ASSERT_TRUE(RunUntil([&] { return thief_->heard_revisions().contains(1); }))
      << member_->agent->status().last_update_error;
  const size_t before = thief_->heard().size();
  thief_->Speak(2);
  ASSERT_TRUE(RunUntil([&] {
    const std::vector<std::string> heard = thief_->heard();
    fleet::v1::CheckInRequest last;
    return heard.size() > before && last.ParseFromString(heard.back()) && last.protocol() == 2;
  }));
}

// One kind of answer after the other has a field more than its revision knows.
class BadAnswerTest : public ProtocolTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(BadAnswerTest, IsNotTakenAndTheNextGoodOneIs) {
  const auto tampered = std::make_shared<std::atomic<int>>(0);
  thief_->Tamper([tampered, kind = std::string(GetParam())](google::protobuf::Message& message) {
    if (message.GetDescriptor()->name() != kind) return;
    message.GetReflection()->MutableUnknownFields(&message)->AddVarint(4000, 1);
    ++*tampered;
  });
  Offer(plan_);
  ASSERT_TRUE(RunUntil([&] {
    return *tampered > 0 && member_->agent->status().last_update_error.find("4000") != std::string::npos;
  })) << member_->agent->status().last_update_error;
  EXPECT_THAT(member_->agent->status().last_update_error, HasSubstr("not as the protocol has it"));
  EXPECT_EQ(Running(), "");
  thief_->Tamper(nullptr);
  ASSERT_TRUE(Installs()) << member_->agent->status().last_update_error;
}

INSTANTIATE_TEST_SUITE_P(OfEachKind, BadAnswerTest,
                         ::testing::Values("CheckInResponse", "GetMetadataResponse", "GetLogProofResponse",
                                           "GetChunksResponse"),
                         [](const auto& test) { return std::string(test.param); });

// Whatever gRPC puts beside a message on its own, the method and the deadline excepted, is seen here.
TEST_F(ProtocolTest, BesideItsMessagesADeviceSaysNothingButConstants) {
  ASSERT_TRUE(Installs()) << member_->agent->status().last_update_error;
  EXPECT_THAT(thief_->heard_beside(),
              ElementsAre(absl::StrCat("user-agent: grpc-c++/", grpc::Version(), " grpc-c/",
                                       grpc_version_string(), " (linux; chttp2)")));
}

}  // namespace
}  // namespace linnet::fleet
