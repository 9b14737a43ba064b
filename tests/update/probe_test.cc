#include "agent/update/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace linnet::update {
namespace {

using ::linnet::testing::TempDir;
using ::testing::HasSubstr;
using Kind = ProbeResult::Kind;

class ProbeTest : public ::testing::Test {
 protected:
  // Runs a shell script in place of linnet-probe.
  ProbeResult Run(const std::string& script, absl::Duration timeout = absl::Seconds(60),
                  const std::function<bool()>& cancel = nullptr) {
    std::ofstream(dir_ / "probe.sh") << script << "\n";
    ProcessProbeOptions options;
    options.program = dir_ / "probe.sh";
    options.runner = "/bin/sh";
    options.timeout = timeout;
    return MakeProcessProbe(options)->Run("/models/a b", suite_, cancel);
  }
  TempDir dir_;
  std::string suite_;
};

TEST_F(ProbeTest, ATrueAnswerPasses) {
  const ProbeResult result = Run("echo \"{\\\"ok\\\":true,\\\"args\\\":\\\"$1 $2 $3 $4\\\"}\"");
  EXPECT_EQ(result.kind, Kind::kPassed) << result.message;
  EXPECT_EQ(result.json, "{\"ok\":true,\"args\":\"model selfcheck /models/a b --json\"}\n");
}

TEST_F(ProbeTest, ASuiteIsGivenAlongAndHasTimeOfItsOwn) {
  suite_ = "/state/a suite";
  const ProbeResult result =
      Run("sleep 0.5; printf '%s' \"{\\\"args\\\":\\\"$4 $5 $6\\\"}\"", absl::Milliseconds(100));
  EXPECT_EQ(result.kind, Kind::kPassed) << result.message;
  EXPECT_EQ(result.json, "{\"args\":\"--json --suite /state/a suite\"}");
}

TEST_F(ProbeTest, AnExitCodeIsANoAndTheLastLineSaysWhy) {
  const ProbeResult result = Run("echo first >&2; printf 'tensor \\001 is short\\n' >&2; exit 3");
  EXPECT_EQ(result.kind, Kind::kFailed);
  EXPECT_THAT(result.message, HasSubstr("exit code 3: tensor ? is short"));
}

TEST_F(ProbeTest, ASignalIsACrash) {
  const ProbeResult result = Run("kill -SEGV $$");
  EXPECT_EQ(result.kind, Kind::kCrashed);
  EXPECT_THAT(result.message, HasSubstr("signal 11"));
}

TEST_F(ProbeTest, ASlowOneIsKilledWithItsChildren) {
  const auto start = std::chrono::steady_clock::now();
  const ProbeResult result =
      Run("sleep 1000 & echo $! > " + (dir_ / "child") + "; wait", absl::Milliseconds(600));
  EXPECT_EQ(result.kind, Kind::kTimedOut);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  pid_t child = 0;
  std::ifstream(dir_ / "child") >> child;
  ASSERT_GT(child, 0);
  for (int i = 0; i < 100 && kill(child, 0) == 0; ++i) {
    // It is an orphan now; whoever reaps it needs a moment. A zombie counts as gone.
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    if (text.find(") Z ") != std::string::npos || text.empty()) return;
    struct timespec pause = {0, 20'000'000};
    nanosleep(&pause, nullptr);
  }
  EXPECT_NE(kill(child, 0), 0);
}

TEST_F(ProbeTest, StopsWhenTheAgentStops) {
  const ProbeResult result = Run("sleep 1000", absl::Minutes(5), [] { return true; });
  EXPECT_EQ(result.kind, Kind::kCancelled);
}

TEST_F(ProbeTest, EndlessOutputIsDropped) {
  const ProbeResult result = Run("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 1");
  EXPECT_EQ(result.kind, Kind::kFailed);
  EXPECT_LE(result.json.size(), 65536u);
  EXPECT_LE(result.message.size(), 400u);
}

TEST_F(ProbeTest, AProgramThatIsNotThereIsNotTheModelsFault) {
  ProcessProbeOptions options;
  options.program = dir_ / "missing";
  const ProbeResult result = MakeProcessProbe(options)->Run("/m", "", nullptr);
  EXPECT_EQ(result.kind, Kind::kCannotRun);
  EXPECT_THAT(result.message, HasSubstr("missing"));
}

TEST_F(ProbeTest, TheChildSeesNoDescriptorOfOurs) {
  std::ofstream secret(dir_ / "secret");
  const ProbeResult result = Run("ls /proc/self/fd | tr '\\n' ' '");
  EXPECT_EQ(result.kind, Kind::kPassed);
  // ls holds 3 itself, for the folder.
  EXPECT_THAT(result.json, ::testing::StartsWith("0 1 2 "));
  EXPECT_LE(result.json.size(), 12u) << result.json;
}

}  // namespace
}  // namespace linnet::update
