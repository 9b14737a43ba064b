// Exact replays: the same bytes again, by who said them first and by who has them now. Each has a clear code
// or the same answer again, and changes nothing that the coordinator knows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "runtime/base/hash.h"
#include "runtime/base/string_view.h"
#include "tests/coordinator/fleet_fixture.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;

class ReplayTest : public FleetFixture {
 protected:
  // All that it tells an operator but the time and the memory it takes: members, rollouts, published
  // metadata, the log of it, the audit.
  std::string State() {
    Context a, b, c, d;
    admin::v1::ListDevicesResponse devices;
    EXPECT_TRUE(admin().ListDevices(&a, {}, &devices).ok());
    admin::v1::ListRolloutsResponse rollouts;
    EXPECT_TRUE(admin().ListRollouts(&b, {}, &rollouts).ok());
    admin::v1::ListAuditRequest every;
    every.set_limit(1000);
    admin::v1::ListAuditResponse audit;
    EXPECT_TRUE(admin().ListAudit(&c, every, &audit).ok());
    admin::v1::ListPublishedResponse published;
    EXPECT_TRUE(admin().ListPublished(&d, {}, &published).ok());
    std::string all = devices.DebugString() + rollouts.DebugString();
    if (with_audit_) all += audit.DebugString();
    if (with_log_) all += base::Hex(published.log_root_sha256());
    for (const auto& [role, bytes] : CurrentMetadata()) all += role + base::Hex(base::Sha256(bytes));
    return all;
  }
  // `call` again, `code` each time, and nothing changes.
  void Again(StatusCode code, const std::function<grpc::Status()>& call) {
    const std::string before = State();
    for (int i = 0; i < 2; ++i) {
      const grpc::Status status = call();
      EXPECT_EQ(status.error_code(), code) << status.error_message();
    }
    EXPECT_TRUE(State() == before) << "something has changed";
  }
  // Under any identity, as somebody who has the bytes has another connection.
  template <typename Method, typename Request, typename Response>
  std::function<grpc::Status()> Say(Method method, const Request& request, Response* response,
                                    const TestDevice* as = nullptr) {
    return [this, method, request, response, as] {
      Context context;
      const auto stub = as == nullptr ? Anonymous() : As(*as);
      return (stub.get()->*method)(&context, request, response);
    };
  }
  static std::string KeyIn(const fleet::v1::EnrollResponse& response) {
    const auto leaf = base::Certificate::FromDer(response.certificate_chain(0));
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return leaf->public_key().Raw();
  }
  // A device that shows this key's certificate.
  static TestDevice With(const TestDevice& device, const base::PrivateKey& key,
                         const fleet::v1::EnrollResponse& response) {
    TestDevice other = device;
    other.key = key;
    other.chain.assign(response.certificate_chain().begin(), response.certificate_chain().end());
    return other;
  }
  bool with_audit_ = true;
  bool with_log_ = true;  // not where the clock moves: the timestamp is signed anew then

  void Revoke(const TestDevice& device) {
    Context context;
    admin::v1::RevokeDeviceRequest request;
    request.set_id(device.id);
    admin::v1::RevokeDeviceResponse response;
    EXPECT_TRUE(admin().RevokeDevice(&context, request, &response).ok());
  }
};

TEST_F(ReplayTest, EnrollGivesTheSameKeyACertificateAgainUntilItIsReplacedOrRevoked) {
  with_log_ = false;
  const auto device = DeviceWithToken("press");
  const fleet::v1::EnrollRequest request = device->EnrollRequest();
  fleet::v1::EnrollResponse first, again;
  ASSERT_TRUE(Say(&Fleet::Stub::Enroll, request, &first)().ok());
  const auto replay = Say(&Fleet::Stub::Enroll, request, &again);
  Again(StatusCode::OK, replay);
  EXPECT_EQ(KeyIn(again), device->key.public_key().Raw());
  clock_.Advance(absl::Minutes(2));
  Again(StatusCode::OK, replay);

  // A renewal that is under way stays so.
  device->chain.assign(first.certificate_chain().begin(), first.certificate_chain().end());
  const base::PrivateKey next = base::PrivateKey::Generate(base::KeyType::kP256);
  fleet::v1::EnrollResponse renewed;
  ASSERT_TRUE(Say(&Fleet::Stub::Renew, device->RenewRequest(next), &renewed)().ok());
  Again(StatusCode::OK, replay);
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(With(*device, next, renewed), &response).ok());
  Again(StatusCode::ALREADY_EXISTS, replay);

  Revoke(*device);
  Again(StatusCode::PERMISSION_DENIED, replay);
  clock_.Advance(absl::Hours(1));
  Again(StatusCode::UNAUTHENTICATED, replay);
}

TEST_F(ReplayTest, RenewChangesNothingASecondTimeAboveAllNoNewerKey) {
  with_log_ = false;
  const auto device = NewDevice("press");
  const base::PrivateKey second = base::PrivateKey::Generate(base::KeyType::kP256);
  const base::PrivateKey third = base::PrivateKey::Generate(base::KeyType::kP256);
  fleet::v1::EnrollResponse renewed, again;
  fleet::v1::CheckInResponse response;
  clock_.Advance(absl::Hours(24 * 20));
  const auto to_second = Say(&Fleet::Stub::Renew, device->RenewRequest(second), &renewed);
  ASSERT_TRUE(to_second().ok());
  const auto replay = Say(&Fleet::Stub::Renew, device->RenewRequest(second), &again);
  Again(StatusCode::OK, to_second);
  Again(StatusCode::OK, replay);  // as after an answer that was lost
  EXPECT_EQ(KeyIn(again), second.public_key().Raw());

  const TestDevice with_second = With(*device, second, renewed);
  ASSERT_TRUE(CheckIn(with_second, &response).ok());
  Again(StatusCode::OK, to_second);  // who lost power before the new certificate was saved

  fleet::v1::EnrollResponse renewed_again;
  const auto to_third = Say(&Fleet::Stub::Renew, with_second.RenewRequest(third), &renewed_again);
  ASSERT_TRUE(to_third().ok());
  Again(StatusCode::OK, to_second);
  clock_.Advance(absl::Hours(24 * 16));  // what it brings now is a new certificate, of the key on record
  ASSERT_TRUE(to_second().ok());
  const TestDevice with_third = With(*device, third, renewed_again);
  EXPECT_TRUE(CheckIn(with_third, &response).ok()) << "the key that it asked for since is not forgotten";

  Again(StatusCode::PERMISSION_DENIED, to_second);
  EXPECT_TRUE(CheckIn(with_third, &response).ok());
  Revoke(*device);
  Again(StatusCode::PERMISSION_DENIED, to_third);
}

TEST_F(ReplayTest, EveryOtherCallOfADeviceIsAnsweredAgainAndChangesNothing) {
  const auto device = NewDevice("press");
  const auto other = NewDevice("fridge");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  const SignedPlan plan = PublishPlan(model, {device.get()});
  ASSERT_TRUE(Start(plan).ok());

  fleet::v1::CheckInRequest check_in;
  check_in.set_protocol(2);
  check_in.set_state(fleet::v1::IDLE);
  fleet::v1::CheckInResponse checked;
  const auto say_check_in = Say(&Fleet::Stub::CheckIn, check_in, &checked, device.get());
  ASSERT_TRUE(say_check_in().ok());
  Again(StatusCode::OK, say_check_in);
  EXPECT_EQ(checked.plan(), plan.target);

  fleet::v1::GetMetadataRequest metadata;
  metadata.set_protocol(2);
  metadata.set_role(fleet::v1::TIMESTAMP);
  fleet::v1::GetMetadataResponse bytes;
  Again(StatusCode::OK, Say(&Fleet::Stub::GetMetadata, metadata, &bytes, device.get()));
  fleet::v1::GetLogProofRequest log;
  log.set_protocol(2);
  fleet::v1::GetLogProofResponse proof;
  const grpc::Status proved = Say(&Fleet::Stub::GetLogProof, log, &proof, device.get())();
  Again(proved.error_code(), Say(&Fleet::Stub::GetLogProof, log, &proof, device.get()));
  fleet::v1::GetPeersRequest ask;
  ask.set_protocol(2);
  ask.set_file_sha256(std::string(base::AsView(base::Sha256(model.bytes))));
  fleet::v1::GetPeersResponse peers;
  Again(StatusCode::OK, Say(&Fleet::Stub::GetPeers, ask, &peers, device.get()));
  Again(StatusCode::OK, [&] {
    Context context;
    fleet::v1::GetChunksRequest request;
    request.set_protocol(2);
    request.add_sha256(std::string(base::AsView(base::Sha256(plan.json))));
    const auto stub = As(*device);
    const auto reader = stub->GetChunks(&context, request);
    fleet::v1::GetChunksResponse chunk;
    EXPECT_TRUE(reader->Read(&chunk));
    EXPECT_EQ(chunk.data(), plan.json);
    return reader->Finish();
  });
  Again(StatusCode::CANCELLED, [&] {
    Context context;
    fleet::v1::WatchRequest request;
    request.set_protocol(2);
    const auto stub = As(*device);
    const auto reader = stub->Watch(&context, request);
    fleet::v1::WatchResponse news;
    EXPECT_TRUE(reader->Read(&news));
    context.TryCancel();
    return reader->Finish();
  });

  // In the newest revision: without certificates, which the coordinator has.
  fleet::v1::ReportRequest report = device->Report(plan.sha256, plan.plan.model_sha256, fleet::v1::PASSED);
  report.set_protocol(2);
  EXPECT_EQ(Report(*device, report).error_code(), StatusCode::INVALID_ARGUMENT) << "it has certificates";
  report.mutable_receipt()->clear_certificate_chain();
  ASSERT_TRUE(Report(*device, report).ok());
  EXPECT_EQ(NewestRollout().waves(0).passed(), 1U);
  Again(StatusCode::OK, [&] { return Report(*device, report); });
  Again(StatusCode::PERMISSION_DENIED, [&] { return Report(*other, report); });
  // What the coordinator made of it is what devices of later waves are told.
  fleet::v1::CheckInResponse answer;
  ASSERT_TRUE(CheckIn(*other, &answer).ok());
  ASSERT_EQ(answer.receipts_size(), 1);
  EXPECT_THAT(answer.receipts(0).certificate_chain(),
              ::testing::ElementsAre(device->chain.at(0), device->chain.at(1)));
}

TEST_F(ReplayTest, WhatAnOperatorSaysTwiceIsDoneOnce) {
  const auto device = NewDevice("press");
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  with_audit_ = false;  // it says that somebody published, and what the newest is
  Again(StatusCode::OK, [&] { return Publish(model); });
  with_audit_ = true;
  const SignedPlan plan = PublishPlan(model, {device.get()});
  const auto start = [&] { return Start(plan); };
  ASSERT_TRUE(start().ok());
  Again(StatusCode::OK, start);
  const auto pause = [&] {
    Context context;
    admin::v1::PauseRolloutResponse response;
    return admin().PauseRollout(&context, {}, &response);
  };
  ASSERT_TRUE(pause().ok());
  Again(StatusCode::OK, pause);

  const trust::Lift lift{.rollout = plan.plan.id,
                         .plan_sha256 = plan.sha256,
                         .number = 1,
                         .most_failures = 0,
                         .created = clock_.Now(),
                         .expires = clock_.Now() + absl::Hours(1)};
  const auto signed_lift = site_->SignLift(lift, CurrentMetadata());
  ASSERT_TRUE(signed_lift.ok()) << signed_lift.status();
  ASSERT_TRUE(PublishParts(signed_lift->metadata, signed_lift->small_targets).ok());
  const auto resume = [&] {
    Context context;
    admin::v1::ResumeRolloutRequest request;
    request.set_lift(lift.Target());
    admin::v1::ResumeRolloutResponse response;
    return admin().ResumeRollout(&context, request, &response);
  };
  ASSERT_TRUE(resume().ok());
  Again(StatusCode::FAILED_PRECONDITION, resume);
  ASSERT_TRUE(pause().ok());
  Again(StatusCode::FAILED_PRECONDITION, resume);

  const auto stop = [&] {
    Context context;
    admin::v1::StopRolloutResponse response;
    return admin().StopRollout(&context, {}, &response);
  };
  ASSERT_TRUE(stop().ok());
  Again(StatusCode::OK, stop);
  Again(StatusCode::FAILED_PRECONDITION, start);
  Revoke(*device);
  Again(StatusCode::OK, [&] {
    Context context;
    admin::v1::RevokeDeviceRequest request;
    request.set_id(device->id);
    admin::v1::RevokeDeviceResponse response;
    return admin().RevokeDevice(&context, request, &response);
  });
  // Each time a secret of its own, and a line in the audit: whoever may ask may have several. Of those for
  // one name one makes a member.
  const auto first = DeviceWithToken("voice-hall"), second = DeviceWithToken("voice-hall");
  EXPECT_TRUE(Enroll(*first).ok());
  EXPECT_EQ(Enroll(*second).error_code(), StatusCode::ALREADY_EXISTS);
}

}  // namespace
}  // namespace linnet::coordinator
