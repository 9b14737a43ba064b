#include "coordinator/message_check.h"

#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include "linnet/fleet/v1/fleet.pb.h"
#include "tests/support/status_matchers.h"

namespace linnet::coordinator {
namespace {

using ::testing::HasSubstr;
using testing::IsOk;
using testing::StatusIs;

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
  EXPECT_THAT(CheckRequest(GoodReport()), IsOk());
  fleet::v1::CheckInRequest check_in;
  check_in.set_protocol(1);
  EXPECT_THAT(CheckRequest(check_in), IsOk());
}

TEST(MessageCheckTest, RefusesOtherSizes) {
  fleet::v1::ReportRequest request = GoodReport();
  request.mutable_receipt()->set_device_id(std::string(17, 'd'));
  EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument,
                                              HasSubstr("device_id: has 17 bytes, expected 16")));
  request = GoodReport();
  request.mutable_receipt()->set_certificate_chain(0, std::string(2049, 'c'));
  EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 2048")));
}

TEST(MessageCheckTest, RefusesLongLists) {
  fleet::v1::ReportRequest request = GoodReport();
  for (int i = 0; i < 2; ++i) request.mutable_receipt()->add_certificate_chain(std::string(1, 'c'));
  EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 2")));
  fleet::v1::GetChunksRequest chunks;
  chunks.set_protocol(1);
  for (int i = 0; i < 257; ++i) chunks.add_sha256(std::string(32, 'h'));
  EXPECT_THAT(CheckRequest(chunks), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 256")));
}

TEST(MessageCheckTest, RefusesUnknownFieldsAlsoInside) {
  fleet::v1::ReportRequest request = GoodReport();
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(99, "what the user said");
  EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("99")));
  request = GoodReport();
  fleet::v1::Receipt& receipt = *request.mutable_receipt();
  receipt.GetReflection()->MutableUnknownFields(&receipt)->AddVarint(98, 1);
  EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("98")));
}

TEST(MessageCheckTest, RefusesUnknownEnumerationValues) {
  fleet::v1::ReportRequest request = GoodReport();
  request.set_state(static_cast<fleet::v1::UpdateState>(77));
  EXPECT_THAT(CheckRequest(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("77")));
}

TEST(MessageCheckTest, RefusesOtherProtocols) {
  fleet::v1::ReportRequest request = GoodReport();
  request.set_protocol(2);
  EXPECT_THAT(CheckRequest(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("update the coordinator")));
  request.set_protocol(0);
  EXPECT_THAT(CheckRequest(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("update the device")));
}

}  // namespace
}  // namespace linnet::coordinator
