#include "storage/chunks/paced_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace linnet::chunks {
namespace {

using ::linnet::testing::FakeClock;
using ::testing::ElementsAre;

constexpr uint64_t kRate = 1000;  // bytes a second
constexpr size_t kChunk = 2500;

class PacedSourceTest : public ::testing::Test {
 protected:
  class Line final : public ChunkSource {
   public:
    explicit Line(FakeClock& clock) : clock_(clock) {}
    absl::Status Fetch(
        const std::vector<std::string>& sha256,
        const std::function<absl::Status(std::string_view, std::string_view)>& on_chunk) override {
      calls.push_back(sha256.size());
      clock_.Advance(takes);
      for (const std::string& hash : sha256) {
        if (const absl::Status status = on_chunk(hash, std::string(kChunk, 'c')); !status.ok()) return status;
      }
      return answer;
    }
    absl::Duration takes;
    absl::Status answer;
    std::vector<size_t> calls;

   private:
    FakeClock& clock_;
  };
  absl::Status Fetch(int chunks) {
    return paced_.Fetch(std::vector<std::string>(static_cast<size_t>(chunks), "h"),
                        [&](std::string_view, std::string_view data) {
                          bytes_ += data.size();
                          return absl::OkStatus();
                        });
  }

  FakeClock clock_;
  Line line_{clock_};
  std::vector<absl::Duration> waits_;
  absl::Status wait_answer_;
  uint64_t bytes_ = 0;
  PacedSource paced_{line_, kRate, clock_, [this](absl::Duration time) {
                       waits_.push_back(time);
                       clock_.Advance(time);
                       return wait_answer_;
                     }};
};

TEST_F(PacedSourceTest, KeepsToTheRateFromTheSecondChunkOnAlsoAcrossCalls) {
  const absl::Time begin = clock_.Now();
  ASSERT_TRUE(Fetch(3).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(2.5), absl::Seconds(2.5)));
  ASSERT_TRUE(Fetch(8).ok());
  EXPECT_EQ(bytes_, 11 * kChunk);
  EXPECT_EQ(clock_.Now() - begin, absl::Seconds(10 * 2.5));
  EXPECT_THAT(line_.calls, ::testing::Each(1)) << "no call is open while we pause";
}

TEST_F(PacedSourceTest, TimeThatTheLineTookIsNotWaitedForAgain) {
  line_.takes = absl::Seconds(1);
  ASSERT_TRUE(Fetch(2).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(1.5)));
  line_.takes = absl::Seconds(60);
  ASSERT_TRUE(Fetch(3).ok());
  EXPECT_EQ(waits_.size(), 2u) << "a slow line is not made slower";
}

TEST_F(PacedSourceTest, WhatWasNotUsedIsNotSavedUp) {
  ASSERT_TRUE(Fetch(1).ok());
  clock_.Advance(absl::Hours(5));
  ASSERT_TRUE(Fetch(2).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(2.5)));
}

TEST_F(PacedSourceTest, AClockThatWasSetMakesNoLongPause) {
  ASSERT_TRUE(Fetch(1).ok());
  clock_.Advance(-absl::Hours(24 * 365));
  ASSERT_TRUE(Fetch(1).ok());
  line_.takes = -absl::Hours(7);  // set back while a chunk came
  ASSERT_TRUE(Fetch(2).ok());
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(2.5), absl::Seconds(2.5), absl::Seconds(2.5)));
}

TEST_F(PacedSourceTest, AStopInAPauseEndsTheFetch) {
  wait_answer_ = absl::CancelledError("stopping");
  EXPECT_EQ(Fetch(5).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(bytes_, kChunk);
}

TEST_F(PacedSourceTest, ASourceThatFailsAtOnceAfterSendingIsNotAskedFasterForIt) {
  line_.answer = absl::UnavailableError("line broke");
  EXPECT_EQ(Fetch(5).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Fetch(5).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(waits_, ElementsAre(absl::Seconds(2.5)));
}

}  // namespace
}  // namespace linnet::chunks
