// linnet-agent as a process: settings, doors, exit codes, idle memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/net/enrollment_token.h"
#include "tests/agent/raw_client.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_model.h"

namespace linnet {
namespace {

using linnet::testing::TempDir;
using ::testing::HasSubstr;

constexpr char kBinary[] = LINNET_BIN_DIR "/linnet-agent";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Process {
 public:
  Process(std::vector<std::string> arguments, const TempDir& dir,
          const std::vector<std::string>& environment = {})
      : out_(dir / absl::StrCat("out", ++serial_)), err_(dir / absl::StrCat("err", serial_)) {
    arguments.insert(arguments.begin(), kBinary);
    pid_ = fork();
    if (pid_ == 0) {
      for (const std::string& variable : environment) putenv(strdup(variable.c_str()));
      if (freopen(out_.c_str(), "w", stdout) == nullptr || freopen(err_.c_str(), "w", stderr) == nullptr)
        _exit(99);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(kBinary, argv.data());
      _exit(98);
    }
  }
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  // Its exit code; 1000 + signal when a signal ended it; -1 when it did not end in 20 s.
  int Wait() {
    for (int i = 0; i < 2'000; ++i) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return -1;
  }
  bool WaitReady(const std::string& ready_file) {
    for (int i = 0; i < 4'000; ++i) {
      if (std::filesystem::exists(ready_file)) return true;
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  void Signal(int signal) const { kill(pid_, signal); }
  pid_t pid() const { return pid_; }
  std::string out() const { return ReadFile(out_); }
  std::string err() const { return ReadFile(err_); }

 private:
  static inline int serial_ = 0;
  std::string out_, err_;
  pid_t pid_ = -1;
};

std::vector<std::string> Arguments(const TempDir& dir, const std::string& state = "state") {
  return {"--state-dir", dir / state,   "--listen",     "127.0.0.1:0",
          "--http",      "127.0.0.1:0", "--ready-file", dir / (state + ".ready")};
}

std::string Value(const std::string& ready, const std::string& key) {
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(ready, '\n'))) {
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  }
  return "";
}

std::vector<std::string> With(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(ProcessTest, SaysWhereItListensServesAndEndsOnASignal) {
  const TempDir dir;
  for (const int signal : {SIGTERM, SIGINT}) {
    std::filesystem::remove(dir / "state.ready");
    Process agent(Arguments(dir), dir);
    ASSERT_TRUE(agent.WaitReady(dir / "state.ready")) << agent.err();
    const std::string ready = ReadFile(dir / "state.ready");
    EXPECT_EQ(Value(ready, "socket"), absl::StrCat("unix:", dir / "state/agent.sock"));
    EXPECT_THAT(Value(ready, "grpc"), ::testing::StartsWith("127.0.0.1:"));
    EXPECT_EQ(Value(ready, "device").size(), 32U);
    const std::string http = Value(ready, "http");
    testing::RawClient client(std::stoi(http.substr(http.rfind(':') + 1)));
    EXPECT_THAT(client.Ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                HasSubstr("\"status\":\"ok\""));
    for (int i = 0; i < 100 && agent.out().empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_THAT(agent.out(), HasSubstr("linnet-agent ready socket=unix:"));
    agent.Signal(signal);
    EXPECT_EQ(agent.Wait(), 0) << agent.err();
    EXPECT_FALSE(std::filesystem::exists(dir / "state/agent.sock"));
  }
}

TEST(ProcessTest, DoorsCanBeOff) {
  const TempDir dir;
  Process agent(
      {"--state-dir", dir / "state", "--listen", "off", "--http", "off", "--ready-file", dir / "ready"}, dir);
  ASSERT_TRUE(agent.WaitReady(dir / "ready")) << agent.err();
  const std::string ready = ReadFile(dir / "ready");
  EXPECT_EQ(Value(ready, "grpc"), "");
  EXPECT_EQ(Value(ready, "http"), "");
  EXPECT_NE(Value(ready, "socket"), "");
}

TEST(ProcessTest, IdleItIsSmallAndItStartsFast) {
#ifdef LINNET_SANITIZED
  GTEST_SKIP() << "a sanitizer's memory is not the program's";
#endif
  const TempDir dir;
  {
    Process first(Arguments(dir), dir);  // makes keys and tables
    ASSERT_TRUE(first.WaitReady(dir / "state.ready"));
    first.Signal(SIGTERM);
    ASSERT_EQ(first.Wait(), 0);
  }
  std::filesystem::remove(dir / "state.ready");
  const auto begun = std::chrono::steady_clock::now();
  Process agent(Arguments(dir), dir);
  ASSERT_TRUE(agent.WaitReady(dir / "state.ready"));
  const auto took = std::chrono::steady_clock::now() - begun;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const std::string status = ReadFile(absl::StrCat("/proc/", agent.pid(), "/status"));
  const auto kib = [&](const std::string& key) {
    return std::stol(status.substr(status.find(key) + key.size()));
  };
  RecordProperty("rss_kib", std::to_string(kib("VmRSS:")));
  RecordProperty("anonymous_kib", std::to_string(kib("RssAnon:")));
  RecordProperty("ready_ms",
                 std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  EXPECT_LE(kib("RssAnon:"), 8 << 10);
  EXPECT_LE(kib("VmRSS:"), 30 << 10);
  // 300 ms on an idle machine; tests run beside each other.
  EXPECT_LT(took, std::chrono::milliseconds(1'500));
}

TEST(ProcessTest, OneAgentAStateFolder) {
  const TempDir dir;
  Process agent(Arguments(dir), dir);
  ASSERT_TRUE(agent.WaitReady(dir / "state.ready")) << agent.err();
  Process second({"--state-dir", dir / "state", "--listen", "off", "--http", "off"}, dir);
  EXPECT_EQ(second.Wait(), 3);
  EXPECT_THAT(second.err(), HasSubstr(absl::StrCat("another agent (process ", agent.pid(), ")")));
}

TEST(ProcessTest, APortInUseHasItsOwnCode) {
  const TempDir dir;
  Process agent(Arguments(dir), dir);
  ASSERT_TRUE(agent.WaitReady(dir / "state.ready")) << agent.err();
  const std::string ready = ReadFile(dir / "state.ready");
  Process http({"--state-dir", dir / "b", "--listen", "off", "--http", Value(ready, "http")}, dir);
  EXPECT_EQ(http.Wait(), 4);
  EXPECT_THAT(http.err(), HasSubstr("in use"));
  Process grpc({"--state-dir", dir / "b", "--listen", Value(ready, "grpc"), "--http", "off"}, dir);
  EXPECT_EQ(grpc.Wait(), 4);
  EXPECT_THAT(grpc.err(), HasSubstr("in use"));
}

TEST(ProcessTest, WrongUsageHasItsOwnCode) {
  const TempDir dir;
  std::ofstream(dir / "bad.toml") << "colour = \"red\"\n";
  std::ofstream(dir / "type.toml") << "threads = \"many\"\n";
  std::ofstream(dir / "broken.toml") << "threads = \n";
  const std::pair<std::vector<std::string>, const char*> kWrong[] = {
      {{"--colour"}, "--colour"},
      {{"--threads", "many"}, "threads"},
      {{"--check-in-seconds", "0"}, "check-in-seconds"},
      {{"--kv", "f8"}, "--kv f8: expected auto, f32, f16 or q8"},
      {{"--config", dir / "bad.toml"}, "unknown setting \"colour\""},
      {{"--config", dir / "type.toml"}, "threads"},
      {{"--config", dir / "broken.toml"}, "broken.toml:1"},
      {{"--config", dir / "absent.toml"}, "absent.toml"},
      {{"--state-dir", dir / "s", "--http", "0.0.0.0:0"}, "loopback"},
      {{"--state-dir", dir / "s", "--http", "nonsense"}, "HOST:PORT"},
      {{"--state-dir", dir / "s", "--listen", "off", "--http", "off", "--token", "nonsense"}, "token"},
  };
  for (const auto& [arguments, words] : kWrong) {
    Process agent(arguments, dir);
    EXPECT_EQ(agent.Wait(), 2) << words << ": " << agent.err();
    EXPECT_THAT(agent.err(), HasSubstr(words));
  }
}

TEST(ProcessTest, AStateFolderThatCannotBeUsedHasItsOwnCode) {
  const TempDir dir;
  std::ofstream(dir / "file") << "x";
  Process not_a_folder({"--state-dir", dir / "file"}, dir);
  EXPECT_EQ(not_a_folder.Wait(), 3) << not_a_folder.err();
  EXPECT_THAT(not_a_folder.err(), HasSubstr("file"));
  Process unwritable({"--state-dir", "/proc/linnet"}, dir);
  EXPECT_EQ(unwritable.Wait(), 3) << unwritable.err();
  EXPECT_THAT(unwritable.err(), HasSubstr("/proc/linnet"));
  std::filesystem::create_directory(dir / "damaged");
  std::ofstream(dir / "damaged/state.db") << std::string(10'000, 'x');
  Process damaged({"--state-dir", dir / "damaged"}, dir);
  EXPECT_EQ(damaged.Wait(), 3) << damaged.err();
  EXPECT_THAT(damaged.err(), HasSubstr("state.db"));
}

TEST(ProcessTest, AFullDiskIsOneLine) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "/dev/full is absent";
  const TempDir dir;
  std::filesystem::create_directory(dir / "full");
  chmod((dir / "full").c_str(), 0700);
  std::filesystem::create_symlink("/dev/full", dir / "full/lock");
  Process agent({"--state-dir", dir / "full"}, dir);
  EXPECT_EQ(agent.Wait(), 3) << agent.err();
  EXPECT_THAT(agent.err(), HasSubstr("space"));
}

TEST(ProcessTest, AModelFileThatIsNoneIsNamed) {
  const TempDir dir;
  std::ofstream(dir / "bad.gguf") << "not a model";
  Process agent(With(Arguments(dir), {"--model", dir / "bad.gguf"}), dir);
  EXPECT_EQ(agent.Wait(), 1) << agent.err();
  EXPECT_THAT(agent.err(), HasSubstr("bad.gguf"));
}

TEST(ProcessTest, FlagsHoldOverTheEnvironmentAndThatOverTheFile) {
  const TempDir dir;
  std::ofstream(dir / "agent.toml") << "state-dir = \"" << dir / "from-file"
                                    << "\"\nlisten = \"off\"\nhttp = \"off\"\n"
                                    << "ready-file = \"" << dir / "ready" << "\"\nname = \"from-file\"\n";
  {
    Process agent({"--config", dir / "agent.toml"}, dir);
    ASSERT_TRUE(agent.WaitReady(dir / "ready")) << agent.err();
    EXPECT_TRUE(std::filesystem::exists(dir / "from-file/state.db"));
  }
  std::filesystem::remove(dir / "ready");
  {
    Process agent({"--config", dir / "agent.toml"}, dir, {"LINNET_STATE_DIR=" + (dir / "from-environment")});
    ASSERT_TRUE(agent.WaitReady(dir / "ready")) << agent.err();
    EXPECT_TRUE(std::filesystem::exists(dir / "from-environment/state.db"));
  }
  std::filesystem::remove(dir / "ready");
  {
    Process agent({"--config", dir / "agent.toml", "--state-dir", dir / "from-flag"}, dir,
                  {"LINNET_STATE_DIR=" + (dir / "from-environment-2")});
    ASSERT_TRUE(agent.WaitReady(dir / "ready")) << agent.err();
    EXPECT_TRUE(std::filesystem::exists(dir / "from-flag/state.db"));
    EXPECT_FALSE(std::filesystem::exists(dir / "from-environment-2"));
  }
}

TEST(ProcessTest, KeysAndValuesAreKeptAsTheSettingsSay) {
  const TempDir dir;
  testing::WriteTinyModel(dir / "tiny.gguf");
  std::ofstream(dir / "agent.toml") << "kv = \"q8\"\n";
  const std::vector<std::string> plain = With(Arguments(dir), {"--model", dir / "tiny.gguf"});
  const std::pair<std::vector<std::string>, const char*> kKept[] = {
      {plain, R"("kv":"f32")"},  // as the weights
      {With(plain, {"--config", dir / "agent.toml"}), R"("kv":"q8")"},
      {With(plain, {"--config", dir / "agent.toml", "--kv", "f16"}), R"("kv":"f16")"},
  };
  for (const auto& [arguments, words] : kKept) {
    std::filesystem::remove(dir / "state.ready");
    Process agent(arguments, dir);
    ASSERT_TRUE(agent.WaitReady(dir / "state.ready")) << agent.err();
    EXPECT_THAT(agent.err(), HasSubstr(words));
    agent.Signal(SIGTERM);
    EXPECT_EQ(agent.Wait(), 0) << agent.err();
  }
}

// The token is well formed and nobody answers at its address: the device joins later, and answers now.
TEST(ProcessTest, ATokenOfACoordinatorThatIsAwayDoesNotKeepTheAgentFromItsOwner) {
  const TempDir dir;
  net::EnrollmentToken token;
  token.coordinator_address = "127.0.0.1:1";
  token.spki_sha256 = std::string(32, 'p');
  token.id = std::string(8, 'i');
  token.secret = std::string(32, 's');
  Process agent(With(Arguments(dir), {"--token", token.Encode()}), dir);
  ASSERT_TRUE(agent.WaitReady(dir / "state.ready")) << agent.err();
  EXPECT_EQ(agent.err().find(token.Encode()), std::string::npos);
  agent.Signal(SIGTERM);
  EXPECT_EQ(agent.Wait(), 0) << agent.err();
}

TEST(ProcessTest, HelpAndVersionAreNoErrors) {
  const TempDir dir;
  Process help({"--help"}, dir);
  EXPECT_EQ(help.Wait(), 0);
  EXPECT_THAT(help.out(), HasSubstr("Exit codes"));
  Process version({"--version"}, dir);
  EXPECT_EQ(version.Wait(), 0);
  EXPECT_THAT(version.out(), HasSubstr("linnet-agent 0."));
}

}  // namespace
}  // namespace linnet
