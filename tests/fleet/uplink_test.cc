#include "agent/fleet/uplink.h"

#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <map>

#include "linnet/fleet/v1/fleet.pb.h"
#include "runtime/base/hash.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;
using ::linnet::testing::StatusIs;
using ::testing::HasSubstr;

v1::ReportRequest GoodReport() {
  v1::ReportRequest report;
  report.set_protocol(1);
  report.set_attempt(300);
  report.set_reason(v1::CRASHED);
  v1::Receipt& receipt = *report.mutable_receipt();
  receipt.set_device_id(std::string(16, 'd'));
  receipt.set_outcome(v1::FAILED);
  receipt.set_signature(std::string(64, 's'));
  receipt.add_certificate_chain("leaf");
  receipt.add_certificate_chain("intermediate");
  return report;
}

TEST(UplinkTest, WalksEveryValueWithItsMeaningAndSize) {
  const auto fields = FieldsOf(GoodReport());
  ASSERT_THAT(fields, IsOk());
  std::map<std::string, repo::UplinkField> by_name;
  for (const repo::UplinkField& field : *fields) by_name[field.name] = field;
  EXPECT_EQ(by_name.size(), 8u);
  EXPECT_EQ(by_name["attempt"].value, "300");
  EXPECT_EQ(by_name["attempt"].bytes, 2u);
  EXPECT_EQ(by_name["attempt"].kind, "COUNTER");
  EXPECT_EQ(by_name["reason"].value, "8");
  EXPECT_EQ(by_name["reason"].kind, "OUTCOME");
  EXPECT_EQ(by_name["receipt.device_id"].kind, "DEVICE_ID");
  EXPECT_EQ(by_name["receipt.device_id"].value, base::Hex(std::string(16, 'd')));
  EXPECT_EQ(by_name["receipt.signature"].bytes, 64u);
  EXPECT_EQ(by_name["receipt.certificate_chain[1]"].value, base::Hex("intermediate"));
}

TEST(UplinkTest, WhatTheSchemaDoesNotSayIsNotSent) {
  v1::CheckInRequest unknown;
  unknown.GetReflection()->MutableUnknownFields(&unknown)->AddLengthDelimited(99)->assign(
      "what the user said");
  EXPECT_THAT(FieldsOf(unknown),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("field number 99 is not known")));

  v1::ReportRequest nested = GoodReport();
  v1::Receipt& receipt = *nested.mutable_receipt();
  receipt.GetReflection()->MutableUnknownFields(&receipt)->AddVarint(50, 7);
  EXPECT_THAT(FieldsOf(nested), StatusIs(absl::StatusCode::kInvalidArgument));

  v1::CheckInRequest wrong_length;
  wrong_length.set_model_sha256("short");
  EXPECT_THAT(FieldsOf(wrong_length), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected 32")));

  v1::GetChunksRequest too_many;
  for (int i = 0; i < 29; ++i) too_many.add_sha256(std::string(32, 'h'));
  EXPECT_THAT(FieldsOf(too_many), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 28")));

  v1::ReportRequest long_certificate = GoodReport();
  long_certificate.mutable_receipt()->set_certificate_chain(0, std::string(2049, 'c'));
  EXPECT_THAT(FieldsOf(long_certificate), StatusIs(absl::StatusCode::kInvalidArgument));

  v1::ReportRequest open_list = GoodReport();
  open_list.set_reason(static_cast<v1::Reason>(99));
  EXPECT_THAT(FieldsOf(open_list), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("value 99")));

  // Answers come down and have no stated meaning: they can never go up.
  v1::CheckInResponse down;
  down.set_plan("plans/x.json");
  EXPECT_THAT(FieldsOf(down), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no stated meaning")));
}

TEST(UplinkTest, TheGateWritesFirstAndClosesWhenTheDayIsUsedUp) {
  auto state = repo::StateDatabase::Open(":memory:");
  ASSERT_THAT(state, IsOk());
  FakeClock clock;
  bool updating = false;
  UplinkGate gate(**state, clock, 20, [&] { return updating; });
  v1::WatchRequest watch;  // 2 bytes
  watch.set_protocol(1);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(gate.Admit(watch, false), IsOk());
  EXPECT_THAT(gate.Admit(watch, false),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("20 of 20")));
  EXPECT_THAT(gate.Admit(watch, true), StatusIs(absl::StatusCode::kResourceExhausted))
      << "what an update needs, but none is under way";
  updating = true;
  EXPECT_THAT(gate.Admit(watch, false), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(gate.Admit(watch, true), IsOk()) << "an update goes on";
  clock.Advance(absl::Hours(24));
  EXPECT_THAT(gate.Admit(watch, false), IsOk()) << "a new day";
  EXPECT_THAT((*state)->Read([&] {
    repo::UplinkJournal journal((*state)->db());
    EXPECT_EQ(journal.Totals(clock.Now())->messages, 12u) << "what was not admitted is not in it";
    const auto messages = journal.List(0, 100);
    EXPECT_EQ(messages->front().message, "linnet.fleet.v1.WatchRequest");
    EXPECT_FALSE(messages->front().for_update);
    EXPECT_TRUE((*messages)[10].for_update);
    return absl::OkStatus();
  }),
              IsOk());
}

TEST(UplinkTest, AnswersToOtherDevicesAreCountedByKindAndWhatDidNotGoIsTakenBack) {
  auto state = repo::StateDatabase::Open(":memory:");
  ASSERT_THAT(state, IsOk());
  FakeClock clock;
  UplinkGate gate(**state, clock, 20);
  EXPECT_THAT(gate.CountServed("b", 16, 16 << 20), IsOk());
  EXPECT_THAT(gate.CountServed("a", 1, 108), IsOk());
  EXPECT_THAT(gate.CountServed("b", -6, -(15 << 20)), IsOk());
  EXPECT_THAT(gate.CountServed("a", -9, -9000), IsOk());
  EXPECT_THAT((*state)->Read([&] {
    const auto totals = repo::UplinkJournal((*state)->db()).Totals(clock.Now());
    EXPECT_EQ(totals->messages, 0U) << "nothing of it is the budget's";
    EXPECT_EQ(totals->bytes_today, 0U);
    EXPECT_EQ(totals->served.size(), 2U);
    EXPECT_EQ(totals->served[0].message, "a");
    EXPECT_EQ(totals->served[0].messages, 0U);
    EXPECT_EQ(totals->served[0].bytes, 0U);
    EXPECT_EQ(totals->served[1].messages, 10U);
    EXPECT_EQ(totals->served[1].bytes, uint64_t{1} << 20);
    return absl::OkStatus();
  }),
              IsOk());
}

}  // namespace
}  // namespace linnet::fleet
