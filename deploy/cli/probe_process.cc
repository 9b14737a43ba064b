#include "deploy/cli/probe_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status_macros.h"
#include "runtime/base/utf8.h"

namespace linnet::cli {
namespace {

constexpr absl::Duration kSelfCheckTime = absl::Minutes(2);
constexpr absl::Duration kSuiteTime = absl::Minutes(30);
// A model of 40 GB from a slow disk; people see how far it is and may end it.
constexpr absl::Duration kPackTime = absl::Hours(1);
constexpr size_t kMaxOutput = 64 << 10;

std::string ProbePath() {
  std::error_code error;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  return self.substr(0, self.find_last_of('/')) + "/linnet-probe";
}

std::vector<char*> Argv(std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return argv;
}

absl::Status NoProbe(const std::string& path, int error) {
  return absl::NotFoundError(
      absl::StrCat(path, ": ", std::strerror(error), "; it is installed beside linnet"));
}

// Reads until the child closes its output; false when the time is over.
bool ReadAll(int fd, absl::Time end, std::string& out) {
  char buffer[4096];
  while (true) {
    pollfd waited = {.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left = absl::ToInt64Milliseconds(end - absl::Now());
    if (left <= 0) return false;
    if (poll(&waited, 1, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if ((waited.revents & (POLLIN | POLLHUP)) == 0) continue;
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    if (out.size() < kMaxOutput) out.append(buffer, static_cast<size_t>(n));
  }
}

// Runs `linnet-probe model WORDS... --json`; its own words when it fails, else `otherwise`. `draws`: it may
// draw on standard error, if that is a terminal. Returns what it printed.
absl::StatusOr<nlohmann::json> RunProbe(const std::vector<std::string>& what, absl::Duration most,
                                        const std::string& late, const std::string& otherwise,
                                        bool draws = false) {
  const std::string path = ProbePath();
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return absl::ResourceExhaustedError(std::strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
  if (!draws || isatty(STDERR_FILENO) == 0) {
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  std::vector<std::string> words = {path, "model"};
  words.insert(words.end(), what.begin(), what.end());
  words.emplace_back("--json");
  pid_t child = 0;
  const int spawned = posix_spawn(&child, path.c_str(), &actions, nullptr, Argv(words).data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_fds[1]);
  if (spawned != 0) {
    close(pipe_fds[0]);
    return NoProbe(path, spawned);
  }
  std::string output;
  const bool in_time = ReadAll(pipe_fds[0], absl::Now() + most, output);
  close(pipe_fds[0]);
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time) return absl::DeadlineExceededError(late);
  nlohmann::json report = nlohmann::json::parse(output, nullptr, /*allow_exceptions=*/false);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return report;
  const std::string why = report.is_object() ? report.value("error", "") : "";
  const bool no_room = report.is_object() && report.value("code", "") == "RESOURCE_EXHAUSTED";
  return absl::Status(no_room ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kInvalidArgument,
                      why.empty() ? otherwise : base::OneLine(why, 400));
}

}  // namespace

absl::Status BecomeProbe(std::vector<std::string> words) {
  const std::string path = ProbePath();
  words.insert(words.begin(), {path, "model"});
  execv(path.c_str(), Argv(words).data());
  return NoProbe(path, errno);
}

absl::StatusOr<SuiteScore> SelfCheck(const std::string& file, const std::string& suite) {
  std::vector<std::string> words = {"selfcheck", file};
  if (!suite.empty()) words.insert(words.end(), {"--suite", suite});
  const absl::Duration most = suite.empty() ? kSelfCheckTime : kSuiteTime;
  LINNET_ASSIGN_OR_RETURN(
      const nlohmann::json report,
      RunProbe(words, most,
               absl::StrCat(file, ": its self-check took more than ", absl::FormatDuration(most)),
               absl::StrCat(file, ": its self-check failed; it is not a model that runs here")));
  SuiteScore score;
  if (!suite.empty() && report.is_object() && report.contains("suite")) {
    const nlohmann::json& said = report["suite"];
    score.cases = said.value("cases", uint64_t{0});
    score.passed = said.value("passed", uint64_t{0});
    score.failed = said.value("failed", std::vector<std::string>());
  }
  return score;
}

absl::Status PackModel(const std::string& file, const std::string& out) {
  return RunProbe({"pack", file, out, "--force", "--quiet"}, kPackTime,
                  absl::StrCat(file, ": packing it took more than an hour"),
                  absl::StrCat(file, ": could not be packed"), /*draws=*/true)
      .status();
}

}  // namespace linnet::cli
