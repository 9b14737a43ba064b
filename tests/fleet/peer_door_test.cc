// Who gets in at a device's door for peers, and what they get there.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "agent/peers/upload_pace.h"
#include "coordinator/site_files.h"
#include "runtime/base/hash.h"
#include "runtime/net/address.h"
#include "tests/fleet/peer_fixture.h"
#include "tests/support/hostile_rpc.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::grpc::StatusCode;
using ::linnet::testing::IsOk;
using ::testing::HasSubstr;

class PeerDoorTest : public PeerFixture {
 protected:
  void Open(peers::PeerOptions options = Peering(), size_t bytes = 100'000, uint32_t chunk_bytes = 4096) {
    options.is_refused = [this](const std::string& device, const base::Certificate& certificate) {
      return refuse_ && device == friend_->id && certificate.UriOf(base::kDeviceUri).has_value();
    };
    friend_ = NewDevice("friend");
    member_ = NewPeer("press-line-3", options);
    model_ = SignModel("1", bytes, chunk_bytes);
    door_ = Seed(*member_, model_);
    ASSERT_NE(door_, "");
    chunks_ = ChunksOf(model_);
  }
  StatusCode CodeFor(std::optional<net::TlsIdentity> identity) {
    return Fetch(Door(door_, std::move(identity)), {chunks_[0]}).status.error_code();
  }
  // A certificate that `issuer` vouches for, whatever it says.
  net::TlsIdentity Issued(const base::Certificate& issuer, const base::PrivateKey& issuer_key,
                          const std::string& uri, const std::vector<base::Certificate>& above) {
    const base::PrivateKey key = base::PrivateKey::Generate(base::KeyType::kP256);
    base::CertificateRequest request;
    request.common_name = "x";
    request.uri = uri;
    request.not_before = clock_.Now() - absl::Hours(1);
    request.not_after = clock_.Now() + absl::Hours(1);
    const auto leaf = base::Issue(issuer, issuer_key, key.public_key(), request);
    EXPECT_THAT(leaf, IsOk());
    std::string pem = leaf->ToPem();
    for (const base::Certificate& certificate : above) pem += certificate.ToPem();
    return {pem, key.ToPem()};
  }
  grpc::Status Call(const peer::v1::GetChunksRequest& request,
                    std::chrono::milliseconds within = std::chrono::seconds(20)) {
    grpc::ClientContext context;
    if (within.count() > 0) context.set_deadline(std::chrono::system_clock::now() + within);
    const auto stub = peer::v1::Peer::NewStub(Door(door_, friend_->Identity()));
    const auto reader = stub->GetChunks(&context, request);
    peer::v1::GetChunksResponse response;
    while (reader->Read(&response)) {
    }
    return reader->Finish();
  }

  std::atomic<bool> refuse_ = false;
  std::unique_ptr<coordinator::TestDevice> friend_;
  std::unique_ptr<Member> member_;
  Model model_;
  std::string door_;
  std::vector<std::string> chunks_;
};

TEST_F(PeerDoorTest, OnlyDevicesOfTheFleetGetIn) {
  Open();
  EXPECT_EQ(CodeFor(friend_->Identity()), StatusCode::OK);
  EXPECT_EQ(CodeFor(std::nullopt), StatusCode::UNAVAILABLE);

  const base::PrivateKey foreign_key = base::PrivateKey::Generate(base::KeyType::kP256);
  base::CertificateRequest authority;
  authority.common_name = "another fleet";
  authority.use = base::CertificateUse::kAuthority;
  authority.not_before = clock_.Now() - absl::Hours(1);
  authority.not_after = clock_.Now() + absl::Hours(100);
  const base::Certificate foreign = base::IssueSelfSigned(foreign_key, authority);
  const std::string id = base::Hex(friend_->id);
  EXPECT_EQ(CodeFor(Issued(foreign, foreign_key, absl::StrCat("linnet-device:", id), {})),
            StatusCode::UNAVAILABLE)
      << "a device's id under a foreign root";
  EXPECT_EQ(CodeFor(Issued(foreign, foreign_key, "linnet-owner:0123", {})), StatusCode::UNAVAILABLE)
      << "an owner's certificate";

  const auto site = coordinator::LoadSiteFiles(base::FileSystem::Real(), config_.site_dir);
  ASSERT_THAT(site, IsOk());
  EXPECT_EQ(CodeFor(Issued(site->device_ca, site->device_ca_key, absl::StrCat("linnet-device:", id),
                           {site->device_ca})),
            StatusCode::OK);
  EXPECT_EQ(CodeFor(Issued(site->device_ca, site->device_ca_key, "linnet-owner:0123", {site->device_ca})),
            StatusCode::UNAVAILABLE)
      << "an owner's, even if the fleet's authority had signed it";
  EXPECT_EQ(CodeFor(site->server), StatusCode::UNAVAILABLE) << "the coordinator's own";
  EXPECT_EQ(CodeFor(OperatorIdentity()), StatusCode::UNAVAILABLE);
}

TEST_F(PeerDoorTest, WhoIsRefusedIsOutAtOnceAlsoOnAnOpenConnection) {
  Open();
  const auto connection = Door(door_, friend_->Identity());
  EXPECT_TRUE(Fetch(connection, {chunks_[0]}).status.ok());
  refuse_ = true;
  const Fetched refused = Fetch(connection, {chunks_[0]});
  EXPECT_EQ(refused.status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.status.error_message(), HasSubstr("revoked"));
  EXPECT_EQ(CodeFor(friend_->Identity()), StatusCode::UNAVAILABLE) << "not even a handshake";
  const auto other = NewDevice("other");
  EXPECT_EQ(CodeFor(other->Identity()), StatusCode::OK);
}

TEST_F(PeerDoorTest, WhomTheSignedListNamesIsOutWithNoCoordinatorAsked) {
  Open();
  const auto connection = Door(door_, friend_->Identity());
  EXPECT_TRUE(Fetch(connection, {chunks_[0]}).status.ok());
  trust::RevokedList list{.version = 1, .devices = {}};
  ASSERT_THAT(list.Add({.device = base::Hex(friend_->id),
                        .revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(clock_.Now()))}),
              IsOk());
  const auto publication = site_->SignRevoked(list, CurrentMetadata());
  ASSERT_THAT(publication, IsOk());
  ASSERT_TRUE(PublishParts(publication->metadata, publication->small_targets).ok());
  ASSERT_TRUE(RunUntil([&] { return member_->agent->revocations().IsRevoked(friend_->id); }));
  coordinator_.reset();
  EXPECT_EQ(Fetch(connection, {chunks_[0]}).status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CodeFor(friend_->Identity()), StatusCode::UNAVAILABLE);
}

TEST_F(PeerDoorTest, ServesInTheOrderAskedForUpToTheFirstThatItLacks) {
  Open();
  const std::string unknown(32, 'u');
  const Fetched fetched =
      Fetch(Door(door_, friend_->Identity()), {chunks_[3], chunks_[1], unknown, chunks_[2]});
  EXPECT_EQ(fetched.status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(fetched.chunks, ::testing::ElementsAre(chunks_[3], chunks_[1]));
}

TEST_F(PeerDoorTest, RefusesWhatThePeersDoNotSay) {
  Open();
  peer::v1::GetChunksRequest request;
  request.set_protocol(1);
  EXPECT_EQ(Call(request).error_code(), StatusCode::INVALID_ARGUMENT) << "no hash";
  request.add_sha256("short");
  EXPECT_EQ(Call(request).error_code(), StatusCode::INVALID_ARGUMENT);
  request.set_sha256(0, chunks_[0]);
  EXPECT_EQ(Call(request).error_code(), StatusCode::OK);
  EXPECT_EQ(Call(request, std::chrono::milliseconds(0)).error_code(), StatusCode::INVALID_ARGUMENT)
      << "no deadline";
  request.set_protocol(2);
  EXPECT_EQ(Call(request).error_code(), StatusCode::FAILED_PRECONDITION);
  request.set_protocol(1);
  while (request.sha256_size() < 29) request.add_sha256(chunks_[0]);
  EXPECT_EQ(Call(request).error_code(), StatusCode::INVALID_ARGUMENT) << "29 hashes";
  request.clear_sha256();
  request.add_sha256(chunks_[0]);
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(9)->assign("a word");
  EXPECT_EQ(Call(request).error_code(), StatusCode::INVALID_ARGUMENT) << "an unknown field";
  request.GetReflection()->MutableUnknownFields(&request)->AddLengthDelimited(9)->assign(
      std::string(20'000, 'w'));
  EXPECT_EQ(Call(request).error_code(), StatusCode::RESOURCE_EXHAUSTED) << "a large request";
}

TEST_F(PeerDoorTest, HostileRequestsOfAMemberGetClearAnswers) {
  Open();
  const auto codes = linnet::testing::CallWithHostileMessages(
      Door(door_, friend_->Identity()),
      *peer::v1::GetChunksRequest::descriptor()->file()->FindServiceByName("Peer"),
      linnet::testing::HostileRounds(300), 20261129, std::chrono::milliseconds(2000));
  EXPECT_EQ(linnet::testing::UnclearAnswers(codes), "");
  EXPECT_EQ(CodeFor(friend_->Identity()), StatusCode::OK);
}

TEST_F(PeerDoorTest, AMessageAboveTheLimitIsRefusedByEveryCall) {
  Open();
  constexpr size_t kLimit = 2 << 10;
  const auto& service = *peer::v1::GetChunksRequest::descriptor()->file()->FindServiceByName("Peer");
  const auto door = Door(door_, friend_->Identity());
  EXPECT_EQ(linnet::testing::NotTooLarge(
                linnet::testing::CallWithMessagesOf(kLimit + 1, door, service, std::chrono::seconds(5))),
            "");
  for (const auto& [method, code] :
       linnet::testing::CallWithMessagesOf(kLimit, door, service, std::chrono::seconds(5))) {
    EXPECT_EQ(code, StatusCode::FAILED_PRECONDITION) << method << ": it is read, and names no protocol";
  }
}

// What goes to another device beside published bytes: one of a few sentences, whatever it was about here.
TEST_F(PeerDoorTest, ARefusalSaysOneOfAFewSentencesAndNothingOfThisDevice) {
  Open();
  const auto connection = Door(door_, friend_->Identity());
  std::set<std::string> said;
  const auto hear = [&](const grpc::Status& status) {
    EXPECT_FALSE(status.ok());
    said.insert(status.error_message());
    EXPECT_EQ(status.error_details(), "");
  };
  peer::v1::GetChunksRequest request;
  hear(Call(request));
  request.set_protocol(1);
  hear(Call(request));
  request.add_sha256("short");
  hear(Call(request));
  request.set_sha256(0, std::string(32, 'u'));
  hear(Call(request));
  // The model's file is gone under it, and the disk has an error to tell.
  const std::string models = member_->dir / "models";
  const auto files = base::FileSystem::Real().List(models);
  ASSERT_THAT(files, IsOk());
  for (const std::string& file : *files) {
    ASSERT_THAT(base::FileSystem::Real().Rename(absl::StrCat(models, "/", file), member_->dir / file),
                IsOk());
  }
  hear(Fetch(connection, {chunks_[0]}).status);
  refuse_ = true;
  hear(Fetch(connection, {chunks_[0]}).status);
  EXPECT_THAT(
      said, ::testing::IsSubsetOf(
                {"the request is not as peer.proto has it", "this revision of peer.proto is not spoken here",
                 "a chunk that was asked for is not here", "the device that asks is revoked"}));
  EXPECT_EQ(said.size(), 4U);
}

TEST_F(PeerDoorTest, WhatItServesIsCountedExactlyWhenTheCallHasEnded) {
  Open();
  const auto served = [&] {
    std::map<std::string, std::pair<uint64_t, uint64_t>> out;
    EXPECT_THAT(member_->state->Read([&]() -> absl::Status {
      const auto totals = repo::UplinkJournal(member_->state->db()).Totals(clock_.Now());
      if (!totals.ok()) return totals.status();
      for (const repo::ServedTotal& total : totals->served)
        out[total.message] = {total.messages, total.bytes};
      return absl::OkStatus();
    }),
                IsOk());
    return out;
  };
  EXPECT_TRUE(served().empty());
  // Two go, at the third the call ends: the fourth was counted and is taken back.
  Fetch(Door(door_, friend_->Identity()), {chunks_[3], chunks_[1], std::string(32, 'u'), chunks_[2]});
  const std::string chunks = "linnet.peer.v1.GetChunksResponse";
  constexpr uint64_t kEach = 4096 + 3 + 34;  // data and hash, with what says that they are there
  EXPECT_TRUE(RunUntil([&] { return served()[chunks] == std::pair<uint64_t, uint64_t>(2, 2 * kEach); }))
      << served()[chunks].first << " " << served()[chunks].second;
  peer::v1::ExchangeHeadsRequest request;
  request.set_protocol(1);
  peer::v1::ExchangeHeadsResponse response;
  coordinator::Context context;
  ASSERT_TRUE(peer::v1::Peer::NewStub(Door(door_, friend_->Identity()))
                  ->ExchangeHeads(&context, request, &response)
                  .ok());
  EXPECT_EQ(served()["linnet.peer.v1.ExchangeHeadsResponse"],
            (std::pair<uint64_t, uint64_t>(1, response.ByteSizeLong())));
}

TEST_F(PeerDoorTest, OneDeviceTakesNotAllStreams) {
  Open(Peering(), 1 << 20, 64 << 10);
  peer::v1::GetChunksRequest request;
  request.set_protocol(1);
  for (const std::string& chunk : chunks_) request.add_sha256(chunk);
  const auto stub = peer::v1::Peer::NewStub(Door(door_, friend_->Identity()));
  coordinator::Context a, b;
  // Two that read one chunk and then nothing: a megabyte does not fit into what gRPC takes ahead.
  const auto first = stub->GetChunks(&a, request);
  const auto second = stub->GetChunks(&b, request);
  peer::v1::GetChunksResponse response;
  ASSERT_TRUE(first->Read(&response));
  ASSERT_TRUE(second->Read(&response));
  EXPECT_EQ(CodeFor(friend_->Identity()), StatusCode::RESOURCE_EXHAUSTED);
  const auto other = NewDevice("other");
  EXPECT_EQ(CodeFor(other->Identity()), StatusCode::OK);
  a.TryCancel();
  b.TryCancel();
  first->Finish();
  second->Finish();
  StatusCode code = StatusCode::RESOURCE_EXHAUSTED;
  for (int i = 0; i < 200 && code == StatusCode::RESOURCE_EXHAUSTED; ++i) {
    code = CodeFor(friend_->Identity());
  }
  EXPECT_EQ(code, StatusCode::OK);
}

TEST_F(PeerDoorTest, KeepsToItsUploadLimitAndStopsWhileItWaits) {
  peers::PeerOptions options = Peering();
  options.upload_bytes_a_second = 40'960;
  Open(options);
  const auto start = std::chrono::steady_clock::now();
  const auto connection = Door(door_, friend_->Identity());
  const Fetched fetched = Fetch(connection, {chunks_.begin(), chunks_.begin() + 11});
  EXPECT_TRUE(fetched.status.ok()) << fetched.status.error_message();
  // Ten chunks of 4 KiB are waited for.
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(900));
  coordinator::Context context;
  peer::v1::GetChunksRequest request;
  request.set_protocol(1);
  for (const std::string& chunk : chunks_) request.add_sha256(chunk);
  const auto stub = peer::v1::Peer::NewStub(connection);
  const auto reader = stub->GetChunks(&context, request);
  peer::v1::GetChunksResponse response;
  ASSERT_TRUE(reader->Read(&response));
  const auto stop = std::chrono::steady_clock::now();
  member_->agent->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - stop, std::chrono::seconds(2));
  context.TryCancel();
  reader->Finish();
}

TEST(UploadPaceTest, SharesTheRateAndSavesNothingUp) {
  using std::chrono::seconds;
  const peers::UploadPace::Time now{seconds(1000)};
  peers::UploadPace pace(100);
  EXPECT_EQ(pace.Book(100, now), seconds(0));
  EXPECT_EQ(pace.Book(50, now), seconds(1));
  EXPECT_EQ(pace.Backlog(now), std::chrono::milliseconds(1500));
  EXPECT_EQ(pace.Book(1, now + seconds(60)), seconds(0));
  peers::UploadPace unlimited(0);
  EXPECT_EQ(unlimited.Book(1 << 30, now), seconds(0));
  EXPECT_EQ(unlimited.Book(1 << 30, now), seconds(0));
}

TEST(PeerAddressTest, OnlyNumericAddressesAreRead) {
  for (const char* text : {"", ":", "7402", "localhost:7402", "example.org:80", "10.0.0.1", "10.0.0.1:70000",
                           "10.0.0.1:-1", "::1:7402", "[::1]", "[10.0.0.1:7402", "10.0.0.256:1", "a:1"}) {
    EXPECT_EQ(net::ParseAddress(text), std::nullopt) << text;
  }
  EXPECT_EQ(net::ParseAddress("[FD00:0::7]:7402")->ToString(), "[fd00::7]:7402");
  EXPECT_EQ(net::AddressOfPeer("ipv6:%5B::ffff:10.1.2.3%5D:5")->ToString(), "10.1.2.3:5");
  EXPECT_EQ(net::AddressOfPeer("unix:/x"), std::nullopt);
  using net::Reach;
  for (const char* host :
       {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.3.4", "169.254.1.1", "fd00::1"}) {
    EXPECT_EQ(net::ReachOf(host), Reach::kLan) << host;
  }
  for (const char* host :
       {"0.0.0.0", "::", "8.8.8.8", "172.32.0.1", "192.169.0.1", "2001:db8::1", "fe80::1", "x"}) {
    EXPECT_EQ(net::ReachOf(host), Reach::kWide) << host;
  }
  EXPECT_EQ(net::ReachOf("127.3.4.5"), Reach::kLoopback);
  EXPECT_EQ(net::ReachOf("::1"), Reach::kLoopback);
  EXPECT_EQ(net::LocalHostTowards({"127.0.0.1", 7300}), "127.0.0.1");
  EXPECT_THAT(peers::CheckListen("on"), IsOk());
  EXPECT_THAT(peers::CheckListen("0.0.0.0:7402"), IsOk());
  EXPECT_FALSE(peers::CheckListen("yes").ok());
}

}  // namespace
}  // namespace linnet::fleet
