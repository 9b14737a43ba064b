// linnet-coordinator as a process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "absl/time/clock.h"
#include "runtime/base/clock.h"
#include "runtime/base/file_system.h"
#include "storage/trust/site.h"
#include "tests/support/temp_dir.h"

namespace linnet::coordinator {
namespace {

using ::testing::HasSubstr;

class BinaryTest : public ::testing::Test {
 protected:
  // Standard error goes to `log`.
  pid_t Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), LINNET_BIN_DIR "/linnet-coordinator");
    const pid_t child = fork();
    if (child == 0) {
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      if (freopen((dir_ / "log").c_str(), "w", stderr) == nullptr) _exit(99);
      if (freopen("/dev/null", "w", stdout) == nullptr) _exit(99);
      execv(argv[0], argv.data());
      _exit(98);
    }
    return child;
  }
  static int ExitCode(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string Slurp(const std::string& name) {
    std::ifstream file(dir_ / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  bool WaitFor(const std::string& name) {
    for (int i = 0; i < 1000; ++i) {
      if (access((dir_ / name).c_str(), F_OK) == 0) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  testing::TempDir dir_;
};

TEST_F(BinaryTest, ServesUntilSigtermWithOptionsOfAFile) {
  ASSERT_TRUE(trust::InitSite(base::FileSystem::Real(), dir_ / "site", {}, base::Clock::Real()).ok());
  std::ofstream(dir_ / "coordinator.toml")
      << "site-dir = \"" << dir_ / "site/coordinator" << "\"\nstate-dir = \"" << dir_ / "state"
      << "\"\nlisten = \"127.0.0.1:0\"\n";
  const pid_t child =
      Run({"--config", dir_ / "coordinator.toml", "--admin", "127.0.0.1:0", "--ready-file", dir_ / "ready"});
  ASSERT_TRUE(WaitFor("ready")) << Slurp("log");
  EXPECT_THAT(Slurp("ready"), HasSubstr("fleet=127.0.0.1:"));
  EXPECT_THAT(Slurp("ready"), HasSubstr("admin=127.0.0.1:"));
  struct stat info{};
  ASSERT_EQ(stat((dir_ / "state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  kill(child, SIGTERM);
  EXPECT_EQ(ExitCode(child), 0) << Slurp("log");
}

TEST_F(BinaryTest, SaysInOneLineWhyItDoesNotStart) {
  EXPECT_EQ(ExitCode(Run({"--site-dir", dir_ / "none", "--state-dir", dir_ / "state"})), 1);
  const std::string log = Slurp("log");
  EXPECT_THAT(log, HasSubstr("linnet site init"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_EQ(ExitCode(Run({"--nonsense"})), 2);
  std::ofstream(dir_ / "bad.toml") << "no-such-option = 1\n";
  EXPECT_EQ(ExitCode(Run({"--config", dir_ / "bad.toml", "--site-dir", "a", "--state-dir", "b"})), 2);
  EXPECT_EQ(ExitCode(Run({"--help"})), 0);
}

}  // namespace
}  // namespace linnet::coordinator
