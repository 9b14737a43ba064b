#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/hash.h"
#include "tests/coordinator/fleet_fixture.h"

namespace linnet::coordinator {
namespace {

using grpc::StatusCode;
using ::testing::HasSubstr;

class EnrollmentTest : public FleetFixture {};

TEST_F(EnrollmentTest, ATokenMakesAMemberAndBothSidesProveIt) {
  auto device = DeviceWithToken("fridge-kitchen");
  EXPECT_EQ(device->token->coordinator_address, coordinator_->fleet_address());
  const fleet::v1::EnrollRequest request = device->EnrollRequest();
  Context context;
  fleet::v1::EnrollResponse response;
  ASSERT_TRUE(Anonymous()->Enroll(&context, request, &response).ok());
  EXPECT_EQ(response.device_name(), "fridge-kitchen");
  ASSERT_EQ(response.certificate_chain_size(), 2);
  const std::vector<std::string> chain(response.certificate_chain().begin(),
                                       response.certificate_chain().end());
  EXPECT_EQ(response.mac(), net::EnrollReplyMac(device->token->secret, request.nonce(), chain,
                                                response.fleet_root(), response.tuf_root()));
  const auto leaf = base::Certificate::FromDer(chain[0]);
  const auto intermediate = base::Certificate::FromDer(chain[1]);
  const auto root = base::Certificate::FromDer(response.fleet_root());
  const auto name = base::VerifyChain(std::vector{*leaf, *intermediate}, *root, base::CertificateUse::kClient,
                                      base::kDeviceUri, clock_.Now());
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*name, base::Hex(device->id));
  EXPECT_LE(leaf->not_after() - clock_.Now(), absl::Hours(24 * 30));

  device->chain = chain;
  fleet::v1::CheckInResponse check_in;
  const grpc::Status status = CheckIn(*device, &check_in);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(check_in.next_check_in_seconds(), 7u);
  EXPECT_GT(check_in.timestamp_version(), 0u);
  EXPECT_EQ(check_in.plan(), "");
}

TEST_F(EnrollmentTest, TheSameKeyMayTryAgainAnotherMayNot) {
  auto device = DeviceWithToken("hall");
  ASSERT_TRUE(Enroll(*device).ok());
  ASSERT_TRUE(Enroll(*device).ok());
  TestDevice thief;
  thief.id = base::RandomBytes(16);
  thief.token = device->token;
  const grpc::Status status = Enroll(thief);
  EXPECT_EQ(status.error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status.error_message(), HasSubstr("used by another device"));
  Context context;
  admin::v1::ListDevicesResponse devices;
  ASSERT_TRUE(admin().ListDevices(&context, {}, &devices).ok());
  EXPECT_EQ(devices.devices_size(), 1);
}

TEST_F(EnrollmentTest, ExpiredForeignAndForgedTokensAreNotToldApart) {
  auto expired = DeviceWithToken("one", 60);
  clock_.Advance(absl::Seconds(60));
  const grpc::Status after = Enroll(*expired);
  EXPECT_EQ(after.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(after.error_message(), HasSubstr("make a new one"));

  auto unknown = DeviceWithToken("two");
  unknown->token->id = std::string(8, 'x');
  EXPECT_EQ(Enroll(*unknown).error_message(), after.error_message());

  auto forged = DeviceWithToken("three");
  forged->token->secret = std::string(32, 'x');
  EXPECT_EQ(Enroll(*forged).error_message(), after.error_message());

  auto other_site = DeviceWithToken("four");
  other_site->token->spki_sha256 = std::string(32, 'x');  // the MAC covers the pin
  EXPECT_EQ(Enroll(*other_site).error_message(), after.error_message());
}

TEST_F(EnrollmentTest, RefusesAKeyThatTheDeviceDoesNotHold) {
  auto device = DeviceWithToken("one");
  fleet::v1::EnrollRequest request = device->EnrollRequest();
  request.set_signature(std::string(64, 's'));
  Context context;
  fleet::v1::EnrollResponse response;
  EXPECT_EQ(Anonymous()->Enroll(&context, request, &response).error_code(), StatusCode::UNAUTHENTICATED);
  // A token that met a bad request is not used up.
  EXPECT_TRUE(Enroll(*device).ok());
}

TEST_F(EnrollmentTest, ATokenCannotTakeOverAMember) {
  const auto member = NewDevice("press");
  auto thief = DeviceWithToken("thief");
  thief->id = member->id;
  EXPECT_EQ(Enroll(*thief).error_code(), StatusCode::ALREADY_EXISTS);
  fleet::v1::CheckInResponse response;
  EXPECT_TRUE(CheckIn(*member, &response).ok());
}

TEST_F(EnrollmentTest, NamesAreCheckedAndUnique) {
  NewDevice("press");
  admin::v1::CreateTokenResponse response;
  for (const char* name : {"", "Press", "a b", "-a", "a-", "\xc3\xa4"}) {
    Context context;
    admin::v1::CreateTokenRequest request;
    request.set_device_name(name);
    EXPECT_EQ(admin().CreateToken(&context, request, &response).error_code(), StatusCode::INVALID_ARGUMENT)
        << name;
  }
  Context context;
  admin::v1::CreateTokenRequest request;
  request.set_device_name("press");
  EXPECT_EQ(admin().CreateToken(&context, request, &response).error_code(), StatusCode::ALREADY_EXISTS);
}

TEST_F(EnrollmentTest, RenewsWithANewKeyWhichReplacesTheOldAtFirstUse) {
  const auto device = NewDevice("press");
  TestDevice old = *device;
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(Renew(*device, base::PrivateKey::Generate(base::KeyType::kP256)).ok());
  EXPECT_TRUE(CheckIn(old, &response).ok());  // the answer might have been lost: the old one works still
  EXPECT_TRUE(CheckIn(*device, &response).ok());
  EXPECT_EQ(CheckIn(old, &response).error_code(), StatusCode::PERMISSION_DENIED);
}

TEST_F(EnrollmentTest, RenewsAgainWhenTheDeviceLostPowerAfterTheFirstUse) {
  const auto device = NewDevice("press");
  TestDevice saved = *device;  // what its disk holds: the old certificate and key, and the pending key
  const base::PrivateKey pending = base::PrivateKey::Generate(base::KeyType::kP256);
  ASSERT_TRUE(Renew(*device, pending).ok());
  fleet::v1::CheckInResponse response;
  ASSERT_TRUE(CheckIn(*device, &response).ok());  // from here on the pending key is the one on record
  TestDevice thief = saved;
  EXPECT_EQ(Renew(thief, base::PrivateKey::Generate(base::KeyType::kP256)).error_code(),
            StatusCode::PERMISSION_DENIED);  // of the replaced key alone
  const grpc::Status again = Renew(saved, pending);
  ASSERT_TRUE(again.ok()) << again.error_message();
  EXPECT_TRUE(CheckIn(saved, &response).ok());
}

TEST_F(EnrollmentTest, RenewsAnExpiredCertificateForHalfAYear) {
  const auto device = NewDevice("press");
  fleet::v1::CheckInResponse response;
  clock_.Advance(absl::Hours(24 * 31));
  EXPECT_EQ(CheckIn(*device, &response).error_code(), StatusCode::UNAVAILABLE);  // the handshake refuses it
  ASSERT_TRUE(Renew(*device, device->key).ok());
  EXPECT_TRUE(CheckIn(*device, &response).ok());
  clock_.Advance(absl::Hours(24 * 211));
  const grpc::Status late = Renew(*device, device->key);
  EXPECT_EQ(late.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(late.error_message(), HasSubstr("enrol again"));
}

TEST_F(EnrollmentTest, RenewRefusesStrangersAndForgedSignatures) {
  const auto device = NewDevice("press");
  TestDevice stranger = *device;
  stranger.key = base::PrivateKey::Generate(base::KeyType::kP256);
  EXPECT_EQ(Renew(stranger, stranger.key).error_code(), StatusCode::PERMISSION_DENIED);
  stranger.id = base::RandomBytes(16);
  EXPECT_EQ(Renew(stranger, stranger.key).error_code(), StatusCode::PERMISSION_DENIED);
  fleet::v1::RenewRequest request = device->RenewRequest(stranger.key);
  request.set_new_signature(std::string(64, 'x'));
  Context context;
  fleet::v1::EnrollResponse response;
  EXPECT_EQ(Anonymous()->Renew(&context, request, &response).error_code(), StatusCode::PERMISSION_DENIED);
}

TEST_F(EnrollmentTest, RevocationWorksAtOnceAndStays) {
  const auto device = NewDevice("press");
  auto stub = As(*device);
  fleet::v1::CheckInRequest request;
  request.set_protocol(1);
  fleet::v1::CheckInResponse response;
  {
    Context context;
    ASSERT_TRUE(stub->CheckIn(&context, request, &response).ok());
  }
  Context watch_context;
  fleet::v1::WatchRequest watch_request;
  watch_request.set_protocol(1);
  const auto watch = stub->Watch(&watch_context, watch_request);
  fleet::v1::WatchResponse seen;
  ASSERT_TRUE(watch->Read(&seen));
  {
    Context context;
    admin::v1::RevokeDeviceRequest revoke;
    revoke.set_id(device->id);
    admin::v1::RevokeDeviceResponse revoked;
    ASSERT_TRUE(admin().RevokeDevice(&context, revoke, &revoked).ok());
  }
  {
    Context context;  // on the connection that is open
    EXPECT_EQ(stub->CheckIn(&context, request, &response).error_code(), StatusCode::PERMISSION_DENIED);
  }
  EXPECT_FALSE(watch->Read(&seen));
  EXPECT_EQ(watch->Finish().error_code(), StatusCode::PERMISSION_DENIED);
  RestartCoordinator();
  EXPECT_EQ(CheckIn(*device, &response).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Renew(*device, device->key).error_code(), StatusCode::PERMISSION_DENIED);
  // Its name is free again.
  NewDevice("press");
}

}  // namespace
}  // namespace linnet::coordinator
