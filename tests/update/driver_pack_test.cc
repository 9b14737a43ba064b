// What a device takes from the network: packs that are whole. The self-check here is the product's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/packed_model.h"
#include "tests/update/test_fleet.h"

namespace linnet::update {
namespace {

using ::linnet::testing::FakeClock;
using ::linnet::testing::PackedBytes;
using ::linnet::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kStarter[] = LINNET_SOURCE_DIR "/deploy/starter/linnet-starter.gguf";

class PackTest : public ::testing::Test {
 protected:
  PackTest() {
    // Under an emulator, too.
    std::ofstream(dir_ / "probe.sh") << "exec " LINNET_EMULATOR " " LINNET_BIN_DIR "/linnet-probe \"$@\"\n";
    ProcessProbeOptions options;
    options.program = dir_ / "probe.sh";
    options.runner = "/bin/sh";
    probe_ = MakeProcessProbe(options);
    device_.probe.real = probe_.get();
    auto gguf = base::FileSystem::Real().ReadFile(kStarter, 1 << 24);
    EXPECT_TRUE(gguf.ok()) << gguf.status();
    gguf_ = *std::move(gguf);
    pack_ = PackedBytes(gguf_);
  }
  // Rolls `bytes` out as release `release` and waits for the device's report. The target.
  std::string Roll(std::string_view bytes, uint64_t release) {
    const std::string target = site_.PublishModel(bytes, absl::StrCat(release), release);
    device_.link.plan = site_.PublishPlan(site_.PlanFor(target));
    EXPECT_TRUE(device_.RunUntilIdleAfter(static_cast<int>(++rolls_)))
        << device_.state_name() << ": " << device_.driver->last_error();
    return target;
  }
  // The device runs what it ran before, has said so, and does not try again under this plan.
  void ExpectRefused(Reason reason) {
    EXPECT_EQ(device_.link.reasons().back(), reason) << device_.driver->last_error();
    EXPECT_EQ(device_.link.last_receipt()->outcome, Outcome::kFailed);
    EXPECT_EQ(device_.active(), pack_);
    EXPECT_EQ(device_.host->running, pack_);
    EXPECT_EQ(device_.host->switches, 1) << "it was not even tried";
    const int runs = device_.probe.runs;
    device_.transcript.clear();
    EXPECT_TRUE(device_.RunChecks(3));
    EXPECT_EQ(device_.probe.runs, runs);
    EXPECT_THAT(device_.transcript, Not(::testing::Contains("DOWNLOAD")));
    EXPECT_EQ(device_.link.reasons().size(), rolls_);
  }

  FakeClock clock_;
  TempDir dir_;
  TestSite site_{clock_};
  TestDevice device_{site_, clock_};
  std::unique_ptr<Probe> probe_;
  std::string gguf_, pack_;
  size_t rolls_ = 0;
};

TEST_F(PackTest, AGgufIsRefusedBeforeAnythingReadsItEvenWhenItIsSigned) {
  Roll(pack_, 1);
  ASSERT_EQ(device_.link.last_receipt()->outcome, Outcome::kPassed) << device_.driver->last_error();
  const int runs = device_.probe.runs;
  const std::string target = Roll(gguf_, 2);  // sound, signed, and by its name a pack
  EXPECT_EQ(device_.probe.runs, runs);
  EXPECT_THAT(device_.driver->last_error(),
              AllOf(HasSubstr(target), HasSubstr("is a GGUF"), HasSubstr("linnet model publish")));
  ExpectRefused(Reason::kNotPacked);
  // Nor does another plan, or what begins like nothing known, get further.
  device_.link.plan = site_.PublishPlan(site_.PlanFor(target));
  ASSERT_TRUE(device_.RunUntilIdleAfter(static_cast<int>(++rolls_)));
  ExpectRefused(Reason::kNotPacked);
  Roll("LINNETP" + pack_, 3);
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("does not begin with LINNETPK"));
  ExpectRefused(Reason::kNotPacked);
  Roll("GG", 4);
  ExpectRefused(Reason::kNotPacked);
  EXPECT_EQ(device_.probe.runs, runs);
}

TEST_F(PackTest, ADamagedPackIsRefusedBeforeAnythingRunsItEvenWhenItIsSigned) {
  Roll(pack_, 1);
  ASSERT_EQ(device_.link.last_receipt()->outcome, Outcome::kPassed) << device_.driver->last_error();
  // In the piece before the last, which a start does not look at: only the check of every byte finds it.
  std::string damaged = pack_;
  damaged[damaged.size() - (64 << 10)] ^= 1;
  Roll(damaged, 2);
  EXPECT_THAT(device_.driver->last_error(), AllOf(HasSubstr("checksum"), HasSubstr("damaged")));
  ExpectRefused(Reason::kWillNotLoad);
  Roll(pack_.substr(0, pack_.size() - 100), 3);
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("cut short"));
  ExpectRefused(Reason::kWillNotLoad);
  Roll("LINNETPK", 4);
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("cut short"));
  ExpectRefused(Reason::kWillNotLoad);
  damaged = pack_;
  damaged[8] = 9;
  Roll(damaged, 5);
  EXPECT_THAT(device_.driver->last_error(), HasSubstr("version 9"));
  ExpectRefused(Reason::kWillNotLoad);
}

TEST_F(PackTest, AfterAFileThatWasOfferedAnUpdateFetchesOnlyWhatIsNew) {
  site_.PublishModel(pack_, "1", 1);
  ASSERT_TRUE(base::FileSystem::Real().WriteFileAtomic(dir_ / "offered.linnet", pack_).ok());
  const auto offered = device_.driver->Offer(dir_ / "offered.linnet", "");
  ASSERT_TRUE(offered.ok()) << offered.status();
  ASSERT_TRUE(device_.RunUntil([&] { return device_.driver->state() == State::kIdle; }));
  ASSERT_EQ(device_.active(), pack_);
  device_.link.chunks_sent = 0;
  // The same tensors, of another GGUF: readers ignore what follows the last.
  const std::string next = PackedBytes(gguf_ + std::string(32, '\0'));
  ASSERT_NE(next, pack_);
  Roll(next, 2);
  EXPECT_EQ(device_.active(), next);
  EXPECT_EQ(device_.link.chunks_sent, 3) << "plan, index, and the head, which names the GGUF";
}

}  // namespace
}  // namespace linnet::update
