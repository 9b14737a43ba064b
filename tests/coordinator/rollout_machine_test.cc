#include "coordinator/rollout_machine.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "linnet/admin/v1/admin.pb.h"

namespace linnet::coordinator {
namespace {

using State = RolloutState;
using Event = RolloutEvent;

constexpr State kStates[] = {State::kRunning,   State::kPaused,     State::kStopped,     State::kHalted,
                             State::kCompleted, State::kSuperseded, State::kRollingBack, State::kRolledBack};
constexpr Event kEvents[] = {Event::kStop,        Event::kTooManyFailures, Event::kPlanExpired,
                             Event::kAllReported, Event::kNewerPlan,       Event::kPause,
                             Event::kLift,        Event::kRollBack,        Event::kRollBackEnded,
                             Event::kWaveMissed};

TEST(RolloutMachineTest, EveryStateTimesEveryEvent) {
  // "-": FailedPrecondition.
  constexpr const char* kBack = "rolling back";
  const char* expected[8][10] = {
      //  stop       too many  expired   all reported newer         pause     lift       roll back  ended
      //  missed
      {"stopped", "halted", "paused", "completed", "superseded", "paused", "-", kBack, "-",
       "paused"},                                                                      // running
      {"stopped", "halted", "-", "-", "superseded", "-", "running", kBack, "-", "-"},  // paused
      {"-", "-", "-", "-", "superseded", "-", "-", kBack, "-", "-"},                   // stopped
      {"stopped", "-", "-", "-", "superseded", "-", "running", kBack, "-", "-"},       // halted
      {"stopped", "halted", "-", "-", "superseded", "paused", "-", kBack, "-", "-"},   // completed
      {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},                              // superseded
      {"-", "-", "-", "-", "superseded", "-", "-", "-", "rolled back", "-"},           // rolling back
      {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},                              // rolled back
  };
  for (size_t s = 0; s < std::size(kStates); ++s) {
    for (size_t e = 0; e < std::size(kEvents); ++e) {
      const auto next = Next(kStates[s], kEvents[e]);
      EXPECT_EQ(next.ok() ? Name(*next) : "-", expected[s][e]) << Name(kStates[s]) << " " << Name(kEvents[e]);
      if (!next.ok()) {
        EXPECT_EQ(next.status().code(), absl::StatusCode::kFailedPrecondition);
      }
    }
  }
}

TEST(RolloutMachineTest, NothingButASignedLiftLeadsBackToRunning) {
  for (const State state : kStates) {
    for (const Event event : kEvents) {
      if (event == Event::kLift) continue;
      const auto next = Next(state, event);
      EXPECT_TRUE(!next.ok() || *next != State::kRunning) << Name(state) << " " << Name(event);
    }
  }
}

TEST(RolloutMachineTest, AStoppedRolloutNeverRunsAgain) {
  std::set<State> reached = {State::kStopped};
  for (size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const State state : std::set<State>(reached)) {
      for (const Event event : kEvents) {
        if (const auto next = Next(state, event); next.ok()) reached.insert(*next);
      }
    }
  }
  for (const State state : reached) EXPECT_FALSE(Offers(state)) << Name(state);
}

TEST(RolloutMachineTest, EveryStateReachesTheEnd) {
  for (const State state : kStates) {
    if (state == State::kSuperseded || state == State::kRolledBack) continue;
    EXPECT_EQ(*Next(state, Event::kNewerPlan), State::kSuperseded);
  }
}

TEST(RolloutMachineTest, StoredNumbersAreThoseOfTheProtocol) {
  EXPECT_EQ(static_cast<int>(State::kRunning), admin::v1::RUNNING);
  EXPECT_EQ(static_cast<int>(State::kPaused), admin::v1::PAUSED);
  EXPECT_EQ(static_cast<int>(State::kStopped), admin::v1::STOPPED);
  EXPECT_EQ(static_cast<int>(State::kHalted), admin::v1::HALTED);
  EXPECT_EQ(static_cast<int>(State::kCompleted), admin::v1::COMPLETED);
  EXPECT_EQ(static_cast<int>(State::kSuperseded), admin::v1::SUPERSEDED);
  EXPECT_EQ(static_cast<int>(State::kRollingBack), admin::v1::ROLLING_BACK);
  EXPECT_EQ(static_cast<int>(State::kRolledBack), admin::v1::ROLLED_BACK);
}

TEST(RolloutMachineTest, StoppedNeverOffers) {
  for (const State state : kStates) EXPECT_FALSE(Offers(state) && Stops(state));
  EXPECT_TRUE(Stops(State::kStopped));
  EXPECT_TRUE(Stops(State::kHalted));
  EXPECT_FALSE(Offers(State::kPaused));
}

TEST(OpensAtTest, TheFirstWaveOpensAtOnce) {
  const trust::PlanWave wave{.name = "canary", .passes_needed = 7, .soak = absl::Hours(1)};
  EXPECT_EQ(OpensAt(wave, {}, absl::InfinitePast()), absl::InfinitePast());
}

TEST(OpensAtTest, LaterWavesNeedPassesAndTheSoakAfterTheLastNeeded) {
  const absl::Time t0 = absl::FromUnixSeconds(1000);
  const trust::PlanWave wave{.name = "all", .passes_needed = 2, .soak = absl::Seconds(60)};
  const std::vector<absl::Time> one = {t0 + absl::Seconds(10)};
  const std::vector<absl::Time> three = {t0 + absl::Seconds(10), t0 + absl::Seconds(20),
                                         t0 + absl::Seconds(500)};
  EXPECT_EQ(OpensAt(wave, one, t0), absl::InfiniteFuture());
  EXPECT_EQ(OpensAt(wave, three, t0), t0 + absl::Seconds(80));
}

TEST(OpensAtTest, WithoutPassesTheSoakRunsFromTheWaveBefore) {
  const absl::Time t0 = absl::FromUnixSeconds(1000);
  const trust::PlanWave wave{.name = "all", .passes_needed = 0, .soak = absl::Seconds(60)};
  EXPECT_EQ(OpensAt(wave, {}, t0), t0 + absl::Seconds(60));
}

}  // namespace
}  // namespace linnet::coordinator
