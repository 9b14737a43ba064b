#include "runtime/net/message_check.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <set>

#include "linnet/fleet/v1/fleet.pb.h"
#include "linnet/peer/v1/peer.pb.h"
#include "linnet/privacy/v1/privacy.pb.h"
#include "runtime/net/spoken_protocol.h"
#include "tests/support/status_matchers.h"

namespace linnet::net {
namespace {

namespace pb = google::protobuf;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

absl::Status Check(const pb::Message& request) { return CheckRequest(request, kFleetProtocols); }

fleet::v1::ReportRequest GoodReport() {
  fleet::v1::ReportRequest request;
  request.set_protocol(1);
  request.set_state(fleet::v1::COMMIT);
  fleet::v1::Receipt& receipt = *request.mutable_receipt();
  receipt.set_device_id(std::string(16, 'd'));
  receipt.set_plan_sha256(std::string(32, 'p'));
  receipt.set_model_sha256(std::string(32, 'm'));
  receipt.set_outcome(fleet::v1::PASSED);
  receipt.set_signature(std::string(64, 's'));
  receipt.add_certificate_chain(std::string(700, 'c'));
  return request;
}

TEST(MessageCheckTest, AcceptsWhatKeepsToItsAnnotations) {
  EXPECT_THAT(Check(GoodReport()), IsOk());
  fleet::v1::CheckInRequest check_in;
  check_in.set_protocol(2);
  EXPECT_THAT(Check(check_in), IsOk());
}

TEST(MessageCheckTest, RefusesOtherSizes) {
  fleet::v1::ReportRequest request = GoodReport();
  request.mutable_receipt()->set_device_id(std::string(17, 'd'));
  EXPECT_THAT(Check(request), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("device_id: has 17 bytes, expected 16")));
  request = GoodReport();
  request.mutable_receipt()->set_certificate_chain(0, std::string(2049, 'c'));
  EXPECT_THAT(Check(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 2048")));
}

TEST(MessageCheckTest, RefusesLongLists) {
  fleet::v1::ReportRequest request = GoodReport();
  for (int i = 0; i < 2; ++i) request.mutable_receipt()->add_certificate_chain(std::string(1, 'c'));
  EXPECT_THAT(Check(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 2")));
  fleet::v1::GetChunksRequest chunks;
  chunks.set_protocol(1);
  for (int i = 0; i < 29; ++i) chunks.add_sha256(std::string(32, 'h'));
  EXPECT_THAT(Check(chunks), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 28")));
}

TEST(MessageCheckTest, RefusesUnknownFieldsAlsoInside) {
  fleet::v1::ReportRequest request = GoodReport();
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(99, "what the user said");
  const absl::Status status = Check(request);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("99")));
  EXPECT_THAT(status.ToString(), ::testing::Not(HasSubstr("user")));
  request = GoodReport();
  fleet::v1::Receipt& receipt = *request.mutable_receipt();
  receipt.GetReflection()->MutableUnknownFields(&receipt)->AddVarint(98, 1);
  EXPECT_THAT(Check(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("98")));
}

TEST(MessageCheckTest, RefusesUnknownEnumerationValues) {
  fleet::v1::ReportRequest request = GoodReport();
  request.set_state(static_cast<fleet::v1::UpdateState>(77));
  EXPECT_THAT(Check(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("77")));
}

TEST(MessageCheckTest, LooksAtTheRevisionFirst) {
  fleet::v1::ReportRequest request = GoodReport();
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(98, 1);  // of the newer revision
  request.set_protocol(3);
  EXPECT_THAT(Check(request), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expected 1 to 2")));
  request.set_protocol(0);
  EXPECT_THAT(Check(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("update the device")));
  peer::v1::GetChunksRequest peers;
  peers.set_protocol(2);
  EXPECT_THAT(CheckRequest(peers, kPeerProtocols),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expected 1; update this end")));
}

// Every field as large as the schema lets it be.
void FillUp(pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const pb::FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const privacy::v1::Value& value = field.options().GetExtension(privacy::v1::value);
    const uint32_t times = field.is_repeated() ? value.most() : 1;
    for (uint32_t k = 0; k < times; ++k) {
      switch (field.cpp_type()) {
        case pb::FieldDescriptor::CPPTYPE_STRING: {
          const std::string bytes(value.length(), 'x');
          field.is_repeated() ? reflection.AddString(&message, &field, bytes)
                              : reflection.SetString(&message, &field, bytes);
          break;
        }
        case pb::FieldDescriptor::CPPTYPE_UINT32:
          reflection.SetUInt32(&message, &field, std::numeric_limits<uint32_t>::max());
          break;
        case pb::FieldDescriptor::CPPTYPE_UINT64:
          reflection.SetUInt64(&message, &field, std::numeric_limits<uint64_t>::max());
          break;
        case pb::FieldDescriptor::CPPTYPE_ENUM:
          reflection.SetEnum(&message, &field,
                             field.enum_type()->value(field.enum_type()->value_count() - 1));
          break;
        case pb::FieldDescriptor::CPPTYPE_MESSAGE:
          FillUp(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                     : *reflection.MutableMessage(&message, &field));
          break;
        default:
          ADD_FAILURE() << field.full_name() << " is of a type that devices do not send";
      }
    }
  }
}

std::unique_ptr<pb::Message> Largest(const pb::Descriptor& type) {
  std::unique_ptr<pb::Message> message(pb::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  FillUp(*message);
  return message;
}

TEST(MessageCheckTest, TheLargestFormOfEachMessageThatADeviceSendsIsOneKibibyte) {
  std::set<const pb::Descriptor*> types;
  const auto add = [&](const pb::ServiceDescriptor& service, bool answers) {
    for (int i = 0; i < service.method_count(); ++i) {
      types.insert(service.method(i)->input_type());
      if (answers) types.insert(service.method(i)->output_type());
    }
  };
  add(*fleet::v1::EnrollRequest::descriptor()->file()->service(0), false);
  add(*peer::v1::GetChunksRequest::descriptor()->file()->service(0), true);
  ASSERT_EQ(types.size(), 13U);
  for (const pb::Descriptor* type : types) {
    const std::unique_ptr<pb::Message> message = Largest(*type);
    EXPECT_THAT(CheckSaid(*message), IsOk()) << type->full_name();
    // The one that has bytes of a model; the other exception, certificates in reports, is of revision 1.
    if (type == peer::v1::GetChunksResponse::descriptor()) continue;
    if (type == fleet::v1::ReportRequest::descriptor()) {
      auto& report = static_cast<fleet::v1::ReportRequest&>(*message);
      EXPECT_EQ(report.receipt().certificate_chain_size(), 2);
      report.mutable_receipt()->clear_certificate_chain();
    }
    EXPECT_LE(message->ByteSizeLong(), kMostSaidBytes) << type->full_name();
    EXPECT_GT(message->ByteSizeLong(), 0U) << type->full_name();
  }
}

// Held by size, too, and not only by the sum of what the fields may have: a schema may grow.
TEST(MessageCheckTest, WhatIsLargerIsNotSaidAndNotHeard) {
  peer::v1::GetChunksResponse chunk;
  chunk.set_sha256(std::string(32, 'h'));
  chunk.set_data(std::string(1 << 20, 'x'));
  EXPECT_THAT(CheckSaid(chunk), IsOk());
  // Down a coordinator may say more: a device holds it to its fields.
  fleet::v1::CheckInResponse answer;
  for (int i = 0; i < 100; ++i) *answer.add_receipts() = GoodReport().receipt();
  EXPECT_THAT(CheckAnswer(answer), IsOk());
  EXPECT_THAT(CheckSaid(answer),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected at most 1024")));
}

TEST(MessageCheckTest, AnswersAreHeldToTheirBounds) {
  fleet::v1::CheckInResponse answer;
  answer.set_plan("plans/00ff.json");
  EXPECT_THAT(CheckAnswer(answer), IsOk());
  answer.set_plan(std::string(513, 'p'));
  EXPECT_THAT(CheckAnswer(answer), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("at most 512")));
  answer.set_plan("plans/\x1b[2J");
  EXPECT_THAT(CheckAnswer(answer), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("printable")));
  answer.clear_plan();
  answer.GetReflection()->MutableUnknownFields(&answer)->AddVarint(77, 1);
  EXPECT_THAT(CheckAnswer(answer), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("77")));
  fleet::v1::GetLogProofResponse proof;
  proof.mutable_head()->set_root_sha256("short");
  EXPECT_THAT(CheckAnswer(proof), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("expected 32")));
  fleet::v1::GetPeersResponse peers;
  for (int i = 0; i < 9; ++i) peers.add_peers()->set_address("10.0.0.7:7402");
  EXPECT_THAT(CheckAnswer(peers), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("at most 8")));
  fleet::v1::CheckInResponse receipts;
  receipts.add_receipts()->set_outcome(static_cast<fleet::v1::Outcome>(9));
  EXPECT_THAT(CheckAnswer(receipts), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("value 9")));
}

TEST(SpokenProtocolTest, StepsDownWhereItIsRefusedAndUpWhenItHearsSo) {
  SpokenProtocol spoken({1, 3});
  EXPECT_EQ(spoken.now(), 3U);
  EXPECT_TRUE(spoken.Refused(3));
  EXPECT_EQ(spoken.now(), 2U);
  EXPECT_TRUE(spoken.Refused(2));
  EXPECT_EQ(spoken.now(), 1U);
  EXPECT_FALSE(spoken.Refused(1)) << "there is none below";
  EXPECT_EQ(spoken.now(), 3U) << "the next call begins anew";
  spoken.Heard(2);
  EXPECT_EQ(spoken.now(), 2U);
  spoken.Heard(9);
  EXPECT_EQ(spoken.now(), 3U) << "no more than this end speaks";
  spoken.Heard(0);
  EXPECT_EQ(spoken.now(), 1U) << "who names none is old";
}

}  // namespace
}  // namespace linnet::net
