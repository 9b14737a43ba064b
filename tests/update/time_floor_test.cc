#include "agent/update/time_floor.h"

#include <gtest/gtest.h>

#include "runtime/base/file_system.h"
#include "storage/repo/device.h"
#include "storage/trust/metadata.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::IsOk;

constexpr absl::Duration kDay = absl::Hours(24);

class TimeFloorTest : public ::testing::Test {
 protected:
  TimeFloorTest() : state_(*repo::StateDatabase::Open(dir_ / "state.db")) {
    EXPECT_THAT(state_->Write([&] { return repo::Device(state_->db()).LoadOrCreate("").status(); }), IsOk());
  }
  absl::Time Floor() {
    absl::Time floor;
    EXPECT_THAT(state_->Read([&] {
      floor = *repo::Device(state_->db()).BelievedTime();
      return absl::OkStatus();
    }),
                IsOk());
    return floor;
  }
  void Prove(absl::Time time) {
    EXPECT_THAT(state_->Write([&] { return repo::Device(state_->db()).RaiseBelievedTime(time); }), IsOk());
  }
  std::function<absl::Duration()> uptime() {
    return [this] { return up_; };
  }

  linnet::testing::TempDir dir_{true};
  FakeClock clock_;
  absl::Duration up_ = absl::Hours(5);
  std::unique_ptr<repo::StateDatabase> state_;
};

TEST_F(TimeFloorTest, MovesOnWithUpTimeAndIsWrittenOnceAnHour) {
  const absl::Time noon = clock_.Now();
  Prove(noon);
  TimeFloor floor(*state_, uptime());
  int writes = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    up_ += absl::Minutes(1);
    const absl::Time before = Floor();
    ASSERT_THAT(floor.MoveOn(), IsOk());
    writes += Floor() != before;
    EXPECT_LE(Floor(), noon + absl::Minutes(minute + 1)) << "never ahead";
    EXPECT_GT(Floor(), noon + absl::Minutes(minute) - absl::Hours(1));
  }
  EXPECT_EQ(Floor(), noon + kDay);
  EXPECT_EQ(writes, 24);
}

TEST_F(TimeFloorTest, KeepsWhatPassedWhenTheProcessEnds) {
  const absl::Time noon = clock_.Now();
  Prove(noon);
  for (int start = 1; start <= 3; ++start) {  // twenty minutes a day
    TimeFloor floor(*state_, uptime());
    up_ += absl::Minutes(20);
    ASSERT_THAT(floor.MoveOn(), IsOk());
    ASSERT_THAT(floor.MoveOn(/*now=*/true), IsOk());
    ASSERT_THAT(floor.MoveOn(/*now=*/true), IsOk());
    EXPECT_EQ(Floor(), noon + start * absl::Minutes(20));
  }
}

TEST_F(TimeFloorTest, EvidenceThatComesMeanwhileIsNotCountedTwice) {
  const absl::Time noon = clock_.Now();
  Prove(noon);
  TimeFloor floor(*state_, uptime());
  up_ += absl::Minutes(50);
  Prove(noon + kDay);  // it was a day later all the time
  up_ += absl::Minutes(50);
  ASSERT_THAT(floor.MoveOn(), IsOk());
  EXPECT_LE(Floor(), noon + kDay + absl::Minutes(50));
  up_ += absl::Hours(2);
  ASSERT_THAT(floor.MoveOn(), IsOk());
  EXPECT_EQ(Floor(), noon + kDay + absl::Hours(2));
  // Evidence that is older than what up-time says changes nothing.
  Prove(noon + kDay + absl::Hours(3));
  up_ += absl::Hours(5);
  ASSERT_THAT(floor.MoveOn(), IsOk());
  EXPECT_EQ(Floor(), noon + kDay + absl::Hours(7));
}

TEST_F(TimeFloorTest, WithoutAnyProofThereIsNoFloor) {
  TimeFloor floor(*state_, uptime());
  up_ += 30 * kDay;
  ASSERT_THAT(floor.MoveOn(), IsOk());
  EXPECT_EQ(Floor(), absl::UnixEpoch());
}

TEST(BoundedEvidenceTest, ARightClockBoundsItAndAWrongOneTheHorizon) {
  const absl::Time now = FakeClock().Now(), horizon = now + 90 * kDay, lie = now + 3653 * kDay;
  const absl::Time floor = now - kDay, epoch = absl::FromUnixSeconds(60);
  EXPECT_EQ(BoundedEvidence(now - absl::Hours(2), now, floor, horizon), now - absl::Hours(2));
  EXPECT_EQ(BoundedEvidence(lie, now, floor, horizon), now);
  EXPECT_EQ(BoundedEvidence(lie, floor - absl::Minutes(5), floor, horizon), floor - absl::Minutes(5))
      << "clocks differ a little";
  EXPECT_EQ(BoundedEvidence(now, epoch, floor, horizon), now);
  EXPECT_EQ(BoundedEvidence(lie, epoch, floor, horizon), horizon);
  EXPECT_EQ(BoundedEvidence(lie, epoch, floor, absl::InfinitePast()), absl::InfinitePast());
}

class LearnTimeTest : public TimeFloorTest {
 protected:
  // A member that has refreshed.
  LearnTimeTest() { EXPECT_TRUE(device_.RunChecks(1)) << device_.driver->last_error(); }
  absl::Time DeviceFloor() {
    absl::Time floor;
    EXPECT_THAT(device_.state->Read([&] {
      floor = *repo::Device(device_.state->db()).BelievedTime();
      return absl::OkStatus();
    }),
                IsOk());
    return floor;
  }
  void SignAnew() { EXPECT_THAT(site_.repository().SignOnlineRoles(kDay), IsOk()); }

  TestSite site_{clock_};
  FakeClock own_{clock_.Now()};
  TestDevice device_{site_, own_};
};

TEST_F(LearnTimeTest, WhenTheTimestampWasSignedIsProof) {
  const absl::Time first = DeviceFloor();
  EXPECT_EQ(first, clock_.Now());
  for (FakeClock* clock : {&clock_, &own_}) clock->Advance(3 * kDay);
  SignAnew();
  ASSERT_TRUE(device_.RunChecks(1));
  EXPECT_EQ(DeviceFloor(), first + 3 * kDay);
  // A minute later is not worth a write.
  for (FakeClock* clock : {&clock_, &own_}) clock->Advance(absl::Minutes(1));
  SignAnew();
  ASSERT_TRUE(device_.RunChecks(1));
  EXPECT_EQ(DeviceFloor(), first + 3 * kDay);
}

TEST_F(LearnTimeTest, TheHorizonIsTheFirstOfTheOfflineExpiries) {
  trust::TrustStore store(device_.files, device_.dir / "trust");
  const auto targets = trust::Envelope::Parse(**store.Load("targets"));
  EXPECT_EQ(OfflineHorizon(store), trust::ParseTargets(*targets)->expires);
  ASSERT_THAT(store.Delete("targets"), IsOk());
  const auto root = trust::Envelope::Parse(**store.Load("root"));
  EXPECT_EQ(OfflineHorizon(store), trust::ParseRoot(*root)->expires);
  ASSERT_THAT(store.Delete("root"), IsOk());
  EXPECT_EQ(OfflineHorizon(store), absl::InfinitePast());
}

// Back one year, after an update; by whoever serves the time on this network, say.
TEST_F(LearnTimeTest, AClockSetBackAYearAfterAnUpdateMakesNothingExpiredFresh) {
  // The plan is of three days before: only the metadata say that it is later.
  const std::string plan = site_.PublishPlan(site_.PlanFor(site_.PublishModel(ModelBytes("one"), "1", 1)));
  for (FakeClock* clock : {&clock_, &own_}) clock->Advance(3 * kDay);
  SignAnew();
  device_.link.plan = plan;
  ASSERT_TRUE(device_.RunUntilIdleAfter(1)) << device_.driver->last_error();
  const absl::Time updated = clock_.Now();

  own_.Set(updated - 365 * kDay);
  device_.Restart();
  // Newer by its number, signed two days before and held back since.
  clock_.Set(updated - 2 * kDay);
  SignAnew();
  ASSERT_TRUE(device_.RunChecks(1));
  EXPECT_NE(device_.driver->last_error().find("timestamp: expired"), std::string::npos)
      << device_.driver->last_error();
  // Control: one that is fresh is taken.
  clock_.Set(updated + absl::Hours(1));
  SignAnew();
  ASSERT_TRUE(device_.RunChecks(1));
  EXPECT_EQ(device_.driver->last_error(), "");
}

}  // namespace
}  // namespace linnet::update
