// Members that fetch from each other, with the real coordinator between them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "agent/peers/peer_source.h"
#include "runtime/net/listener.h"
#include "tests/fleet/peer_fixture.h"
#include "tests/support/status_matchers.h"

namespace linnet::fleet {
namespace {

using ::linnet::testing::IsOk;

class PeersTest : public PeerFixture {
 protected:
  // Everything that the coordinator sends a device which gets all of the model from peers.
  static uint64_t SmallBytes(const Model& model, const SignedPlan& plan) {
    return model.index_json.size() + plan.json.size();
  }
  bool UpdateOf(Member& member) {
    return RunUntil([&] { return member.Committed(); });
  }
};

TEST_F(PeersTest, AModelComesFromAPeerAndOnlyMetadataFromTheCoordinator) {
  const auto first = NewPeer("press-line-3");
  const Model model = SignModel("1", 300'000);
  ASSERT_TRUE(Publish(model).ok());
  const SignedPlan plan = PublishPlan(model, {});
  ASSERT_TRUE(Start(plan).ok());
  const auto asker = NewDevice("asker");
  ASSERT_TRUE(RunUntil([&] { return PeersThatRun(*asker, ModelHash(model)).size() == 1; }));
  EXPECT_EQ(coordinator_->chunk_bytes_sent(), model.bytes.size() + SmallBytes(model, plan));

  const uint64_t before = coordinator_->chunk_bytes_sent();
  const auto second = NewPeer("fridge-kitchen");
  ASSERT_TRUE(UpdateOf(*second)) << second->agent->status().last_update_error;
  EXPECT_EQ(second->host->running(), model.bytes);
  EXPECT_EQ(coordinator_->chunk_bytes_sent() - before, SmallBytes(model, plan));

  // What it said to the coordinator and to the peer is written down.
  bool port = false, asked_peer = false;
  for (const repo::UplinkMessage& message : second->uplink()) {
    asked_peer = asked_peer || message.message == "linnet.peer.v1.GetChunksRequest";
    for (const repo::UplinkField& field : message.fields) port = port || field.kind == "PORT";
  }
  EXPECT_TRUE(port);
  EXPECT_TRUE(asked_peer);
}

TEST_F(PeersTest, ALiarIsHeardOnceAndTheCoordinatorGivesTheModel) {
  const auto liar = NewDevice("liar");
  const BadPeer lies(BadPeer::Kind::kLies, liar->Identity());
  const Model model = SignModel("1", 300'000);
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  Claim(*liar, model, lies.port());
  const auto member = NewPeer("fridge-kitchen");
  ASSERT_TRUE(UpdateOf(*member)) << member->agent->status().last_update_error;
  EXPECT_EQ(member->host->running(), model.bytes);
  EXPECT_EQ(lies.calls(), 1);
  EXPECT_EQ(member->agent->status().last_update_error, "") << "no blame for the coordinator";
}

TEST_F(PeersTest, DeadAndSilentPeersCostSecondsAndAreNotAskedAgain) {
  const auto dead = NewDevice("dead"), silent = NewDevice("silent"), hole = NewDevice("hole");
  const BadPeer says_nothing(BadPeer::Kind::kSaysNothing, silent->Identity());
  const auto accepts = net::Listener::Open("127.0.0.1:0", 4);  // and never answers: nobody calls Start
  ASSERT_THAT(accepts, IsOk());
  int closed = 0;
  {
    const auto listener = net::Listener::Open("127.0.0.1:0", 4);
    ASSERT_THAT(listener, IsOk());
    closed = (*listener)->port();
  }
  const Model model = SignModel("1", 300'000);
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  Claim(*dead, model, closed);
  Claim(*silent, model, says_nothing.port());
  Claim(*hole, model, (*accepts)->port());
  peers::PeerOptions options = Peering();
  options.connect = absl::Seconds(1);
  options.batch = absl::Seconds(1);
  const auto start = std::chrono::steady_clock::now();
  const auto member = NewPeer("fridge-kitchen", options);
  ASSERT_TRUE(UpdateOf(*member)) << member->agent->status().last_update_error;
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(12));
  EXPECT_EQ(member->host->running(), model.bytes);
  EXPECT_LE(says_nothing.calls(), 1);
}

TEST_F(PeersTest, ASlowPeerGivesWhatItCanAndIsLeft) {
  peers::PeerOptions slow = Peering();
  slow.upload_bytes_a_second = 4096;  // a chunk
  const auto first = NewPeer("press-line-3", slow);
  const Model model = SignModel("1", 300'000);
  ASSERT_NE(Seed(*first, model), "");
  const uint64_t before = coordinator_->chunk_bytes_sent();
  peers::PeerOptions options = Peering();
  options.batch = absl::Milliseconds(1500);
  options.patience = absl::Seconds(1);
  const auto start = std::chrono::steady_clock::now();
  const auto member = NewPeer("fridge-kitchen", options);
  ASSERT_TRUE(UpdateOf(*member)) << member->agent->status().last_update_error;
  // The slow one alone would take 74 s.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_EQ(member->host->running(), model.bytes);
  const uint64_t sent = coordinator_->chunk_bytes_sent() - before;
  EXPECT_LT(sent, model.bytes.size() + model.index_json.size()) << "some chunks are the slow one's";
  EXPECT_GT(sent, model.bytes.size() / 2);
}

TEST_F(PeersTest, APeerThatIsRefusedIsNotAsked) {
  const auto revoked = NewDevice("revoked");
  const BadPeer lies(BadPeer::Kind::kLies, revoked->Identity());
  const Model model = SignModel("1", 100'000);
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  Claim(*revoked, model, lies.port());
  peers::PeerOptions options = Peering();
  options.is_refused = [id = revoked->id](const std::string& device, const base::Certificate&) {
    return device == id;
  };
  const auto member = NewPeer("fridge-kitchen", options);
  ASSERT_TRUE(UpdateOf(*member)) << member->agent->status().last_update_error;
  EXPECT_EQ(lies.calls(), 0) << "the handshake ends it";
}

TEST_F(PeersTest, WithTheCoordinatorDeadADownloadGoesOnFromPeers) {
  const auto first = NewPeer("press-line-3");
  const Model model = SignModel("1", 300'000);
  const std::string door = Seed(*first, model);
  ASSERT_NE(door, "");
  coordinator_.reset();
  const auto chunks = ChunksOf(model);
  ASSERT_GT(chunks.size(), 10u);
  // A source of the product, whose coordinator has named the peer and then is gone.
  class Gone final : public peers::ChunkCoordinator {
   public:
    explicit Gone(std::string address) : address_(std::move(address)) {}
    absl::StatusOr<std::vector<peers::PeerHint>> GetPeers(const std::string&) override {
      return std::vector<peers::PeerHint>{{address_, false}};
    }
    absl::Status FetchSparing(const std::vector<std::string>&, const OnChunk&, const OnElsewhere&) override {
      return absl::UnavailableError("gone");
    }
    absl::Status FetchAll(const std::vector<std::string>&, const OnChunk&) override {
      return absl::UnavailableError("gone");
    }

   private:
    std::string address_;
  } gone(door);
  StartCoordinator();  // only to enrol one more
  const auto device = NewDevice("third");
  coordinator_.reset();
  const auto root = base::Certificate::FromPem(
      *base::FileSystem::Real().ReadFile(dir_ / "site/coordinator/fleet-root.pem", 1 << 16));
  const peers::PeerOptions options = Peering();
  peers::PeerPool pool({[this] { return clock_.Now(); },
                        {},
                        [](const auto&) { return absl::OkStatus(); },
                        options.connect,
                        options.batch});
  pool.SetIdentity({device->Identity(), *root, device->id});
  peers::PeerSource source(options, pool, gone, 1);
  source.SetFile(ModelHash(model));
  std::set<std::string> got;
  EXPECT_THAT(source.Fetch(chunks,
                           [&](std::string_view sha256, std::string_view) {
                             got.emplace(sha256);
                             return absl::OkStatus();
                           }),
              IsOk());
  EXPECT_EQ(got, std::set<std::string>(chunks.begin(), chunks.end()));
}

// Names peers of which none can be reached, and has every chunk itself.
class IsolatedSite final : public peers::ChunkCoordinator {
 public:
  absl::StatusOr<std::vector<peers::PeerHint>> GetPeers(const std::string&) override {
    std::vector<peers::PeerHint> hints;
    for (int port = 1; port <= 4; ++port) hints.push_back({absl::StrCat("127.0.0.1:", port), true});
    return hints;
  }
  absl::Status FetchSparing(const std::vector<std::string>& sha256, const OnChunk&,
                            const OnElsewhere& on_elsewhere) override {
    ++sparing;
    for (const std::string& hash : sha256) {
      on_elsewhere(hash, {absl::StrCat("127.0.0.1:", ++port_), "8.8.8.8:7402", "example.org:7402", ""});
    }
    on_elsewhere("never asked for", {"127.0.0.1:9"});
    return absl::OkStatus();
  }
  absl::Status FetchAll(const std::vector<std::string>& sha256, const OnChunk& on_chunk) override {
    for (const std::string& hash : sha256) {
      if (const absl::Status status = on_chunk(hash, "bytes"); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  int sparing = 0;

 private:
  int port_ = 10;
};

TEST_F(PeersTest, WhereNoPeerCanBeReachedNoneIsAskedForAWhile) {
  const auto device = NewDevice("third");
  const auto root = base::Certificate::FromPem(
      *base::FileSystem::Real().ReadFile(dir_ / "site/coordinator/fleet-root.pem", 1 << 16));
  const peers::PeerOptions options = Peering();
  peers::PeerPool pool({[this] { return clock_.Now(); },
                        {},
                        [](const auto&) { return absl::OkStatus(); },
                        options.connect,
                        options.batch});
  pool.SetIdentity({device->Identity(), *root, device->id});
  IsolatedSite site;
  peers::PeerSource source(options, pool, site, 1);
  source.SetFile(std::string(32, 'f'));
  std::vector<std::string> hashes;
  for (char c = 'a'; c < 'k'; ++c) hashes.emplace_back(32, c);
  for (int fetch = 0; fetch < 3; ++fetch) {
    std::set<std::string> got;
    EXPECT_THAT(source.Fetch(hashes,
                             [&](std::string_view sha256, std::string_view) {
                               got.emplace(sha256);
                               return absl::OkStatus();
                             }),
                IsOk());
    EXPECT_EQ(got.size(), hashes.size());
  }
  EXPECT_EQ(site.sparing, 2) << "six dead ones, then none is asked";
}

TEST_F(PeersTest, APeerKeepsItsDoorWithANewCertificate) {
  const auto member = NewPeer("press-line-3");
  const Model model = SignModel("1", 50'000);
  const std::string door = Seed(*member, model);
  const absl::Time expires = member->agent->status().certificate_expires;
  clock_.Advance((expires - clock_.Now()) * 0.75);
  ASSERT_TRUE(RunUntil([&] { return member->agent->status().certificate_expires > expires; }));
  const auto other = NewDevice("other");
  ASSERT_THAT(member->agent->CheckNow(), IsOk());
  ASSERT_TRUE(RunUntil([&] { return PeersThatRun(*other, ModelHash(model)).contains(door); }));
  const Fetched fetched = Fetch(Door(door, other->Identity()), ChunksOf(model));
  EXPECT_TRUE(fetched.status.ok()) << fetched.status.error_message();
}

// The default: over loopback there is nothing to win, so nothing is opened, said or asked.
TEST_F(PeersTest, WhereThereIsNoLanTheDefaultIsOff) {
  peers::PeerOptions options;
  options.listen = "auto";
  const auto member = NewPeer("press-line-3", options);
  const Model model = SignModel("1");
  ASSERT_TRUE(Publish(model).ok());
  ASSERT_TRUE(Start(PublishPlan(model, {})).ok());
  ASSERT_TRUE(RunUntil([&] { return member->Committed(); })) << member->agent->status().last_update_error;
  for (const repo::UplinkMessage& message : member->uplink()) {
    EXPECT_NE(message.message, "linnet.fleet.v1.GetPeersRequest");
    for (const repo::UplinkField& field : message.fields) {
      EXPECT_NE(field.kind, "PORT") << message.message;
      EXPECT_NE(field.name, "asking") << message.message;
    }
  }
  EXPECT_TRUE(PeersThatRun(*NewDevice("asker"), ModelHash(model)).empty());
}

}  // namespace
}  // namespace linnet::fleet
