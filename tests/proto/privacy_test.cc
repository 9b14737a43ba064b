// What a device sends cannot carry user data: the schema says so, and this test reads the schema.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "linnet/admin/v1/admin.pb.h"
#include "linnet/agent/v1/agent.pb.h"
#include "linnet/fleet/v1/fleet.pb.h"
#include "linnet/peer/v1/peer.pb.h"
#include "linnet/privacy/v1/privacy.pb.h"

namespace linnet {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

const google::protobuf::ServiceDescriptor* FleetService() {
  return fleet::v1::EnrollRequest::descriptor()->file()->FindServiceByName("Fleet");
}

// Everything wrong with `field` as something that leaves a device; empty: nothing.
std::string Complaint(const FieldDescriptor* field) {
  const privacy::v1::Value& value = field->options().GetExtension(privacy::v1::value);
  if (value.kind() == privacy::v1::KIND_UNSPECIFIED) return "has no privacy annotation";
  if (field->is_map()) return "is a map";
  if (field->is_repeated() && value.most() == 0) return "is repeated without a bound";
  switch (field->type()) {
    case FieldDescriptor::TYPE_STRING:
      return "is free text";
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_DOUBLE:
      return "is a floating-point number, as measurements are";
    case FieldDescriptor::TYPE_GROUP:
      return "is a group";
    case FieldDescriptor::TYPE_BYTES:
      return value.length() == 0 ? "is bytes without a fixed length" : "";
    case FieldDescriptor::TYPE_MESSAGE:
      if (field->message_type()->full_name() == "google.protobuf.Any") return "is Any";
      return value.kind() == privacy::v1::RECORD ? "" : "is a message but not annotated as RECORD";
    case FieldDescriptor::TYPE_ENUM:
      return value.kind() == privacy::v1::OUTCOME ? "" : "is an enumeration but not annotated as OUTCOME";
    default:
      return "";
  }
}

void Walk(const Descriptor* message, std::set<const Descriptor*>& seen, int& fields) {
  if (!seen.insert(message).second) return;
  EXPECT_EQ(message->extension_range_count(), 0) << message->full_name() << " is open to extensions";
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    ++fields;
    EXPECT_EQ(Complaint(field), "") << field->full_name();
    if (field->message_type() != nullptr) Walk(field->message_type(), seen, fields);
  }
}

TEST(PrivacyTest, EveryFieldThatADeviceSendsHasAClosedMeaning) {
  const google::protobuf::ServiceDescriptor* service = FleetService();
  ASSERT_NE(service, nullptr);
  ASSERT_GE(service->method_count(), 7);
  std::set<const Descriptor*> seen;
  int fields = 0;
  for (int i = 0; i < service->method_count(); ++i) Walk(service->method(i)->input_type(), seen, fields);
  EXPECT_GE(fields, 30) << "the walk missed messages";
}

TEST(PrivacyTest, ADeviceSendsOnlyMessagesOfTheFleetPackage) {
  const google::protobuf::ServiceDescriptor* service = FleetService();
  for (int i = 0; i < service->method_count(); ++i) {
    std::set<const Descriptor*> seen;
    int fields = 0;
    Walk(service->method(i)->input_type(), seen, fields);
    for (const Descriptor* message : seen) {
      EXPECT_EQ(message->file()->package(), "linnet.fleet.v1") << message->full_name();
    }
  }
}

// What flows down is refused by size before anything looks at it.
TEST(PrivacyTest, EveryValueThatADeviceIsToldHasABound) {
  const google::protobuf::ServiceDescriptor* service = FleetService();
  std::set<const Descriptor*> seen;
  int bounded = 0;
  const std::function<void(const Descriptor*)> walk = [&](const Descriptor* message) {
    if (!seen.insert(message).second) return;
    EXPECT_EQ(message->extension_range_count(), 0) << message->full_name();
    for (int i = 0; i < message->field_count(); ++i) {
      const FieldDescriptor* field = message->field(i);
      const bool annotated = field->options().HasExtension(privacy::v1::value);
      const privacy::v1::Value& value = field->options().GetExtension(privacy::v1::value);
      const privacy::v1::Bound& bound = field->options().GetExtension(privacy::v1::bound);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        EXPECT_GT(annotated ? value.length() : std::max(bound.length(), bound.at_most()), 0U)
            << field->full_name();
        ++bounded;
      }
      if (field->is_repeated()) {
        EXPECT_GT(annotated ? value.most() : bound.most(), 0U) << field->full_name();
        ++bounded;
      }
      if (field->message_type() != nullptr) walk(field->message_type());
    }
  };
  for (int i = 0; i < service->method_count(); ++i) walk(service->method(i)->output_type());
  EXPECT_GE(bounded, 20) << "the walk missed messages";
}

// Between devices both directions are what a device sends.
TEST(PrivacyTest, EveryFieldBetweenPeersHasAClosedMeaning) {
  const google::protobuf::FileDescriptor* file = peer::v1::GetChunksRequest::descriptor()->file();
  ASSERT_EQ(file->service_count(), 1);
  const google::protobuf::ServiceDescriptor* service = file->service(0);
  ASSERT_EQ(service->method_count(), 2) << "chunks, heads of the coordinator's log, and nothing else";
  std::set<const Descriptor*> seen;
  int fields = 0;
  for (int i = 0; i < service->method_count(); ++i) {
    Walk(service->method(i)->input_type(), seen, fields);
    Walk(service->method(i)->output_type(), seen, fields);
  }
  EXPECT_EQ(fields, 10);
  EXPECT_EQ(static_cast<int>(seen.size()), file->message_type_count());
  for (int i = 0; i < file->dependency_count(); ++i) {
    EXPECT_EQ(file->dependency(i)->package(), "linnet.privacy.v1");
  }
}

TEST(PrivacyTest, TheLargestCheckInFitsInto300Bytes) {
  fleet::v1::CheckInRequest request;
  request.set_protocol(~0u);
  request.set_agent_version(~0u);
  request.set_state(fleet::v1::REPORT);
  request.set_model_sha256(std::string(32, 'x'));
  request.set_release_counter(~0u);
  request.set_instruction_set(fleet::v1::AVX_VNNI);
  request.set_ram_mib(~0u);
  request.set_cores(~0u);
  request.set_free_flash_mib(~0u);
  request.set_peer_port(~0u);
  EXPECT_LE(request.ByteSizeLong(), 300u);
}

// The most heads that a device holds are storage/repo/log_heads.h's.
TEST(PrivacyTest, TheLargestQuestionAboutTheLogFitsIntoOneKibibyte) {
  fleet::v1::GetLogProofRequest request;
  request.set_protocol(~0u);
  for (int i = 0; i < 32; ++i) request.add_old()->set_size(uint64_t{1} << 62);
  request.set_timestamp_version(~uint64_t{0});
  request.set_snapshot_version(~uint64_t{0});
  EXPECT_LE(request.ByteSizeLong(), 1024u);
}

TEST(PrivacyTest, FleetMessagesImportNothingOfTheUsersApi) {
  const google::protobuf::FileDescriptor* file = fleet::v1::EnrollRequest::descriptor()->file();
  for (int i = 0; i < file->dependency_count(); ++i) {
    EXPECT_NE(file->dependency(i)->package(), agent::v1::AskRequest::descriptor()->file()->package());
    EXPECT_NE(file->dependency(i)->package(), admin::v1::PublishRequest::descriptor()->file()->package());
  }
}

// The walk itself must be able to fail: messages of the user's API are full of what it forbids.
TEST(PrivacyTest, TheCheckFindsFreeTextMapsAndUnboundedBytes) {
  EXPECT_NE(Complaint(agent::v1::AskRequest::descriptor()->FindFieldByName("text")), "");
  EXPECT_NE(Complaint(agent::v1::Entity::descriptor()->FindFieldByName("state")), "");
  EXPECT_NE(Complaint(agent::v1::Reading::descriptor()->FindFieldByName("value")), "");
  EXPECT_NE(Complaint(agent::v1::Model::descriptor()->FindFieldByName("sha256")), "");
}

}  // namespace
}  // namespace linnet
