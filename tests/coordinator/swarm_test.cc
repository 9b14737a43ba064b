#include "coordinator/swarm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_clock.h"

namespace linnet::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SwarmTest : public ::testing::Test {
 protected:
  void Serves(const std::string& device, const std::string& host, uint16_t port = 7402,
              const std::string& model = "") {
    swarm_.Saw(device, {host, port}, model);
  }
  std::vector<std::string> Ask(const std::string& device, const std::string& chunk) {
    return swarm_.Ask(device, "10.0.0.99", chunk);
  }
  std::set<std::string> PeersOf(const std::string& device, const std::string& file,
                                const std::string& from = "10.0.0.99") {
    std::set<std::string> out;
    for (const Swarm::Peer& peer : swarm_.PeersFor(device, from, file)) {
      out.insert(peer.address + (peer.complete ? "+" : ""));
    }
    return out;
  }

  testing::FakeClock clock_;
  std::set<std::string> revoked_;
  Swarm swarm_{clock_, [this](const std::string& device) { return !revoked_.contains(device); }, 1};
};

TEST_F(SwarmTest, EachChunkIsGivenToOneDeviceAndTheOthersAreToldWhere) {
  Serves("a", "10.0.0.1");
  Serves("b", "10.0.0.2");
  Serves("c", "10.0.0.3", 9000);
  EXPECT_THAT(Ask("a", "one"), IsEmpty());
  EXPECT_THAT(Ask("b", "one"), ElementsAre("10.0.0.1:7402"));
  EXPECT_THAT(Ask("c", "two"), IsEmpty());
  EXPECT_THAT(Ask("a", "two"), ElementsAre("10.0.0.3:9000"));
  EXPECT_THAT(Ask("a", "one"), IsEmpty()) << "the lease is its own";
}

TEST_F(SwarmTest, WhoWasToldIsNamedToLaterOnesAfterWhoWasGivenIt) {
  for (int i = 1; i < 60; ++i) Serves(absl::StrCat("d", i), absl::StrCat("10.0.0.", i));
  EXPECT_THAT(Ask("d1", "one"), IsEmpty());
  EXPECT_THAT(Ask("d2", "one"), ElementsAre("10.0.0.1:7402"));
  EXPECT_THAT(Ask("d3", "one"), ElementsAre("10.0.0.1:7402", "10.0.0.2:7402"));
  EXPECT_THAT(Ask("d2", "one"), ElementsAre("10.0.0.1:7402", "10.0.0.3:7402")) << "never itself";
  for (int i = 4; i < 60; ++i) {
    const std::vector<std::string> told = Ask(absl::StrCat("d", i), "one");
    ASSERT_LE(told.size(), Swarm::kMostTold);
    EXPECT_EQ(told[0], "10.0.0.1:7402");
  }
  // The first is gone before it was sent: the others cannot have it from each other.
  swarm_.GiveUp("d1", "one");
  EXPECT_THAT(Ask("d2", "one"), IsEmpty());
  EXPECT_EQ(Ask("d3", "one")[0], "10.0.0.2:7402");
}

TEST_F(SwarmTest, ALeaseIsKeptWhileChunksBeforeItAreOnTheirWay) {
  Serves("a", "10.0.0.1");
  Serves("b", "10.0.0.2");
  EXPECT_THAT(Ask("a", "one"), IsEmpty());
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(Swarm::kLease - absl::Seconds(1));
    swarm_.Keep("a", "one");
  }
  EXPECT_THAT(Ask("b", "one"), ElementsAre("10.0.0.1:7402"));
  swarm_.Keep("a", "nothing");
  swarm_.GiveUp("a", "nothing");
}

TEST_F(SwarmTest, ALeaseThatWasNotUsedEndsAndOneThatWasLastsLonger) {
  Serves("a", "10.0.0.1");
  Serves("b", "10.0.0.2");
  EXPECT_THAT(Ask("a", "one"), IsEmpty());
  EXPECT_THAT(Ask("a", "two"), IsEmpty());
  swarm_.Sent("a", "two");
  clock_.Advance(Swarm::kLease + absl::Seconds(1));
  EXPECT_THAT(Ask("b", "one"), IsEmpty());
  EXPECT_THAT(Ask("b", "two"), ElementsAre("10.0.0.1:7402"));
  clock_.Advance(Swarm::kHeld);
  EXPECT_THAT(Ask("b", "two"), IsEmpty());
}

TEST_F(SwarmTest, WhoServesNobodyTakesNoLease) {
  Serves("b", "10.0.0.2");
  EXPECT_THAT(Ask("stranger", "one"), IsEmpty());
  swarm_.Sent("stranger", "one");
  EXPECT_THAT(Ask("b", "one"), IsEmpty());
  EXPECT_THAT(Ask("stranger", "one"), ElementsAre("10.0.0.2:7402"));
  Serves("b", "10.0.0.2", 0);  // has switched it off
  EXPECT_THAT(Ask("stranger", "one"), IsEmpty());
}

TEST_F(SwarmTest, RevokedSilentAndUnreachableDevicesAreNotNamed) {
  Serves("a", "10.0.0.1", 7402, "model");
  Serves("here", "127.0.0.1", 7402, "model");
  EXPECT_THAT(PeersOf("x", "model"), UnorderedElementsAre("10.0.0.1:7402+"));
  EXPECT_THAT(PeersOf("x", "model", "127.0.0.1"), UnorderedElementsAre("10.0.0.1:7402+", "127.0.0.1:7402+"));
  EXPECT_THAT(Ask("a", "one"), IsEmpty());
  Serves("b", "10.0.0.2");
  revoked_.insert("a");
  EXPECT_THAT(PeersOf("x", "model"), IsEmpty());
  EXPECT_THAT(Ask("b", "one"), IsEmpty()) << "takes over what the revoked one holds";
  revoked_.clear();
  clock_.Advance(Swarm::kRemembered + absl::Seconds(1));
  EXPECT_THAT(PeersOf("x", "model"), IsEmpty());
}

TEST_F(SwarmTest, PeersAreThoseThatRunTheFileThenThoseThatFetchItNeverTheAsker) {
  Serves("a", "10.0.0.1", 7402, "model");
  Serves("b", "10.0.0.2", 7402, "other");
  Serves("c", "10.0.0.3");
  EXPECT_THAT(PeersOf("b", "model"), UnorderedElementsAre("10.0.0.1:7402+"));
  EXPECT_THAT(PeersOf("c", "model"), UnorderedElementsAre("10.0.0.1:7402+", "10.0.0.2:7402"));
  EXPECT_THAT(PeersOf("a", "model"), UnorderedElementsAre("10.0.0.2:7402", "10.0.0.3:7402"));
  for (int i = 0; i < 40; ++i) Serves(absl::StrCat("d", i), absl::StrCat("10.0.1.", i), 7402, "model");
  const auto many = swarm_.PeersFor("c", "10.0.0.3", "model");
  ASSERT_EQ(many.size(), Swarm::kMostPeers);
  for (const Swarm::Peer& peer : many) EXPECT_TRUE(peer.complete);
}

TEST_F(SwarmTest, WhoSaysItsPortWhenItAsksForPeersServesToo) {
  swarm_.Serves("a", {"10.0.0.1", 7402});  // this process has heard no check-in yet
  EXPECT_THAT(PeersOf("a", "model"), IsEmpty());
  EXPECT_THAT(PeersOf("b", "model"), UnorderedElementsAre("10.0.0.1:7402"));
  Serves("c", "10.0.0.3", 7402, "model");
  swarm_.Serves("c", {"10.0.0.4", 7402});
  swarm_.Serves("a", {"10.0.0.1", 0});  // says nothing
  EXPECT_THAT(PeersOf("b", "model"), UnorderedElementsAre("10.0.0.1:7402", "10.0.0.4:7402+"));
}

TEST_F(SwarmTest, ItsMemoryIsBounded) {
  Serves("a", "10.0.0.1");
  Serves("b", "10.0.0.2");
  for (size_t i = 0; i < Swarm::kMostChunks + 100; ++i) Ask("a", absl::StrCat("chunk ", i));
  EXPECT_EQ(swarm_.chunks(), Swarm::kMostChunks);
  EXPECT_THAT(Ask("b", "chunk 0"), IsEmpty()) << "forgotten: given once more";
  EXPECT_THAT(Ask("b", absl::StrCat("chunk ", Swarm::kMostChunks)), ElementsAre("10.0.0.1:7402"));
  for (size_t i = 0; i < Swarm::kMostDevices + 10; ++i)
    Serves(absl::StrCat("device ", i), "10.1.0.1", 1, "m");
  EXPECT_THAT(PeersOf("x", "m"), ElementsAre("10.1.0.1:1+"));
}

}  // namespace
}  // namespace linnet::coordinator
