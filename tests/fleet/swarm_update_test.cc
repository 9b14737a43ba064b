// A site of fifty devices updates: what leaves the coordinator is about one copy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/fleet/peer_fixture.h"

namespace linnet::fleet {
namespace {

constexpr int kDevices = 50;
constexpr size_t kModelBytes = 4 << 20;
constexpr uint32_t kChunkBytes = 64 << 10;

class SwarmUpdateTest : public PeerFixture {};

TEST_F(SwarmUpdateTest, FiftyDevicesTakeAboutOneCopyFromTheCoordinator) {
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i < kDevices; ++i) members.push_back(NewPeer(absl::StrCat("device-", i)));
  const auto all = [&](const std::function<bool(Member&)>& is) {
    return std::all_of(members.begin(), members.end(), [&](const auto& member) { return is(*member); });
  };
  ASSERT_TRUE(RunUntil(
      [&] { return all([](Member& member) { return member.agent->status().coordinator_reachable; }); }));
  const Model model = SignModel("1", kModelBytes, kChunkBytes);
  ASSERT_TRUE(Publish(model).ok());
  const SignedPlan plan = PublishPlan(model, {});

  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(Start(plan).ok());
  // The clock at twice its speed: leases and check-ins are on it.
  while (!all([&](Member& member) { return member.host->running().size() == model.bytes.size(); })) {
    ASSERT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(100))
        << members[0]->agent->status().update_state << members[0]->agent->status().last_update_error;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    clock_.Advance(absl::Milliseconds(100));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const auto& member : members) EXPECT_EQ(member->host->running(), model.bytes);
  EXPECT_TRUE(RunUntil([&] { return all([](Member& member) { return member.Committed(); }); }));
  const uint64_t sent = coordinator_->chunk_bytes_sent();
  const uint64_t small = kDevices * (model.index_json.size() + plan.json.size());
  const double copies = static_cast<double>(sent - small) / static_cast<double>(model.bytes.size());
  std::printf(
      "%d devices, %zu bytes, %zu chunks: the coordinator sent %.2f copies, and index and plan to each "
      "(%.2f copies in all), in %.1f s\n",
      kDevices, model.bytes.size(), ChunksOf(model).size(), copies,
      static_cast<double>(sent) / static_cast<double>(model.bytes.size()), seconds);
  EXPECT_LE(static_cast<double>(sent) / static_cast<double>(model.bytes.size()), 2.0);
}

}  // namespace
}  // namespace linnet::fleet
