#include "agent/sensors/detector.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace linnet::sensors {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kSeed = 20260101;

DetectorOptions Quick() {
  DetectorOptions options;
  options.warm_up_readings = 128;
  options.warm_up_time = absl::ZeroDuration();
  return options;
}

// Feeds one channel, a reading a second, and collects what happens.
class Feed {
 public:
  explicit Feed(DetectorOptions options = Quick(), std::string channel = "temperature_bearing",
                std::string unit = "°C")
      : channel_(channel), unit_(unit), detector_(channel, unit, options) {}

  void Add(double value) {
    ++second_;
    const auto added = detector_.Add({channel_, absl::FromUnixSeconds(second_), value, unit_});
    ASSERT_TRUE(added.ok()) << added.status();
    events.insert(events.end(), added->begin(), added->end());
  }
  void Noise(int readings, double level, double sigma) {
    std::normal_distribution<double> normal(level, sigma);
    for (int i = 0; i < readings; ++i) Add(normal(random_));
  }
  void Skip(int seconds) { second_ += seconds; }
  absl::Time now() const { return absl::FromUnixSeconds(second_); }
  Detector& detector() { return detector_; }

  std::vector<Event> events;

 private:
  std::string channel_, unit_;
  Detector detector_;
  int64_t second_ = 1'000'000;
  std::mt19937 random_{kSeed};
};

TEST(DetectorTest, StaysQuietOnNoise) {
  Feed feed;
  feed.Noise(50'000, 60, 0.5);
  EXPECT_TRUE(feed.events.empty()) << "seed " << kSeed;
  EXPECT_NEAR(feed.detector().baseline(), 60, 0.3);
  EXPECT_NEAR(feed.detector().spread(), 0.5, 0.15);
}

TEST(DetectorTest, ReportsNothingWhileWarmingUp) {
  Feed feed;
  feed.Noise(60, 60, 0.5);
  feed.Noise(60, 90, 0.5);
  EXPECT_TRUE(feed.events.empty());
  EXPECT_FALSE(feed.detector().warmed_up());
}

TEST(DetectorTest, WarmsUpForAnHourByDefault) {
  Feed feed((DetectorOptions()));
  feed.Noise(3599, 60, 0.5);
  EXPECT_FALSE(feed.detector().warmed_up());
  feed.Noise(2, 60, 0.5);
  EXPECT_TRUE(feed.detector().warmed_up());
}

TEST(DetectorTest, FindsAJumpItsStartItsEndAndItsFacts) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  const absl::Time start = feed.now() + absl::Seconds(1);
  for (int i = 0; i < 100; ++i) feed.Add(80 + 0.01 * i);
  const absl::Time last = feed.now();
  feed.Noise(100, 60, 0.5);
  ASSERT_EQ(feed.events.size(), 2u);
  const Anomaly& begun = feed.events[0].anomaly;
  EXPECT_EQ(feed.events[0].kind, EventKind::kStarted);
  EXPECT_TRUE(begun.ongoing);
  EXPECT_EQ(begun.start, start);
  EXPECT_EQ(begun.severity, Severity::kCritical);
  const Anomaly& ended = feed.events[1].anomaly;
  EXPECT_EQ(feed.events[1].kind, EventKind::kEnded);
  EXPECT_FALSE(ended.ongoing);
  EXPECT_EQ(ended.sequence, begun.sequence);
  EXPECT_EQ(ended.direction, Direction::kHigh);
  EXPECT_EQ(ended.kind, SensorKind::kTemperature);
  EXPECT_EQ(ended.unit, "°C");
  EXPECT_EQ(ended.value, 80.99);
  EXPECT_NEAR(ended.baseline, 60, 0.3);
  EXPECT_EQ(ended.start + ended.duration, last);
}

TEST(DetectorTest, FindsAFall) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  feed.Noise(20, 40, 0.5);
  ASSERT_EQ(feed.events.size(), 1u);
  EXPECT_EQ(feed.events[0].anomaly.direction, Direction::kLow);
}

TEST(DetectorTest, OneWildReadingIsNoAnomaly) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  feed.Add(500);
  feed.Noise(50, 60, 0.5);
  feed.Add(-500);
  feed.Noise(500, 60, 0.5);
  EXPECT_TRUE(feed.events.empty());
  EXPECT_NEAR(feed.detector().baseline(), 60, 0.3);
}

TEST(DetectorTest, GrowsMoreSevereStepByStep) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  for (int i = 0; i < 400; ++i) feed.Add(60 + 0.025 * i);
  std::vector<Severity> seen;
  for (const Event& event : feed.events) seen.push_back(event.anomaly.severity);
  EXPECT_THAT(seen, ::testing::ElementsAre(Severity::kInfo, Severity::kWarning, Severity::kCritical));
  EXPECT_EQ(feed.events.back().kind, EventKind::kEscalated);
}

TEST(DetectorTest, DoesNotFlickerAtTheThreshold) {
  Feed feed;
  feed.Noise(1000, 60, 0.5);
  // Around 4 standard deviations, for a long time.
  feed.Noise(600, 62.1, 0.3);
  feed.Noise(100, 60, 0.5);
  int starts = 0;
  for (const Event& event : feed.events) starts += event.kind == EventKind::kStarted ? 1 : 0;
  EXPECT_LE(starts, 1);
}

TEST(DetectorTest, FindsRestlessness) {
  Feed feed;
  feed.Noise(1000, 60, 0.5);
  for (int i = 0; i < 100; ++i) feed.Add(60 + (i % 2 == 0 ? 2.0 : -2.0));
  ASSERT_FALSE(feed.events.empty());
  const Anomaly& anomaly = feed.events[0].anomaly;
  EXPECT_EQ(anomaly.direction, Direction::kUnsteady);
  EXPECT_GT(anomaly.value, 2 * anomaly.baseline);
}

TEST(DetectorTest, FindsAStuckSensor) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  const absl::Time stuck = feed.now() + absl::Seconds(1);
  for (int i = 0; i < 300; ++i) feed.Add(60.25);
  feed.Noise(50, 60, 0.5);
  ASSERT_GE(feed.events.size(), 2u);
  EXPECT_EQ(feed.events[0].anomaly.direction, Direction::kStuck);
  EXPECT_EQ(feed.events[0].anomaly.value, 60.25);
  EXPECT_GT(feed.events[0].anomaly.baseline, 0);
  EXPECT_EQ(feed.events[0].anomaly.start, stuck);
  EXPECT_EQ(feed.events.back().kind, EventKind::kEnded);
}

TEST(DetectorTest, AConstantChannelIsNotStuckButAChangeIsSeen) {
  Feed feed;
  for (int i = 0; i < 2000; ++i) feed.Add(100);
  EXPECT_TRUE(feed.events.empty());
  for (int i = 0; i < 8; ++i) feed.Add(110);
  ASSERT_EQ(feed.events.size(), 1u);
  EXPECT_EQ(feed.events[0].anomaly.direction, Direction::kHigh);
}

TEST(DetectorTest, ARoundedSensorIsNeitherStuckNorRestless) {
  Feed feed;
  std::mt19937 random(kSeed);
  std::normal_distribution<double> step(0, 0.02);
  double level = 20;
  for (int i = 0; i < 20'000; ++i) {
    level += step(random) - 0.01 * (level - 20);
    feed.Add(std::round(level * 5) / 5);
  }
  EXPECT_TRUE(feed.events.empty()) << Name(feed.events[0].anomaly.direction);
}

TEST(DetectorTest, FollowsASlowDrift) {
  Feed feed;
  std::mt19937 random(kSeed);
  std::normal_distribution<double> noise(0, 0.5);
  for (int i = 0; i < 40'000; ++i) feed.Add(20 + 0.0001 * i + noise(random));
  EXPECT_TRUE(feed.events.empty());
}

TEST(DetectorTest, AcceptsANewNormalAfterADay) {
  DetectorOptions options = Quick();
  options.accept_readings = 1000;
  options.accept_time = absl::Seconds(1000);
  Feed feed(options);
  feed.Noise(500, 60, 0.5);
  feed.Noise(3000, 70, 0.5);
  ASSERT_FALSE(feed.events.empty());
  EXPECT_EQ(feed.events.back().kind, EventKind::kEnded);
  EXPECT_NEAR(feed.detector().baseline(), 70, 0.3);
}

TEST(DetectorTest, AGapEndsAnAnomaly) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  feed.Noise(20, 80, 0.5);
  feed.Skip(3600);
  feed.Noise(1, 60, 0.5);
  ASSERT_EQ(feed.events.size(), 2u);
  EXPECT_EQ(feed.events[1].kind, EventKind::kEnded);
  EXPECT_LE(feed.events[1].anomaly.duration, absl::Seconds(20));
}

TEST(DetectorTest, ChangesDirectionWithAnEndAndAStart) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  feed.Noise(20, 80, 0.1);
  feed.Noise(20, 40, 0.1);
  ASSERT_EQ(feed.events.size(), 3u);
  EXPECT_EQ(feed.events[1].kind, EventKind::kEnded);
  EXPECT_EQ(feed.events[2].kind, EventKind::kStarted);
  EXPECT_EQ(feed.events[2].anomaly.direction, Direction::kLow);
  EXPECT_EQ(feed.events[2].anomaly.sequence, 2u);
}

TEST(DetectorTest, RefusesWhatIsNoReadingAndGoesOn) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  Detector& detector = feed.detector();
  const double before = detector.baseline();
  const absl::Time later = feed.now() + absl::Seconds(1);
  const auto refused = [&](absl::Time time, double value, const std::string& unit) {
    const auto added = detector.Add({"temperature_bearing", time, value, unit});
    EXPECT_EQ(added.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(added.status().message());
  };
  EXPECT_THAT(refused(later, std::nan(""), "°C"), HasSubstr("not a number"));
  EXPECT_THAT(refused(later, std::numeric_limits<double>::infinity(), "°C"), HasSubstr("infinite"));
  EXPECT_THAT(refused(feed.now(), 60, "°C"), HasSubstr("is not after the last one"));
  EXPECT_THAT(refused(feed.now() - absl::Hours(1), 60, "°C"), HasSubstr("is not after the last one"));
  EXPECT_THAT(refused(later, 60, "bar"), HasSubstr("unit changed from \"°C\" to \"bar\""));
  EXPECT_EQ(detector.baseline(), before);
  EXPECT_EQ(detector.readings(), 500u);
  feed.Noise(100, 60, 0.5);
  EXPECT_TRUE(feed.events.empty());
}

TEST(DetectorTest, ConvertsAUnitThatChanges) {
  Feed feed;
  feed.Noise(500, 60, 0.5);
  for (int i = 1; i <= 50; ++i) {
    const auto added = feed.detector().Add(
        {"temperature_bearing", feed.now() + absl::Seconds(i), 140 + 0.1 * (i % 3), "°F"});
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_TRUE(added->empty());
  }
}

TEST(DetectorTest, TheSameReadingsGiveTheSameEvents) {
  Feed a, b;
  for (Feed* feed : {&a, &b}) {
    feed->Noise(500, 60, 0.5);
    feed->Noise(50, 63, 0.8);
    feed->Noise(500, 60, 0.5);
  }
  ASSERT_EQ(a.events.size(), b.events.size());
  for (size_t i = 0; i < a.events.size(); ++i) {
    EXPECT_EQ(a.events[i].anomaly.z, b.events[i].anomaly.z);
    EXPECT_EQ(a.events[i].anomaly.start, b.events[i].anomaly.start);
  }
}

}  // namespace
}  // namespace linnet::sensors
